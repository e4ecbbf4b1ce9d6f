"""Experiment: what to tune, how, and how far it has come.

Fields are Katib's (``kubeflow.org/v1beta1``). Values of enumerations are plain strings here, so that validation can
report all of an object's errors at once; the CRD schema lists them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from katib_control.api.collector import MetricsCollectorSpec
from katib_control.api.model import API_VERSION, Condition, Model, NameValue, ObjectMeta, one_of

ObjectiveType = Literal["minimize", "maximize"]
OBJECTIVE_TYPES = ("minimize", "maximize")
STRATEGIES = ("min", "max", "latest")
PARAMETER_TYPES = ("double", "int", "discrete", "categorical", "unknown")
DISTRIBUTIONS = ("uniform", "logUniform", "normal", "logNormal", "unknown")
RESUME_POLICIES = ("Never", "LongRunning", "FromVolume")


# In the CRD schema: a number is as good as its text, as in ``min: 1``; the type reads both.
_NUMBER_OR_TEXT: dict[str, Any] = {"x-kubernetes-preserve-unknown-fields": True}


def _count(least: int) -> Any:
    return Field(default=None, json_schema_extra={"minimum": least})


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else value


class MetricStrategy(Model):
    """Which of a metric's values stands for the trial."""

    name: str = ""
    value: Annotated[str, one_of(STRATEGIES)] = ""


class AdditionalObjective(Model):
    """A further metric to optimise; what cannot be bettered in all of them at once is the Pareto front."""

    type: Annotated[str, one_of(OBJECTIVE_TYPES)] = ""
    objective_metric_name: str = ""


class ObjectiveSpec(Model):
    """What to optimise."""

    type: Annotated[str, one_of(OBJECTIVE_TYPES)] = ""
    goal: float | None = None
    objective_metric_name: str = ""
    additional_metric_names: list[str] = Field(default_factory=list)
    metric_strategies: list[MetricStrategy] = Field(default_factory=list)
    additional_objectives: list[AdditionalObjective] = Field(default_factory=list)

    @property
    def objectives(self) -> tuple[tuple[str, str], ...]:
        """Metric and type of all that is optimised; the first is the one that ``goal`` and the best trial go by."""
        further = ((item.objective_metric_name, item.type) for item in self.additional_objectives)
        return ((self.objective_metric_name, self.type), *further)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The objectives first, then the additional metrics, each once."""
        return tuple(dict.fromkeys([name for name, _ in self.objectives] + self.additional_metric_names))

    def strategy(self, metric: str) -> str:
        """Return how values of the metric are condensed; follows the type where nothing is said."""
        found = {item.name: item.value for item in self.metric_strategies}
        kind = next((item.type for item in self.additional_objectives if item.objective_metric_name == metric), "")
        return found.get(metric) or {"minimize": "min", "maximize": "max"}.get(kind or self.type, "latest")


class AlgorithmSpec(Model):
    """A search algorithm and its settings (all strings)."""

    algorithm_name: str = ""
    algorithm_settings: list[NameValue] = Field(default_factory=list)

    @property
    def settings(self) -> dict[str, str]:
        """Settings by name; the last one wins."""
        return {item.name: item.value for item in self.algorithm_settings}


class FeasibleSpace(Model):
    """The values a parameter may take; everything is a string, as in Katib."""

    max: str | None = Field(default=None, json_schema_extra=_NUMBER_OR_TEXT)
    min: str | None = Field(default=None, json_schema_extra=_NUMBER_OR_TEXT)
    choices: list[str] = Field(default_factory=list, alias="list", json_schema_extra={"items": _NUMBER_OR_TEXT})
    step: str | None = Field(default=None, json_schema_extra=_NUMBER_OR_TEXT)
    distribution: Annotated[str, one_of(DISTRIBUTIONS)] = ""

    @field_validator("max", "min", "step", mode="before")
    @classmethod
    def _number_as_text(cls, value: Any) -> Any:
        """Accept ``min: 1`` for ``min: "1"``: the most frequent slip in hand-written files."""
        return value if isinstance(value, bool) else _as_text(value)

    @field_validator("choices", mode="before")
    @classmethod
    def _choices_as_text(cls, value: Any) -> Any:
        """Accept ``list: [16, 32]`` for ``list: ["16", "32"]``."""
        return [_as_text(item) for item in value] if isinstance(value, list) else value


class ParameterSpec(Model):
    """One dimension of the search space."""

    name: str = ""
    parameter_type: Annotated[str, one_of(PARAMETER_TYPES)] = ""
    feasible_space: FeasibleSpace = Field(default_factory=FeasibleSpace)


class ConfigMapSource(Model):
    """A trial template kept in a ConfigMap; ``templatePath`` is the key in its data."""

    config_map_name: str = ""
    config_map_namespace: str = ""
    template_path: str = ""


class TrialParameterSpec(Model):
    """A name used in the template as ``${trialParameters.<name>}`` and what it refers to."""

    name: str = ""
    description: str | None = None
    reference: str = ""


class TrialTemplate(Model):
    """How a trial becomes a run object."""

    retain: bool = False
    trial_spec: dict[str, Any] | None = None
    config_map: ConfigMapSource | None = None
    trial_parameters: list[TrialParameterSpec] = Field(default_factory=list)
    primary_pod_labels: dict[str, str] = Field(default_factory=dict)
    primary_container_name: str = ""
    success_condition: str = ""
    failure_condition: str = ""


class GraphConfig(Model):
    """Size of the graph that neural architecture search fills."""

    num_layers: int | None = None
    input_sizes: list[int] = Field(default_factory=list)
    output_sizes: list[int] = Field(default_factory=list)


class Operation(Model):
    """One kind of layer and its own parameters."""

    operation_type: str = ""
    parameters: list[ParameterSpec] = Field(default_factory=list)


class NasConfig(Model):
    """Search space of neural architecture search."""

    graph_config: GraphConfig = Field(default_factory=GraphConfig)
    operations: list[Operation] = Field(default_factory=list)


class InitialPoint(Model):
    """A point to be tried before the algorithm's own; parameters that are not named are drawn at random."""

    parameter_assignments: list[NameValue] = Field(default_factory=list)


