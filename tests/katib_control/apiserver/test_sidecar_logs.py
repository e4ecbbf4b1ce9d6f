"""A log that is asked for by the name of Katib's sidecar."""

from __future__ import annotations

from typing import Any

import pytest

from katib_control.api.crd import crds
from katib_control.apiserver.server import ApiServer
from katib_control.apiserver.store import Store
from katib_control.kube.client import Client
from katib_control.kube.http import Request
from katib_control.kube.resources import CRDS, PODS, TRIALS


def pod(labels: dict[str, str], *names: str) -> dict[str, Any]:
    containers = [{"name": name, "image": "i", "command": ["true"]} for name in names]
    return {"metadata": {"name": "p", "labels": labels}, "spec": {"containers": containers}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(pod({"katib.kubeflow.org/trial": "t"}, "side", "training"), "training", id="a trial's Pod"),
        pytest.param(
            pod({"katib.kubeflow.org/trial": "t"}, "training", "metrics-logger-and-collector"),
            "metrics-logger-and-collector",
            id="a Pod that has such a container",
        ),
        pytest.param(pod({"katib.kubeflow.org/trial": "gone"}, "training"), None, id="a Pod whose trial has gone"),
        pytest.param(pod({}, "training"), None, id="a Pod of no trial"),
    ],
)
def test_which_log_is_given(body: dict[str, Any], expected: str | None) -> None:
    asked: list[str] = []
    server = ApiServer(Store(), logs=lambda query: asked.append(query.container) or b"")  # type: ignore[func-returns-value]  # a list tells nothing
    client = Client(server.handle)
    for crd in crds():
        client.create(CRDS, crd)
    client.create(TRIALS, {"metadata": {"name": "t"}, "spec": {"primaryContainerName": "training"}}, "default")
    client.create(PODS, body, "default")
    query = {"container": "metrics-logger-and-collector"}
    answer = server.handle(Request("GET", PODS.path("default", "p", "log"), query))
    server.close()
    assert (answer.status == 200) == (expected is not None)
    assert asked == ([expected] if expected else [])
    if not expected:
        assert "container metrics-logger-and-collector is not valid for pod p" in answer.json()["message"]
