"""Experiment: what to tune, how, and how far it has come.

Fields are Katib's (``kubeflow.org/v1beta1``). Values of enumerations are plain strings here, so that validation can
report all of an object's errors at once; the CRD schema lists them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from katib_control.api.model import API_VERSION, Condition, Model, NameValue, ObjectMeta

ObjectiveType = Literal["minimize", "maximize"]
OBJECTIVE_TYPES = ("minimize", "maximize")
STRATEGIES = ("min", "max", "latest")
PARAMETER_TYPES = ("double", "int", "discrete", "categorical", "unknown")
DISTRIBUTIONS = ("uniform", "logUniform", "normal", "logNormal", "unknown")
RESUME_POLICIES = ("Never", "LongRunning", "FromVolume")
COLLECTOR_KINDS = ("StdOut", "File", "TensorFlowEvent", "PrometheusMetric", "Custom", "Push")


# In the CRD schema: a number is as good as its text, as in ``min: 1``; the type reads both.
_NUMBER_OR_TEXT: dict[str, Any] = {"x-kubernetes-preserve-unknown-fields": True}


def _enum(values: tuple[str, ...]) -> Any:
    """An enumeration; the empty string means that nothing is said."""
    return Field(default="", json_schema_extra={"enum": [*values, ""]})


def _count(least: int) -> Any:
    return Field(default=None, json_schema_extra={"minimum": least})


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else value


class MetricStrategy(Model):
    """Which of a metric's values stands for the trial."""

    name: str = ""
    value: Annotated[str, _enum(STRATEGIES)] = ""


class ObjectiveSpec(Model):
    """What to optimise."""

    type: Annotated[str, _enum(OBJECTIVE_TYPES)] = ""
    goal: float | None = None
    objective_metric_name: str = ""
    additional_metric_names: list[str] = Field(default_factory=list)
    metric_strategies: list[MetricStrategy] = Field(default_factory=list)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The objective first, then the additional metrics."""
        return (self.objective_metric_name, *self.additional_metric_names)

    def strategy(self, metric: str) -> str:
        """Return how values of the metric are condensed; follows the type where nothing is said."""
        found = {item.name: item.value for item in self.metric_strategies}
        return found.get(metric) or {"minimize": "min", "maximize": "max"}.get(self.type, "latest")


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
    distribution: Annotated[str, _enum(DISTRIBUTIONS)] = ""

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
    parameter_type: Annotated[str, _enum(PARAMETER_TYPES)] = ""
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


class FileSystemPath(Model):
    """Where a collector finds metrics inside the pod."""

    path: str = ""
    kind: Annotated[str, _enum(("File", "Directory"))] = ""
    format: Annotated[str, _enum(("TEXT", "JSON"))] = ""


class FilterSpec(Model):
    """Regular expressions with two groups: metric name, metric value."""

    metrics_format: list[str] = Field(default_factory=list)


class SourceSpec(Model):
    """Where metrics come from."""

    http_get: dict[str, Any] | None = None
    file_system_path: FileSystemPath | None = None
    filter: FilterSpec | None = None


class CollectorSpec(Model):
    """Who reads metrics."""

    kind: Annotated[str, _enum(COLLECTOR_KINDS)] = ""
    custom_collector: dict[str, Any] | None = None


class MetricsCollectorSpec(Model):
    """How metrics get from a run to its Trial."""

    source: SourceSpec | None = None
    collector: CollectorSpec | None = None

    @property
    def kind(self) -> str:
        """The collector's kind; StdOut where nothing is said."""
        return (self.collector.kind if self.collector else "") or "StdOut"

    @property
    def filters(self) -> tuple[str, ...]:
        """The regular expressions asked for; empty means the default one."""
        given = self.source.filter if self.source else None
        return tuple(given.metrics_format) if given else ()


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
    resume_policy: Annotated[str, _enum(RESUME_POLICIES)] = ""


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
