"""Kinds of run objects: a visible table. A new operator's job is one row; any other kind works by its expressions.

Success and failure conditions are Katib's expressions, evaluated on the live run object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from katib_control.api import gjson
from katib_control.api.errors import ExpressionError
from katib_control.api.names import TRIAL_LABEL
from katib_control.reconcile.seen import Verdict


@dataclass(frozen=True, kw_only=True)
class RunKind:
    """What must be known of a kind. Its conditions and primary Pod labels are defaults of the API (``api.defaults``).

    ``pod_labels``: labels of its Pods whose value is the run's name. ``templates``: paths to its Pod templates (``*``
    is any key).
    """

    kind: str
    group: str
    pod_labels: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()


def _training(kind: str, replicas: str) -> RunKind:
    return RunKind(
        kind=kind,
        group="kubeflow.org",
        pod_labels=("training.kubeflow.org/job-name",),
        templates=(f"spec.{replicas}.*.template",),
    )


KINDS = (
    RunKind(
        kind="Job",
        group="batch",
        pod_labels=("batch.kubernetes.io/job-name", "job-name"),
        templates=("spec.template",),
    ),
    RunKind(kind="TrainJob", group="trainer.kubeflow.org", pod_labels=("jobset.sigs.k8s.io/jobset-name",)),
    _training("TFJob", "tfReplicaSpecs"),
    _training("PyTorchJob", "pytorchReplicaSpecs"),
    _training("XGBoostJob", "xgbReplicaSpecs"),
    _training("MPIJob", "mpiReplicaSpecs"),
    RunKind(kind="Workflow", group="argoproj.io", pod_labels=("workflows.argoproj.io/workflow",)),
    RunKind(kind="PipelineRun", group="tekton.dev", pod_labels=("tekton.dev/pipelineRun",)),
    RunKind(kind="RayJob", group="ray.io", pod_labels=("ray.io/originated-from-cr-name",)),
)

_BY_KIND = {(row.group, row.kind): row for row in KINDS}
NAME_LABELS = tuple(dict.fromkeys((TRIAL_LABEL, *(label for row in KINDS for label in row.pod_labels))))
"""Labels by which a Pod can tell the name of the run it belongs to."""


def kind_of(run: Mapping[str, Any]) -> RunKind:
    """Return the row of a run object's kind; an empty row for a kind that the table does not have."""
    group = str(run.get("apiVersion", "")).rpartition("/")[0]
    kind = str(run.get("kind", ""))
    return _BY_KIND.get((group, kind)) or RunKind(kind=kind, group=group)


def judge(run: Mapping[str, Any], success: str, failure: str) -> Verdict:
    """Say what the run's conditions mean; failure is looked at first."""
    try:
        if (found := _match(failure, run)) is not None:
            return Verdict("failed", found.get("reason") or "", found.get("message") or "")
        if (found := _match(success, run)) is not None:
            return Verdict("succeeded", found.get("reason") or "", found.get("message") or "")
    except ExpressionError as error:
        return Verdict("broken", "", str(error))
    return Verdict("running")


def pod_templates(run: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the Pod templates inside a run object, as far as the table knows where they are."""
    for path in kind_of(run).templates:
        yield from _at(run, path.split("."))


def _match(expression: str, run: Mapping[str, Any]) -> dict[str, Any] | None:
    return gjson.matched(gjson.parse(expression).evaluate(run))


def _at(value: Any, path: list[str]) -> Iterator[dict[str, Any]]:
    if not isinstance(value, dict):
        return
    if not path:
        yield value
        return
    here, *rest = path
    for item in value.values() if here == "*" else (value.get(here),):
        yield from _at(item, rest)
