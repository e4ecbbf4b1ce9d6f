"""What an Experiment means where it says nothing: Katib's defaults, on the types and without side effects.

Other than Katib: parallelTrialCount never exceeds maxTrialCount, a collector of empty kind is StdOut, and templates
from a ConfigMap get the conditions and labels of their kind too when their text is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from katib_control.api.collector import CollectorSpec, FileSystemPath, MetricsCollectorSpec, SourceSpec
from katib_control.api.errors import TemplateError
from katib_control.api.experiment import (
    Experiment,
    ExperimentSpec,
    MetricStrategy,
    ObjectiveSpec,
    ParameterSpec,
    TrialTemplate,
)
from katib_control.api.template import run_tree

PARALLEL_TRIALS = 3
METRICS_FILE = "/var/log/katib/metrics.log"
EVENTS_DIRECTORY = "/var/log/katib/tfevent/"

_TRAINING_JOBS = ("TFJob", "PyTorchJob", "XGBoostJob", "MPIJob")
_SUCCESS = {"Job": "Complete", "TrainJob": "Complete", **dict.fromkeys(_TRAINING_JOBS, "Succeeded")}
_PRIMARY_LABELS: Mapping[str, Mapping[str, str]] = {
    **{kind: {"training.kubeflow.org/job-role": "master"} for kind in _TRAINING_JOBS},
    "TrainJob": {"jobset.sigs.k8s.io/replicatedjob-name": "node", "batch.kubernetes.io/job-completion-index": "0"},
}


def default(experiment: Experiment, template: str | None = None) -> Experiment:
    """Return the Experiment with defaults; ``template`` is the text of its ConfigMap template, where it is known."""
    spec = experiment.spec
    changes: dict[str, Any] = {}
    if spec.parallel_trial_count is None:
        limit = spec.max_trial_count
        changes["parallel_trial_count"] = min(PARALLEL_TRIALS, limit) if limit and limit > 0 else PARALLEL_TRIALS
    if not spec.resume_policy:
        changes["resume_policy"] = "Never"
    if spec.objective:
        changes["objective"] = _objective(spec.objective)
    if spec.trial_template:
        changes["trial_template"] = _template(spec.trial_template, _kind(spec, template))
    changes["metrics_collector_spec"] = _collector(spec.metrics_collector_spec or MetricsCollectorSpec())
    if spec.parameters:
        changes["parameters"] = [_parameter(item) for item in spec.parameters]
    return experiment.but(spec=spec.but(**changes))


def conditions(kind: str) -> tuple[str, str]:
    """Return the success and failure condition of a kind of job; empty strings where the kind has none."""
    if kind not in _SUCCESS:
        return "", ""
    return _condition(_SUCCESS[kind]), _condition("Failed")


def _condition(kind: str) -> str:
    return f'status.conditions.#(type=="{kind}")#|#(status=="True")#'


def _objective(objective: ObjectiveSpec) -> ObjectiveSpec:
    known = {item.name for item in objective.metric_strategies}
    missing = [name for name in dict.fromkeys(objective.metric_names) if name and name not in known]
    if not missing:
        return objective
    added = [MetricStrategy(name=name, value=objective.strategy(name)) for name in missing]
    return objective.but(metric_strategies=[*objective.metric_strategies, *added])


def _kind(spec: ExperimentSpec, text: str | None) -> str:
    try:
        return str(run_tree(spec, text).get("kind") or "")
    except TemplateError:
        return ""  # validation says what is wrong with it


def _template(template: TrialTemplate, kind: str) -> TrialTemplate:
    success, failure = conditions(kind)
    labels = dict(_PRIMARY_LABELS.get(kind, {}))
    changes: dict[str, Any] = {}
    if success and not template.success_condition:
        changes["success_condition"] = success
    if failure and not template.failure_condition:
        changes["failure_condition"] = failure
    if labels and not template.primary_pod_labels:
        changes["primary_pod_labels"] = labels
    return template.but(**changes) if changes else template


def _collector(spec: MetricsCollectorSpec) -> MetricsCollectorSpec:
    changes: dict[str, Any] = {}
    if spec.collector is None or not spec.collector.kind:
        changes["collector"] = (spec.collector or CollectorSpec()).but(kind="StdOut")
    source = _source(spec.kind, spec.source)
    if source is not None:
        changes["source"] = source
    return spec.but(**changes) if changes else spec


def _source(kind: str, given: SourceSpec | None) -> SourceSpec | None:
    source = given or SourceSpec()
    if kind == "PrometheusMetric":
        http = dict(source.http_get or {})
        http["path"] = http.get("path") or "/metrics"
        http["port"] = 8080 if str(http.get("port") or 0) == "0" else http["port"]
        return source.but(http_get=http)
    if kind == "File":
        return source.but(file_system_path=_path(source, kind="File", path=METRICS_FILE, format="TEXT"))
    if kind == "TensorFlowEvent":
        return source.but(file_system_path=_path(source, kind="Directory", path=EVENTS_DIRECTORY))
    return given


def _path(source: SourceSpec, **fallback: str) -> FileSystemPath:
    path = source.file_system_path or FileSystemPath()
    return path.but(**{name: value for name, value in fallback.items() if not getattr(path, name)})


def _parameter(parameter: ParameterSpec) -> ParameterSpec:
    space = parameter.feasible_space
    if space.distribution:
        return parameter
    return parameter.but(feasible_space=space.but(distribution="uniform"))
