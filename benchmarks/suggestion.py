"""Suggestion: one `ask` with 100, 1,000 and 10,000 finished trials, beside a bare Optuna study of the same history."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, TypeVar

from benchmarks.workload import experiment
from katib_control.api.experiment import Experiment
from katib_control.api.suggestion import Question, TrialAssignment
from katib_control.api.trial import Trial
from katib_control.suggestion.engine import Engine

ALGORITHMS = ("random", "grid", "tpe")
T = TypeVar("T")
Point = tuple[float, float]


def measure(*, quick: bool) -> dict[str, object]:
    """Return milliseconds: first ask after a start (history read anew), and the median of the following ones.

    Each point that was asked for is the next finished trial, on both sides, as in a search with one trial at a time.
    """
    figures: dict[str, object] = {}
    for size in (100, 1000) if quick else (100, 1000, 10_000):
        points = [((index * 0.6180339887) % 1, (index * 0.7548776662) % 1) for index in range(size)]
        for algorithm in ALGORITHMS:
            first, later = _ours(algorithm, points)
            figures[f"{algorithm}_{size}_ms"] = {"first": first, "later": later}
        for name, sampler in _samplers().items():
            first, later = _optuna(sampler, points)
            figures[f"optuna_{name}_{size}_ms"] = {"first": first, "later": later}
    return figures


def _trial(index: int, x: str, y: str) -> Trial:
    loss = repr(float(x) * float(y))
    return Trial.decode({
        "metadata": {"name": f"t-{index}", "namespace": "default", "uid": str(index),
                     "annotations": {"katib.kubeflow.org/index": str(index)}},
        "spec": {"objective": {"type": "minimize", "objectiveMetricName": "loss"},
                 "parameterAssignments": [{"name": "x", "value": x}, {"name": "y", "value": y}]},
        "status": {"conditions": [{"type": "Succeeded", "status": "True"}],
                   "observation": {"metrics": [{"name": "loss", "min": loss, "max": loss, "latest": loss}]}},
    })  # fmt: skip


def _ours(algorithm: str, points: list[Point]) -> tuple[float, float]:
    body = experiment("suggest", ["true"], trials=100_000)
    body["metadata"]["uid"] = "6b1c1f5e-0000-4000-8000-000000000001"
    body["spec"]["algorithm"] = {"algorithmName": algorithm}
    if algorithm == "grid":
        for parameter in body["spec"]["parameters"]:
            parameter["feasibleSpace"]["step"] = "0.001"
    wanted, engine = Experiment.decode(body), Engine()
    trials = [_trial(index, repr(x), repr(y)) for index, (x, y) in enumerate(points)]

    def ask() -> TrialAssignment:
        known = len(trials)
        return engine.ask(Question(experiment=wanted, trials=list(trials), index=known, count=1)).assignments[0]

    def finish(found: TrialAssignment) -> None:
        values = {item.name: item.value for item in found.parameter_assignments}
        trials.append(_trial(len(trials), values["x"], values["y"]))

    return _timed(ask, finish)


def _optuna(sampler: Any, points: list[Point]) -> tuple[float, float]:
    import optuna

    space = {axis: optuna.distributions.FloatDistribution(0, 1) for axis in "xy"}
    study = optuna.create_study(sampler=sampler)
    for x, y in points:
        study.add_trial(optuna.create_trial(params={"x": x, "y": y}, distributions=space, value=x * y))
    return _timed(lambda: study.ask(space), lambda trial: study.tell(trial, trial.params["x"] * trial.params["y"]))


def _samplers() -> dict[str, Any]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return {
        "random": optuna.samplers.RandomSampler(seed=1),
        "tpe": optuna.samplers.TPESampler(seed=1, multivariate=False, constant_liar=True),
    }


def _timed(ask: Callable[[], T], finish: Callable[[T], Any]) -> tuple[float, float]:
    times = []
    for _ in range(10):
        since = time.perf_counter()
        found = ask()
        times.append(1000 * (time.perf_counter() - since))
        finish(found)
    return round(times[0], 2), round(statistics.median(times[1:]), 2)
