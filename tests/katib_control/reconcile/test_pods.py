"""Reading Pods."""

from __future__ import annotations

from typing import Any

import pytest

from builders import experiment, trial
from katib_control.reconcile.pods import how_ended, pod_keys, pod_matters, primary_pods, run_matters

OWNER = experiment("x").build()


def pod(phase: str = "Running", reason: str = "", **meta: Any) -> dict[str, Any]:
    waiting = [{"name": "c", "state": {"waiting": {"reason": reason}}}] if reason else []
    return {
        "metadata": {"name": "p", "namespace": "n", **meta},
        "status": {"phase": phase, "containerStatuses": waiting},
    }


@pytest.mark.parametrize(
    ("meta", "keys"),
    [
        pytest.param({"labels": {"job-name": "a"}}, ["n/a"], id="by the Job's label"),
        pytest.param({"labels": {"jobset.sigs.k8s.io/jobset-name": "a"}}, ["n/a"], id="by the JobSet's label"),
        pytest.param({"labels": {"katib.kubeflow.org/trial": "a", "job-name": "a-b"}}, ["n/a", "n/a-b"], id="by both"),
        pytest.param({"ownerReferences": [{"name": "a"}]}, ["n/a"], id="by its owner"),
        pytest.param({}, [], id="not at all"),
    ],
)
def test_pod_keys(meta: dict[str, Any], keys: list[str]) -> None:
    assert list(pod_keys(pod(**meta))) == keys


@pytest.mark.parametrize(
    ("old", "new", "matters"),
    [
        pytest.param(None, pod("Pending"), False, id="a new one says nothing yet"),
        pytest.param(pod("Pending"), pod("Running"), True, id="it runs"),
        pytest.param(pod("Running"), pod("Failed"), True, id="it has failed"),
        pytest.param(pod("Running"), pod("Succeeded"), False, id="its run will say so"),
        pytest.param(pod("Pending"), pod("Pending", "ErrImagePull"), True, id="it waits for a reason"),
        pytest.param(pod("Running"), pod("Running"), False, id="nothing has changed"),
        pytest.param(pod("Running"), None, True, id="it is gone"),
    ],
)
def test_pod_matters(old: Any, new: Any, matters: bool) -> None:
    assert pod_matters(old, new) is matters


def job(kind: str = "Job", *, deleted: str | None = None, **status: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"deletionTimestamp": deleted}, "status": status}


@pytest.mark.parametrize(
    ("old", "new", "matters"),
    [
        pytest.param(job(), job(active=1), False, id="a Job's numbers do not"),
        pytest.param(job(active=1), job(conditions=[1]), True, id="its conditions do"),
        pytest.param(job("Workflow"), job("Workflow", phase="Succeeded"), True, id="any state of another kind does"),
        pytest.param(job(), job(deleted="now"), True, id="a deletion does"),
        pytest.param(job(), None, True, id="a departure does"),
    ],
)
def test_run_matters(old: Any, new: Any, matters: bool) -> None:
    assert run_matters(old, new) is matters


def test_primary_pods_carry_all_labels() -> None:
    wanted = trial("x-a").of(OWNER).spec(primaryPodLabels={"role": "master", "index": "0"}).build()
    pods = [pod(labels={"role": "master", "index": "0", "more": "x"}), pod(labels={"role": "master"}), pod()]
    assert primary_pods(wanted, pods) == pods[:1]


def test_the_latest_pod_says_how_the_primary_container_ended() -> None:
    def ended(code: int, created: str) -> dict[str, Any]:
        state = {"terminated": {"exitCode": code}}
        status = {"containerStatuses": [{"name": "training-container", "state": state}]}
        return {"metadata": {"name": "p", "creationTimestamp": created}, "status": status}

    found = trial("x-a").of(OWNER).build()
    assert "exit code 2" in how_ended(found, [ended(2, "2026-01-02"), ended(1, "2026-01-01")])
    assert how_ended(found, [pod()]) == ""


def test_a_failure_is_blamed_on_the_container_that_failed() -> None:
    def state(name: str, code: int) -> dict[str, Any]:
        return {"name": name, "state": {"terminated": {"exitCode": code, "reason": "Error"}}}

    found, failed = trial("x-a").of(OWNER).build(), pod("Failed", labels={"role": "master"})
    failed["status"]["containerStatuses"] = [state("training-container", 0), state("proxy", 5)]
    assert how_ended(found, [failed]) == "container proxy ended with exit code 5"
    failed["status"]["containerStatuses"] = [state("proxy", 5), state("training-container", 3)]
    assert how_ended(found, [failed]) == "container training-container ended with exit code 3"
