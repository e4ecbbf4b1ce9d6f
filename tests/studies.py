"""Experiments with their trials, for reports: finished, hopeless, hostile, growing."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import cache
from typing import Any

from builders import ExperimentBuilder, TrialBuilder, experiment, trial
from katib_control.api.experiment import Experiment
from katib_control.api.trial import Trial

Study = tuple[Experiment, list[Trial]]


def with_best(builder: ExperimentBuilder, best: Trial) -> Experiment:
    """Build the Experiment with this trial as its best."""
    assert best.status.observation is not None
    optimal = {
        "bestTrialName": best.metadata.name,
        "parameterAssignments": [item.to_dict() for item in best.spec.parameter_assignments],
        "observation": best.status.observation.to_dict(),
    }
    return builder.status(currentOptimalTrial=optimal).build()


def digits() -> ExperimentBuilder:
    """Four parameters, one of each type."""
    return (
        experiment("digits-tune")
        .double("lr", 0.0001, 1, distribution="logUniform")
        .int("layers", 1, 5)
        .categorical("optimizer", "adam", "sgd", "momentum")
        .discrete("batch", 16, 32, 64, 128)
        .objective("accuracy", "maximize", goal=0.99, additional=["loss"])
        .algorithm("tpe", random_state=7)
    )


def point(rng: random.Random) -> dict[str, Any]:
    return {
        "lr": math.exp(rng.uniform(math.log(1e-4), 0)),
        "layers": rng.randint(1, 5),
        "optimizer": rng.choice(["adam", "sgd", "momentum"]),
        "batch": rng.choice([16, 32, 64, 128]),
    }


def accuracy(values: dict[str, Any]) -> float:
    away = 0.05 * abs(math.log10(values["lr"]) + 2) + 0.01 * abs(values["layers"] - 3)
    return 0.98 - away - (0.03 if values["optimizer"] == "sgd" else 0)


def numbered(owner: Experiment, index: int) -> TrialBuilder:
    return trial(f"{owner.metadata.name}-{index:04d}").of(owner).index(index)


def growing(count: int) -> Study:
    """So many trials with a value, all Succeeded."""
    owner, trials = _growing(count)
    return owner, list(trials)


@cache
def _growing(count: int) -> tuple[Experiment, tuple[Trial, ...]]:
    rng = random.Random(count)
    builder = digits()
    owner = builder.build()
    points = [point(rng) for _ in range(count)]
    trials = [
        numbered(owner, index).assign(**values).succeeded(accuracy=accuracy(values), loss=1 - accuracy(values)).build()
        for index, values in enumerate(points)
    ]
    best = max(range(count), key=lambda index: accuracy(points[index]))
    return with_best(builder.condition("Running"), trials[best]), tuple(trials)


def finished() -> Study:
    """24 trials; two kinds of failure, one trial stopped early."""
    owner, trials = growing(24)
    crashed = (
        "Trial has failed: exit code 1; last log lines: Traceback (most recent call last): | RuntimeError: no memory"
    )
    for index in (5, 14, 23):
        trials[index] = remade(owner, trials[index]).failed("TrialFailed", crashed).build()
    for index in (7, 18):
        trials[index] = (
            remade(owner, trials[index]).metrics_unavailable("No usable value of accuracy was reported").build()
        )
    trials[3] = remade(owner, trials[3]).early_stopped(accuracy=0.7, loss=0.3).build()
    rest = [item for item in trials if item.status.observation]
    best = max(rest, key=lambda item: float(item.status.observation.metrics[0].latest))  # type: ignore[union-attr]  # filtered
    ended = digits().max_trials(24).condition("Running", status="False")
    ended = ended.condition("Succeeded", "ExperimentMaxTrialsReached", "24 trials are done, which is maxTrialCount")
    return with_best(ended, best), trials


def remade(owner: Experiment, old: Trial) -> TrialBuilder:
    """A builder of the same trial without a state."""
    return numbered(owner, int(old.metadata.name.rsplit("-", 1)[1])).assign(**old.spec.assignments)


def hopeless() -> Study:
    """All trials have failed."""
    builder = experiment("hopeless").condition("Failed", "ExperimentFailed", "3 trials have failed")
    owner = builder.build()
    return owner, [numbered(owner, index).assign(lr=0.05).failed().build() for index in range(3)]


def hostile(texts: Sequence[str] = ()) -> Study:
    """Names, values and messages that would be markup if they were not escaped."""
    image, script = "<img src=x onerror=hacked=1>", "</script><script>hacked=1</script>"
    builder = experiment("hostile").categorical("opt", image, script, "'\"&", *texts).objective("loss<b>", "minimize")
    owner = builder.build()
    trials = [
        numbered(owner, 0).assign(opt=image).succeeded(**{"loss<b>": 0.5}).build(),
        numbered(owner, 1).assign(opt=script).succeeded(**{"loss<b>": 0.6}).build(),
        numbered(owner, 2).assign(opt="'\"&").failed("Failed", f"{image} last log lines: a | {script}").build(),
    ]
    return with_best(builder.condition("Running", message=script), trials[0]), trials
