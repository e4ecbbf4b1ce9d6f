"""From the messages of Katib's gRPC API to what early stopping works with, and back."""

from __future__ import annotations

from collections.abc import Iterator

from katib_control.api.errors import FieldError, InvalidObject
from katib_control.api.experiment import AlgorithmSpec, ObjectiveSpec
from katib_control.api.model import NameValue
from katib_control.api.observation import MetricLog
from katib_control.earlystopping.rule import Limit
from katib_control.pb import api_pb2

USABLE = (api_pb2.TrialStatus.SUCCEEDED, api_pb2.TrialStatus.EARLYSTOPPED)
"""Ends with a usable value."""

NOT_STARTED = (api_pb2.TrialStatus.CREATED, api_pb2.TrialStatus.UNKNOWN)


def spec_of(message: api_pb2.EarlyStoppingSpec) -> AlgorithmSpec:
    """Read which rule is asked for."""
    settings = [NameValue(name=item.name, value=item.value) for item in message.algorithm_settings]
    return AlgorithmSpec(algorithm_name=message.algorithm_name, algorithm_settings=settings)


def objective_of(message: api_pb2.ObjectiveSpec) -> ObjectiveSpec:
    """Read the objective; raise InvalidObject where no metric is named. What is not maximised is minimised."""
    if not message.objective_metric_name:
        rule = "must not be empty"
        raise InvalidObject([FieldError("spec.objective.objectiveMetricName", rule, None, "FieldValueRequired")])
    kind = "maximize" if message.type == api_pb2.MAXIMIZE else "minimize"
    return ObjectiveSpec(type=kind, objective_metric_name=message.objective_metric_name)


def address_of(text: str) -> str:
    """Check the address of an observation log; raise InvalidObject."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise InvalidObject([FieldError("db_manager_address", "must be host:port", text)])
    return text


def logs_of(message: api_pb2.ObservationLog, metric: str) -> Iterator[MetricLog]:
    """Read the reports of one metric, in their order."""
    for entry in message.metric_logs:
        if entry.metric.name == metric:
            yield MetricLog(entry.time_stamp, entry.metric.name, entry.metric.value)


def rules_reply(objective: ObjectiveSpec, limit: Limit | None, sign: float) -> api_pb2.GetEarlyStoppingRulesReply:
    """Write the one rule that Katib's metrics collectors compare with; none while there is no limit."""
    if limit is None:
        return api_pb2.GetEarlyStoppingRulesReply()
    rule = api_pb2.EarlyStoppingRule(
        name=objective.objective_metric_name,
        value=repr(sign * limit.value),
        comparison=api_pb2.LESS if objective.type == "maximize" else api_pb2.GREATER,
        start_step=limit.step,
    )
    return api_pb2.GetEarlyStoppingRulesReply(early_stopping_rules=[rule])
