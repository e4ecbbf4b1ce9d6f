"""Suggestion: one `ask` with 100, 1,000 and 10,000 finished trials, for every algorithm, and bare Optuna beside it.

Algorithms that label their points (rungs, generations) get a history that they have made, the others a random one.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from katib_control.api.experiment import Experiment
from katib_control.api.suggestion import Question, TrialAssignment
from katib_control.api.trial import Trial
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.registry import ALGORITHMS
from katib_control.suggestion.space import SearchSpace, search_space

T = TypeVar("T")
SIZES = (100, 1000, 10_000)
LARGE = 20_000
COLD_GOAL = 1500.0
GOALS: dict[str, tuple[float, float, float]] = {
    **dict.fromkeys(("random", "grid", "sobol", "hyperband", "asha", "pbt"), (2.0, 2.0, 2.0)),
    **dict.fromkeys(("tpe", "multivariate-tpe", "bohb"), (10.0, 15.0, 25.0)),
    "cmaes": (10.0, 10.0, 10.0),
    "bayesianoptimization": (250.0, 250.0, 250.0),
}
"""Milliseconds of a warm suggestion at each size."""

REQUIRED = {
    "r_l": "81", "resource_name": "epochs", "n_population": "40", "truncation_threshold": "0.2",
    "suggestion_trial_dir": "/tmp/checkpoints",
}  # fmt: skip
_WARM = 9


def measure(*, quick: bool) -> dict[str, object]:
    """Return milliseconds: first ask after a start (history read anew), and the median of the following ones.

    Processor time is beside the time on the clock: where the two differ, the machine was busy with something else.
    Each point that was asked for is the next finished trial, on both sides, as in a search with one trial at a time.
    """
    figures: dict[str, object] = {}
    for algorithm in ALGORITHMS:
        try:
            figures |= _algorithm(algorithm, SIZES[:2] if quick else (*SIZES, LARGE))
        except Exception as error:
            figures[f"{algorithm}_failed"] = f"{type(error).__name__}: {error}"
    for name, sampler in _samplers().items():
        for size in SIZES[:2] if quick else SIZES:
            figures[f"optuna_{name}_{size}_ms"] = _optuna(sampler, History("random").grown(size))
    return figures


def _algorithm(name: str, sizes: Sequence[int]) -> dict[str, object]:
    """Return one algorithm's figures beside the goals."""
    History(name).ask(Engine(), 1)
    figures: dict[str, object] = {}
    labelled = "ownStart" in ALGORITHMS[name].supports
    history = History(name)
    source = history if labelled else History("random")
    for size in sizes:
        source.grow(size)
        history.trials = list(source.trials)
        figure = _ours(history)
        if size in SIZES and name in GOALS:
            figure["goal"] = GOALS[name][SIZES.index(size)]
        if size == SIZES[-1]:
            figure["first_goal"] = COLD_GOAL
        figures[f"{name}_{size}_ms"] = figure
    return figures


class History:
    """Finished trials of an Experiment over six parameters: doubles, ints, a list and a category."""

    def __init__(self, algorithm: str) -> None:
        self.owner = _experiment(algorithm)
        self.trials: list[Trial] = []
        self._space: SearchSpace = search_space(self.owner.spec.parameters)

    def grow(self, size: int) -> None:
        """Let the algorithm itself suggest until there are so many, in batches."""
        engine = Engine()
        while len(self.trials) < size:
            found = self.ask(engine, min(200, size - len(self.trials)))
            if not found:
                raise RuntimeError(f"no more points after {len(self.trials)} trials")
            for item in found:
                self.finish(item)

    def grown(self, size: int) -> History:
        """Return it with so many."""
        self.grow(size)
        return self

    def ask(self, engine: Engine, count: int = 1) -> Sequence[TrialAssignment]:
        """Ask for points."""
        known = len(self.trials)
        question = Question(experiment=self.owner, trials=list(self.trials), index=known, count=count)
        return engine.ask(question).assignments

    def finish(self, assignment: TrialAssignment) -> None:
        """Let a point succeed; the loss is its squared distance from a place, and a little noise."""
        index = len(self.trials)
        values = {item.name: item.value for item in assignment.parameter_assignments}
        shares = self.shares(values)
        noise = random.Random(index).random() * 0.01
        loss = repr(sum((share - 0.3) ** 2 for share in shares) + noise)
        self.trials.append(Trial.decode({
            "metadata": {"name": f"t-{index}", "namespace": "default", "uid": str(index),
                         "annotations": {"katib.kubeflow.org/index": str(index)}},
            "spec": {"objective": {"type": "minimize", "objectiveMetricName": "loss"}, "labels": assignment.labels,
                     "parameterAssignments": [{"name": name, "value": value} for name, value in values.items()]},
            "status": {"conditions": [{"type": "Succeeded", "status": "True"}],
                       "observation": {"metrics": [{"name": "loss", "min": loss, "max": loss, "latest": loss}]}},
        }))  # fmt: skip

    def shares(self, values: dict[str, str]) -> tuple[float, ...]:
        """Return where a point is in the unit cube."""
        point = self._space.read(values)
        if point is None:
            raise ValueError(f"{values} is not in the search space")
        return self._space.units(point)


