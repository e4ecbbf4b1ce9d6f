"""A log that is asked for by the name of Katib's sidecar."""

from __future__ import annotations

from typing import Any

import pytest

from katib_control.api.crd import crds
from katib_control.apiserver.ports import LogQuery
from katib_control.apiserver.server import ApiServer
from katib_control.apiserver.store import Store
from katib_control.kube.client import Client
from katib_control.kube.http import Request
from katib_control.kube.resources import CRDS, JOBS, PODS, TRIALS

SIDECAR = "metrics-logger-and-collector"
TRIAL = {"apiVersion": "kubeflow.org/v1beta1", "kind": "Trial", "name": "t", "uid": "1", "controller": True}
JOB = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "2", "controller": True}


def pod(owner: dict[str, Any] | None, *names: str) -> dict[str, Any]:
    containers = [{"name": name, "image": "i", "command": ["true"]} for name in names]
    owners = {"ownerReferences": [owner]} if owner else {}
    return {"metadata": {"name": "p", **owners}, "spec": {"containers": containers}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(pod(JOB, "side", "training"), "training", id="a Pod of a trial's Job"),
        pytest.param(pod(TRIAL, "side", "training"), "training", id="a Pod that is the run itself"),
        pytest.param(pod(JOB, "training", SIDECAR), SIDECAR, id="a Pod that has such a container"),
        pytest.param(pod(JOB | {"name": "gone"}, "training"), "", id="a Pod whose Job has gone"),
        pytest.param(pod(JOB | {"controller": False}, "training"), "", id="a Pod that the Job does not control"),
        pytest.param(pod(JOB | {"apiVersion": "example.com/v1"}, "training"), "", id="a Pod of a kind nobody knows"),
        pytest.param(pod(None, "training"), "", id="a Pod of nobody"),
    ],
)
def test_which_log_is_given(body: dict[str, Any], expected: str) -> None:
    asked: list[str] = []

    def logs(query: LogQuery) -> bytes:
        asked.append(query.container)
        return b""

    server = ApiServer(Store(), logs=logs)
    client = Client(server.handle)
    for crd in crds():
        client.create(CRDS, crd)
    client.create(TRIALS, {"metadata": {"name": "t"}, "spec": {"primaryContainerName": "training"}}, "default")
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "training", "image": "i"}]}}
    client.create(
        JOBS, {"metadata": {"name": "j", "ownerReferences": [TRIAL]}, "spec": {"template": template}}, "default"
    )
    client.create(PODS, body, "default")
    answer = server.handle(Request("GET", PODS.path("default", "p", "log"), {"container": SIDECAR}))
    server.close()
    assert (answer.status == 200) == bool(expected)
    assert asked == ([expected] if expected else [])
    if not expected:
        assert f"container {SIDECAR} is not valid for pod p" in answer.json()["message"]
