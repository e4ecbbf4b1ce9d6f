"""What is optimised."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from katib_control.api.errors import FieldError
from katib_control.api.experiment import OBJECTIVE_TYPES, STRATEGIES, ObjectiveSpec
from katib_control.api.validation.installed import one_of

_PATH = "spec.objective"


def check_objective(objective: ObjectiveSpec | None) -> Iterator[FieldError]:
    """Type, metric names, goal and strategies."""
    if objective is None:
        yield FieldError(_PATH, "say what to optimise: type and objectiveMetricName", None, "FieldValueRequired")
        return
    if objective.type not in OBJECTIVE_TYPES:
        yield one_of(f"{_PATH}.type", objective.type, OBJECTIVE_TYPES)
    if not objective.objective_metric_name.strip():
        rule = "name the metric to optimise, as the training prints it"
        yield FieldError(f"{_PATH}.objectiveMetricName", rule, None, "FieldValueRequired")
    if objective.goal is not None and not math.isfinite(objective.goal):
        yield FieldError(f"{_PATH}.goal", "must be a finite number", objective.goal)
    yield from _objectives(objective)
    yield from _additional(objective)
    yield from _strategies(objective)


def _objectives(objective: ObjectiveSpec) -> Iterator[FieldError]:
    path = f"{_PATH}.additionalObjectives"
    seen = {objective.objective_metric_name}
    for index, item in enumerate(objective.additional_objectives):
        here = f"{path}[{index}]"
        if item.type not in OBJECTIVE_TYPES:
            yield one_of(f"{here}.type", item.type, OBJECTIVE_TYPES)
        if not item.objective_metric_name.strip():
            rule = "name the metric to optimise, as the training prints it"
            yield FieldError(f"{here}.objectiveMetricName", rule, None, "FieldValueRequired")
        elif item.objective_metric_name in seen:
            rule = "is an objective already"
            yield FieldError(f"{here}.objectiveMetricName", rule, item.objective_metric_name, "FieldValueDuplicate")
        seen.add(item.objective_metric_name)


def _additional(objective: ObjectiveSpec) -> Iterator[FieldError]:
    path = f"{_PATH}.additionalMetricNames"
    for index, name in enumerate(objective.additional_metric_names):
        if not name.strip():
            yield FieldError(f"{path}[{index}]", "must not be empty", None, "FieldValueRequired")
        elif name == objective.objective_metric_name:
            yield FieldError(f"{path}[{index}]", "must not repeat objectiveMetricName", name)
        elif name in objective.additional_metric_names[:index]:
            yield FieldError(f"{path}[{index}]", "is named twice", name, "FieldValueDuplicate")


def _strategies(objective: ObjectiveSpec) -> Iterator[FieldError]:
    path = f"{_PATH}.metricStrategies"
    counted = Counter(item.name for item in objective.metric_strategies)
    for index, item in enumerate(objective.metric_strategies):
        if item.value not in STRATEGIES:
            yield one_of(f"{path}[{index}].value", item.value, STRATEGIES)
        if item.name not in objective.metric_names:
            rule = "must be the objective metric or one of additionalMetricNames"
            yield FieldError(f"{path}[{index}].name", rule, item.name, "FieldValueNotFound")
        elif counted.pop(item.name, 1) > 1:
            yield FieldError(f"{path}[{index}].name", "has two strategies", item.name, "FieldValueDuplicate")
