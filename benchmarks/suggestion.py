"""Suggestion: one `ask` with 100, 1,000 and 10,000 finished trials, beside a bare Optuna study of the same history."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.workload import experiment
from katib_control.api.experiment import Experiment
from katib_control.api.suggestion import Question
from katib_control.api.trial import Trial
from katib_control.suggestion.engine import Engine

ALGORITHMS = ("random", "grid", "tpe")


def measure(*, quick: bool) -> dict[str, object]:
    """Return milliseconds: first ask after a start (history read anew), and the median of the following ones."""
    figures: dict[str, object] = {}
    for size in (100, 1000) if quick else (100, 1000, 10_000):
        trials = [_trial(index) for index in range(size + 20)]
        for algorithm in ALGORITHMS:
            first, later = _ours(algorithm, trials, size)
            figures[f"{algorithm}_{size}_ms"] = {"first": first, "later": later}
        for name, sampler in _samplers().items():
            first, later = _optuna(sampler, trials, size)
            figures[f"optuna_{name}_{size}_ms"] = {"first": first, "later": later}
    return figures


def _trial(index: int) -> Trial:
    x, y = (index * 0.6180339887) % 1, (index * 0.7548776662) % 1
    return Trial.decode({
        "metadata": {"name": f"t-{index}", "namespace": "default", "uid": str(index),
                     "annotations": {"katib.kubeflow.org/index": str(index)}},
        "spec": {"objective": {"type": "minimize", "objectiveMetricName": "loss"},
                 "parameterAssignments": [{"name": "x", "value": repr(x)}, {"name": "y", "value": repr(y)}]},
        "status": {"conditions": [{"type": "Succeeded", "status": "True"}],
                   "observation": {"metrics": [{"name": "loss", "min": repr(x * y), "max": repr(x * y),
                                                "latest": repr(x * y)}]}},
    })  # fmt: skip


def _ours(algorithm: str, trials: list[Trial], size: int) -> tuple[float, float]:
    body = experiment("suggest", ["true"], trials=100_000)
    body["metadata"]["uid"] = "6b1c1f5e-0000-4000-8000-000000000001"
    body["spec"]["algorithm"] = {"algorithmName": algorithm}
    if algorithm == "grid":
        for parameter in body["spec"]["parameters"]:
            parameter["feasibleSpace"]["step"] = "0.001"
    wanted, engine = Experiment.decode(body), Engine()

    def ask(known: int) -> None:
        engine.ask(Question(experiment=wanted, trials=trials[:known], index=known, count=1))

    return _timed(ask, size)


def _optuna(sampler: Any, trials: list[Trial], size: int) -> tuple[float, float]:
    import optuna

    space = {axis: optuna.distributions.FloatDistribution(0, 1) for axis in "xy"}
    study = optuna.create_study(sampler=sampler)

    def ask(known: int) -> None:
        for trial in trials[len(study.get_trials(deepcopy=False)) : known]:
            values = {name: float(text) for name, text in trial.spec.assignments.items()}
            value = float(trial.status.observation.metrics[0].latest) if trial.status.observation else 0.0
            study.add_trial(optuna.create_trial(params=values, distributions=space, value=value))
        trial = study.ask(space)
        study.tell(trial, 0.5)

    return _timed(ask, size)


def _samplers() -> dict[str, Any]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return {
        "random": optuna.samplers.RandomSampler(seed=1),
        "tpe": optuna.samplers.TPESampler(seed=1, multivariate=False, constant_liar=True),
    }


def _timed(ask: Callable[[int], None], size: int) -> tuple[float, float]:
    times = []
    for known in range(size, size + 10):
        since = time.perf_counter()
        ask(known)
        times.append(1000 * (time.perf_counter() - since))
    return round(times[0], 2), round(statistics.median(times[1:]), 2)