class ExperimentSpec(Model):
    """What the user asks for."""

    parameters: list[ParameterSpec] = Field(default_factory=list)
    objective: ObjectiveSpec | None = None
    algorithm: AlgorithmSpec | None = None
    early_stopping: AlgorithmSpec | None = None
    trial_template: TrialTemplate | None = None
    parallel_trial_count: Annotated[int | None, _count(1)] = None
    max_trial_count: Annotated[int | None, _count(1)] = None
    max_failed_trial_count: Annotated[int | None, _count(0)] = None
    metrics_collector_spec: MetricsCollectorSpec | None = None
    nas_config: NasConfig | None = None
    resume_policy: Annotated[str, one_of(RESUME_POLICIES)] = ""
    initial_points: list[InitialPoint] = Field(default_factory=list)
    constraints: list[str] = Field(default_factory=list)


class Metric(Model):
    """A metric's values over one trial, as the text that was logged; ``unavailable`` where there is none."""

    name: str = ""
    min: str = "unavailable"
    max: str = "unavailable"
    latest: str = "unavailable"


class Observation(Model):
    """The metrics of one trial, objective first."""

    metrics: list[Metric] = Field(default_factory=list)

    def metric(self, name: str) -> Metric | None:
        """Return the metric of this name."""
        return next((metric for metric in self.metrics if metric.name == name), None)


class OptimalTrial(Model):
    """The best trial so far."""

    best_trial_name: str = ""
    parameter_assignments: list[NameValue] = Field(default_factory=list)
    observation: Observation = Field(default_factory=Observation)


class ExperimentStatus(Model):
    """How far the Experiment has come. Counters are exact, name lists sorted and bounded."""

    start_time: str | None = None
    completion_time: str | None = None
    last_reconcile_time: str | None = None
    observed_generation: int | None = None
    conditions: list[Condition] = Field(default_factory=list)
    current_optimal_trial: OptimalTrial | None = None
    pareto_front: list[OptimalTrial] = Field(default_factory=list)
    running_trial_list: list[str] = Field(default_factory=list)
    pending_trial_list: list[str] = Field(default_factory=list)
    failed_trial_list: list[str] = Field(default_factory=list)
    succeeded_trial_list: list[str] = Field(default_factory=list)
    killed_trial_list: list[str] = Field(default_factory=list)
    early_stopped_trial_list: list[str] = Field(default_factory=list)
    metrics_unavailable_trial_list: list[str] = Field(default_factory=list)
    trials: int = 0
    trials_succeeded: int = 0
    trials_failed: int = 0
    trials_killed: int = 0
    trials_pending: int = 0
    trials_running: int = 0
    trials_early_stopped: int = 0
    trial_metrics_unavailable: int = 0


class Experiment(Model):
    """One tuning task."""

    api_version: str = API_VERSION
    kind: str = "Experiment"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: ExperimentSpec = Field(default_factory=ExperimentSpec)
    status: ExperimentStatus = Field(default_factory=ExperimentStatus)