def _experiment(algorithm: str) -> Experiment:
    known = {item.name for item in ALGORITHMS[algorithm].settings}
    step = {"step": "0.001"} if algorithm == "grid" else {}
    spaces: list[tuple[str, str, dict[str, Any]]] = [
        ("lr", "double", {"min": "0.001", "max": "1", **step} | ({} if step else {"distribution": "logUniform"})),
        ("momentum", "double", {"min": "0.5", "max": "0.99", **step}),
        ("units", "int", {"min": "16", "max": "512", "step": "16"}),
        ("epochs", "int", {"min": "1", "max": "81"}),
        ("batch", "discrete", {"list": ["16", "32", "64", "128", "256"]}),
        ("optimizer", "categorical", {"list": ["sgd", "adam", "rmsprop", "ftrl"]}),
    ]
    return Experiment.decode({
        "metadata": {"name": "suggest", "namespace": "default", "uid": "6b1c1f5e-0000-4000-8000-000000000001"},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss"}, "maxTrialCount": 100_000,
            "parallelTrialCount": 200,
            "algorithm": {"algorithmName": algorithm, "algorithmSettings": [
                {"name": name, "value": value} for name, value in REQUIRED.items() if name in known
            ]},
            "parameters": [
                {"name": name, "parameterType": kind, "feasibleSpace": space} for name, kind, space in spaces
            ],
        },
    })  # fmt: skip


def _ours(history: History) -> dict[str, float]:
    engine = Engine()
    return _timed(lambda: history.ask(engine), lambda found: history.finish(found[0]))


def _optuna(sampler: Any, history: History) -> dict[str, float]:
    import optuna

    names = [item.name for item in history.owner.spec.parameters]
    kinds = optuna.distributions
    space = {name: kinds.FloatDistribution(0, 1) for name in names[:2]} | {
        "units": kinds.IntDistribution(0, 31), "epochs": kinds.IntDistribution(1, 81),
        "batch": kinds.IntDistribution(0, 4), "optimizer": kinds.CategoricalDistribution(range(4)),
    }  # fmt: skip
    study = optuna.create_study(sampler=sampler)
    for trial in history.trials:
        values = trial.spec.assignments
        shares = history.shares(values)
        params = dict(zip(names, shares, strict=True)) | {
            "units": int(values["units"]) // 16 - 1, "epochs": int(values["epochs"]),
            "batch": int(shares[4] * 5), "optimizer": int(shares[5] * 4),
        }  # fmt: skip
        loss = sum((share - 0.3) ** 2 for share in shares)
        study.add_trial(optuna.create_trial(params=params, distributions=space, value=loss))
    return _timed(lambda: study.ask(space), lambda trial: study.tell(trial, trial.params["lr"]))


def _samplers() -> dict[str, Any]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return {
        "random": optuna.samplers.RandomSampler(seed=1),
        "tpe": optuna.samplers.TPESampler(seed=1, multivariate=False, constant_liar=True),
        "tpe_multivariate": optuna.samplers.TPESampler(seed=1),
        "cmaes": optuna.samplers.CmaEsSampler(seed=1),
    }


def _timed(ask: Callable[[], T], finish: Callable[[T], Any]) -> dict[str, float]:
    wall, cpu = [], []
    for _ in range(1 + _WARM):
        since, spent = time.perf_counter(), time.process_time()
        found = ask()
        wall.append(1000 * (time.perf_counter() - since))
        cpu.append(1000 * (time.process_time() - spent))
        finish(found)
    return {
        "first": round(wall[0], 2), "later": round(statistics.median(wall[1:]), 2),
        "first_cpu": round(cpu[0], 2), "later_cpu": round(statistics.median(cpu[1:]), 2),
    }  # fmt: skip
