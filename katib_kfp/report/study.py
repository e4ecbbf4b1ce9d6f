"""An Experiment and its trials in the shape that figures and tables want. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from katib_control.api.experiment import Experiment, ObjectiveSpec, ParameterSpec
from katib_control.api.names import INDEX_ANNOTATION
from katib_control.api.times import from_wire
from katib_control.api.trial import Trial
from katib_kfp.runtime.results import BestTrial, TrialResult, best_trial, trial_result

WRONG = ("Failed", "MetricsUnavailable", "Killed")


@dataclass(frozen=True)
class Row:
    """One trial and its number, counted from 1 in the order in which trials were suggested."""

    number: int
    trial: TrialResult

    @property
    def seconds(self) -> float | None:
        """How long it ran; None while it has no start or end."""
        if not self.trial.started or not self.trial.finished:
            return None
        return (from_wire(self.trial.finished) - from_wire(self.trial.started)).total_seconds()


@dataclass(frozen=True, kw_only=True)
class Study:
    """What is shown. ``axes`` are the parameters of the search space; neural architecture search has none."""

    experiment: Experiment
    objective: ObjectiveSpec
    rows: Sequence[Row]
    best: BestTrial | None

    @property
    def axes(self) -> Sequence[ParameterSpec]:
        """The parameters of the search space, in its order."""
        return self.experiment.spec.parameters

    @property
    def minimize(self) -> bool:
        """Whether smaller is better."""
        return self.objective.type == "minimize"

    @cached_property
    def measured(self) -> Sequence[tuple[Row, float]]:
        """The trials that have a value of the objective, with it."""
        return [(row, row.trial.value) for row in self.rows if row.trial.value is not None]

    @cached_property
    def wrong(self) -> Sequence[Row]:
        """The trials that have failed in some way."""
        return [row for row in self.rows if row.trial.state in WRONG]

    @cached_property
    def parameter_names(self) -> Sequence[str]:
        """Names of all parameters that any trial has, those of the search space first."""
        known = [parameter.name for parameter in self.axes]
        return list(dict.fromkeys([*known, *self._names("parameters")]))

    @cached_property
    def metric_names(self) -> Sequence[str]:
        """The objective's metrics, objective first."""
        return list(dict.fromkeys([name for name in self.objective.metric_names if name]))

    def _names(self, field: str) -> Iterator[str]:
        for row in self.rows:
            values: Mapping[str, object] = getattr(row.trial, field)
            yield from values


def study(experiment: Experiment, trials: Sequence[Trial]) -> Study:
    """Return what is to be shown of an Experiment; ``trials`` may come in any order."""
    objective = experiment.spec.objective or ObjectiveSpec()
    rows = [Row(number, trial_result(trial, experiment)) for number, trial in enumerate(sorted(trials, key=_order), 1)]
    return Study(experiment=experiment, objective=objective, rows=rows, best=best_trial(experiment))


def _order(trial: Trial) -> tuple[int, str, str]:
    index = trial.metadata.annotations.get(INDEX_ANNOTATION, "")
    number = int(index) if index.isdecimal() else 2**31
    return number, trial.metadata.creation_timestamp or "", trial.metadata.name
