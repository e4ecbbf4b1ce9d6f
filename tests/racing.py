"""An Experiment whose trials report one after another, with early stopping: no cluster, and a clock of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from builders import ExperimentBuilder, experiment, trial
from katib_control.api.experiment import Experiment
from katib_control.api.observation import MetricLog, TrialKey
from katib_control.api.times import to_wire, to_wire_exact
from katib_control.api.trial import Trial
from katib_control.earlystopping.engine import StoppingEngine
from katib_control.observations.store import ObservationStore

START = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def owner_of(rule: str, direction: str = "maximize", **settings: Any) -> ExperimentBuilder:
    return experiment("race").objective("accuracy", direction).early_stopping(rule, **settings)


class Race:
    """Trials of one Experiment by their position. A trial that is stopped has ended; ``told`` says why."""

    def __init__(self, owner: Experiment) -> None:
        self.owner = owner
        self.log = ObservationStore()
        self.engine = StoppingEngine(self.log)
        self.trials: list[Trial] = []
        self.told: dict[int, str] = {}
        self.now = START

    def start(self, count: int = 1, **spec: Any) -> int:
        """Start so many trials and return the position of the last."""
        for _ in range(count):
            name = f"race-{len(self.trials)}"
            self.trials.append(trial(name).of(self.owner).index(len(self.trials)).running().spec(**spec).build())
        return len(self.trials) - 1

    def report(self, place: int, *values: float | str, seconds: float = 1.0, metric: str = "accuracy") -> str:
        """Report values, each so many seconds after the one before, and judge after each; return why it is stopped."""
        for value in values:
            if self.told.get(place):
                break
            self.write(place, value, seconds=seconds, metric=metric)
            self.judge(place)
        return self.told.get(place, "")

    def write(self, place: int, *values: float | str, seconds: float = 1.0, metric: str = "accuracy") -> None:
        """Report values that nobody looks at yet."""
        for value in values:
            self.now += timedelta(seconds=seconds)
            self.log.report(self.key(place), [MetricLog(to_wire_exact(self.now), metric, str(value))])

    def judge(self, place: int) -> str:
        """Judge a trial; end it where it is to be stopped."""
        told = self.engine.judge(self.owner, self.trials[place], lambda: list(self.trials))
        if told:
            self.told[place] = told
            self.end(place, "EarlyStopped")
        return told

    def end(self, place: int, kind: str = "Succeeded") -> None:
        self.now += timedelta(seconds=1)
        built = trial(f"race-{place}").of(self.owner).index(place).running().condition(kind)
        self.trials[place] = built.status(completionTime=to_wire(self.now)).build()

    def run(self, *values: float, kind: str = "Succeeded") -> int:
        """Start a trial, report all of its values and end it, unless it is stopped."""
        place = self.start()
        if not self.report(place, *values):
            self.end(place, kind)
        return place

    def restart(self) -> None:
        """Lose everything that is not stored."""
        self.engine = StoppingEngine(self.log)

    def key(self, place: int) -> TrialKey:
        meta = self.trials[place].metadata
        return TrialKey(meta.namespace, meta.name, meta.uid)


def ramp(top: float, steps: int = 12) -> Sequence[float]:
    """A curve that grows in a straight line."""
    return [top * step / steps for step in range(1, steps + 1)]
