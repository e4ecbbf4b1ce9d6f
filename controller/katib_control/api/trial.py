"""Trial: one point of the search space, run once."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from katib_control.api.collector import MetricsCollectorSpec
from katib_control.api.experiment import ObjectiveSpec, Observation
from katib_control.api.model import API_VERSION, Condition, Model, NameValue, ObjectMeta


class EarlyStoppingRule(Model):
    """Stop when the metric compares so with the value at or after the step."""

    name: str = ""
    value: str = ""
    comparison: str = ""
    start_step: int | None = None


class TrialSpec(Model):
    """What to run, and how to judge it."""

    objective: ObjectiveSpec | None = None
    parameter_assignments: list[NameValue] = Field(default_factory=list)
    early_stopping_rules: list[EarlyStoppingRule] = Field(default_factory=list)
    run_spec: dict[str, Any] | None = None
    retain_run: bool = False
    metrics_collector: MetricsCollectorSpec = Field(default_factory=MetricsCollectorSpec)
    primary_pod_labels: dict[str, str] = Field(default_factory=dict)
    primary_container_name: str = ""
    success_condition: str = ""
    failure_condition: str = ""
    labels: dict[str, str] = Field(default_factory=dict)

    @property
    def assignments(self) -> dict[str, str]:
        """Parameter values by name."""
        return {item.name: item.value for item in self.parameter_assignments}


class TrialStatus(Model):
    """What became of it."""

    start_time: str | None = None
    completion_time: str | None = None
    last_reconcile_time: str | None = None
    conditions: list[Condition] = Field(default_factory=list)
    observation: Observation | None = None


class Trial(Model):
    """One point of the search space, run once."""

    api_version: str = API_VERSION
    kind: str = "Trial"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: TrialSpec = Field(default_factory=TrialSpec)
    status: TrialStatus = Field(default_factory=TrialStatus)
