"""Trials on the wire and back: there may be tens of thousands in one request, so both ways are short."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from katib_control.api.conditions import trial_state
from katib_control.api.experiment import Metric, ObjectiveSpec, Observation
from katib_control.api.model import Condition, Model, NameValue, ObjectMeta
from katib_control.api.names import UNAVAILABLE
from katib_control.api.trial import Trial, TrialSpec, TrialStatus
from katib_control.pb import api_pb2 as pb
from katib_control.suggestion.wire import OBJECTIVE_TYPES, write_objective

_States = pb.TrialStatus
_STATES = {
    _States.CREATED: "Created",
    _States.RUNNING: "Running",
    _States.SUCCEEDED: "Succeeded",
    _States.KILLED: "Killed",
    _States.FAILED: "Failed",
    _States.METRICSUNAVAILABLE: "MetricsUnavailable",
    _States.EARLYSTOPPED: "EarlyStopped",
}
_NUMBERS = {word: number for number, word in _STATES.items()} | {"Pending": _States.CREATED}
_CONDITIONS = {number: [Condition(type=word, status="True")] for number, word in _STATES.items()}
_ENDED_UNKNOWN = _CONDITIONS[_States.KILLED]

ENDED = frozenset((_States.SUCCEEDED, _States.KILLED, _States.FAILED, _States.METRICSUNAVAILABLE, _States.EARLYSTOPPED))
"""States that a Trial does not leave."""

M = TypeVar("M", bound=Model)


class _Stamp(Generic[M]):
    """Makes objects of one API type from values whose types are known: twice as fast as having them checked again.

    Values that are not given are shared by all of them, which is safe, since API objects are never changed.
    """

    def __init__(self, kind: type[M], *given: str) -> None:
        self._kind = kind
        self._given = set(given)
        self._defaults = kind().__dict__

    def __call__(self, **values: Any) -> M:
        made = self._kind.__new__(self._kind)
        put = object.__setattr__
        put(made, "__dict__", {**self._defaults, **values})
        put(made, "__pydantic_fields_set__", self._given)
        put(made, "__pydantic_extra__", _NOTHING)
        put(made, "__pydantic_private__", None)
        return made


_NOTHING: dict[str, Any] = {}
_trial = _Stamp(Trial, "metadata", "spec", "status")
_meta = _Stamp(ObjectMeta, "name")
_spec = _Stamp(TrialSpec, "objective", "parameter_assignments", "labels")
_status = _Stamp(TrialStatus, "start_time", "completion_time", "conditions", "observation")
_observation = _Stamp(Observation, "metrics")
_metric = _Stamp(Metric, "name", "min", "max", "latest")
_pair = _Stamp(NameValue, "name", "value")


def read_trial(message: pb.Trial) -> Trial:
    """Return the Trial. One value of a metric stands for all three; a state that nobody knows counts as not ended.

    Katib sends UNKNOWN for a Trial without a condition. One that has a completion time all the same was killed.
    """
    spec, status = message.spec, message.status
    conditions = _CONDITIONS.get(status.condition)
    if conditions is None:
        conditions = _ENDED_UNKNOWN if status.completion_time else []
    return _trial(
        metadata=_meta(name=message.name),
        spec=_spec(
            objective=_objective(spec.objective) if spec.HasField("objective") else None,
            parameter_assignments=[
                _pair(name=item.name, value=item.value) for item in spec.parameter_assignments.assignments
            ],
            labels=dict(spec.labels),
        ),
        status=_status(
            start_time=status.start_time or None,
            completion_time=status.completion_time or None,
            conditions=conditions,
            observation=_read_observation(status.observation) if status.HasField("observation") else None,
        ),
    )


_OBJECTIVES: dict[tuple[int, str], ObjectiveSpec] = {}


def _objective(message: pb.ObjectiveSpec) -> ObjectiveSpec:
    """Return type and name alone, the same object for the same: what else there is the Experiment says."""
    key = message.type, message.objective_metric_name
    found = _OBJECTIVES.get(key)
    if found is None:
        found = ObjectiveSpec(type=OBJECTIVE_TYPES.get(key[0], ""), objective_metric_name=key[1])
        if len(_OBJECTIVES) < 1000:  # a bound for those who make a name of their own for each Trial
            _OBJECTIVES[key] = found
    return found


def _read_observation(message: pb.Observation) -> Observation:
    return _observation(
        metrics=[_metric(name=item.name, min=item.value, max=item.value, latest=item.value) for item in message.metrics]
    )


def write_trial(trial: Trial, objective: ObjectiveSpec) -> pb.Trial:
    """Return the message; each metric has the one value that its strategy picks, as from Katib's controller."""
    state = trial_state(trial.status.conditions)
    message = pb.Trial(
        name=trial.metadata.name,
        spec=pb.TrialSpec(
            objective=write_objective(trial.spec.objective or objective),
            parameter_assignments=pb.TrialSpec.ParameterAssignments(
                assignments=[
                    pb.ParameterAssignment(name=item.name, value=item.value)
                    for item in trial.spec.parameter_assignments
                ]
            ),
            labels=trial.spec.labels,
        ),
        status=pb.TrialStatus(
            start_time=trial.status.start_time,
            completion_time=trial.status.completion_time,
            condition=_NUMBERS.get(state, _States.UNKNOWN),
        ),
    )
    if trial.status.observation is not None:
        message.status.observation.metrics.extend(
            pb.Metric(name=metric.name, value=_chosen(metric, objective))
            for metric in trial.status.observation.metrics
        )  # fmt: skip
    return message


def _chosen(metric: Metric, objective: ObjectiveSpec) -> str:
    value: str = getattr(metric, objective.strategy(metric.name))
    return metric.latest if value == UNAVAILABLE else value
