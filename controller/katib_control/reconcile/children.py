"""The objects that an Experiment makes: its Suggestion, its Trials; and the small changes it makes to them."""

from __future__ import annotations

from typing import Any

from katib_control.api.collector import MetricsCollectorSpec
from katib_control.api.experiment import Experiment, TrialTemplate
from katib_control.api.model import API_VERSION
from katib_control.api.names import EXPERIMENT_LABEL, INDEX_ANNOTATION, TRIAL_FINALIZER
from katib_control.api.suggestion import Suggestion, SuggestionSpec, TrialAssignment
from katib_control.api.template import render
from katib_control.api.trial import Trial, TrialSpec
from katib_control.kube.resources import SUGGESTIONS, TRIALS
from katib_control.reconcile.checkpoints import hand_over
from katib_control.reconcile.reasons import SCALED_DOWN_ANNOTATION
from katib_control.runtime.plan import Patch


def owner_reference(kind: str, name: str, uid: str) -> dict[str, Any]:
    """Return the controller reference to one of our own kinds."""
    return {
        "apiVersion": API_VERSION, "kind": kind, "name": name, "uid": uid,
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip


def suggestion_object(experiment: Experiment, requests: int) -> dict[str, Any]:
    """Return the Suggestion: same name, the Experiment's labels (not its annotations: those are kubectl's notes)."""
    meta, spec = experiment.metadata, experiment.spec
    wanted = SuggestionSpec(
        algorithm=spec.algorithm,
        early_stopping=spec.early_stopping,
        requests=requests,
        resume_policy=spec.resume_policy,
    )
    metadata: dict[str, Any] = {
        "name": meta.name,
        "namespace": meta.namespace,
        "ownerReferences": [owner_reference("Experiment", meta.name, meta.uid)],
    }
    if meta.labels:
        metadata["labels"] = dict(meta.labels)
    return {"apiVersion": API_VERSION, "kind": "Suggestion", "metadata": metadata, "spec": wanted.to_dict()}


def trial_object(experiment: Experiment, text: str | None, index: int, item: TrialAssignment) -> dict[str, Any]:
    """Return the Trial of this assignment, its run object rendered; raise TemplateError.

    The Experiment has its defaults; ``text`` is the template where it is kept in a ConfigMap.
    """
    meta, spec = experiment.metadata, experiment.spec
    wanted = spec.trial_template or TrialTemplate()
    assignments = {entry.name: entry.value for entry in item.parameter_assignments}
    run = render(spec, assignments, name=item.name, namespace=meta.namespace, text=text, labels=item.labels)
    hand_over(experiment, run, item)
    trial = TrialSpec(
        objective=spec.objective,
        parameter_assignments=item.parameter_assignments,
        run_spec=run,
        retain_run=wanted.retain,
        metrics_collector=spec.metrics_collector_spec or MetricsCollectorSpec(),
        primary_pod_labels=wanted.primary_pod_labels,
        primary_container_name=wanted.primary_container_name,
        success_condition=wanted.success_condition,
        failure_condition=wanted.failure_condition,
        labels=item.labels,
    )
    if spec.early_stopping:
        trial = trial.but(early_stopping_rules=item.early_stopping_rules)
    metadata = {
        "name": item.name,
        "namespace": meta.namespace,
        "labels": {**meta.labels, **item.labels, EXPERIMENT_LABEL: meta.name},
        "annotations": {INDEX_ANNOTATION: str(index)},
        # From the first moment on: no deletion can slip by before it is set.
        "finalizers": [TRIAL_FINALIZER],
        "ownerReferences": [owner_reference("Experiment", meta.name, meta.uid)],
    }
    return {"apiVersion": API_VERSION, "kind": "Trial", "metadata": metadata, "spec": trial.to_dict()}


def more_requests(suggestion: Suggestion, requests: int) -> Patch:
    """Raise the total of points wanted."""
    meta = suggestion.metadata
    return Patch(SUGGESTIONS, meta.namespace, meta.name, {"spec": {"requests": requests}})


def mark_taken_back(trial: Trial) -> Patch:
    """Note on the Trial that it is to be deleted, unless it has changed: it may just have finished."""
    meta = trial.metadata
    body = {"metadata": {"resourceVersion": meta.resource_version, "annotations": {SCALED_DOWN_ANNOTATION: "true"}}}
    return Patch(TRIALS, meta.namespace, meta.name, body)
