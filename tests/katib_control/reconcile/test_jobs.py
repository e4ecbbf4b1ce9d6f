"""Kinds of run objects and their conditions."""

from __future__ import annotations

from typing import Any

import pytest

from builders import COMPLETE, FAILED
from katib_control.reconcile.jobs import judge, kind_of, pod_templates
from katib_control.reconcile.seen import Verdict

PHASE = 'status.[@this].#(phase=="Succeeded")#'


def run(*conditions: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {"apiVersion": "batch/v1", "kind": "Job", "status": {"conditions": list(conditions), **status}}


def cond(kind: str, status: str = "True", **more: Any) -> dict[str, Any]:
    return {"type": kind, "status": status, **more}


@pytest.mark.parametrize(
    ("found", "success", "failure", "verdict"),
    [
        pytest.param(run(), COMPLETE, FAILED, Verdict("running"), id="no condition yet"),
        pytest.param({"kind": "Job"}, COMPLETE, FAILED, Verdict("running"), id="no status yet"),
        pytest.param(run(cond("Complete")), COMPLETE, FAILED, Verdict("succeeded"), id="complete"),
        pytest.param(run(cond("Complete", "False")), COMPLETE, FAILED, Verdict("running"), id="complete is False"),
        pytest.param(
            run(cond("Failed", reason="BackoffLimitExceeded", message="too often")), COMPLETE, FAILED,
            Verdict("failed", "BackoffLimitExceeded", "too often"), id="failed, with the job's words",
        ),
        pytest.param(
            run(cond("Complete"), cond("Failed")), COMPLETE, FAILED, Verdict("failed"), id="failure is looked at first"
        ),
        pytest.param(run(phase="Succeeded"), PHASE, FAILED, Verdict("succeeded"), id="a state that is a phase"),
        pytest.param(run(phase="Running"), PHASE, FAILED, Verdict("running"), id="a phase that is another"),
    ],
)  # fmt: skip
def test_judge(found: dict[str, Any], success: str, failure: str, verdict: Verdict) -> None:
    assert judge(found, success, failure) == verdict


@pytest.mark.parametrize("expression", ["", "status.#(", 'status.#(a=="x"&&b=="y")#'])
def test_an_expression_that_cannot_be_evaluated_is_a_verdict_of_its_own(expression: str) -> None:
    """Only logged, the trial runs for ever: W-33."""
    verdict = judge(run(cond("Complete")), expression, FAILED)
    assert verdict.state == "broken"
    assert verdict.message


@pytest.mark.parametrize(
    ("found", "count"),
    [
        pytest.param({"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"a": 1}}}, 1, id="Job"),
        pytest.param(
            {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob",
             "spec": {"pytorchReplicaSpecs": {"Master": {"template": {}}, "Worker": {"template": {}}}}},
            2, id="PyTorchJob has one for each replica type",
        ),
        pytest.param({"apiVersion": "a.b/v1", "kind": "Whatever", "spec": {"template": {}}}, 0, id="an unknown kind"),
        pytest.param({"apiVersion": "batch/v1", "kind": "Job"}, 0, id="no spec"),
        pytest.param({"apiVersion": "other.org/v1", "kind": "Job", "spec": {"template": {}}}, 0, id="another's Job"),
    ],
)  # fmt: skip
def test_pod_templates(found: dict[str, Any], count: int) -> None:
    assert len(list(pod_templates(found))) == count


def test_any_custom_resource_works_by_its_expressions() -> None:
    found = {"apiVersion": "a.b/v1", "kind": "Whatever", "status": {"conditions": [cond("Ready")]}}
    assert kind_of(found).pod_labels == ()
    assert judge(found, COMPLETE.replace("Complete", "Ready"), FAILED).state == "succeeded"
