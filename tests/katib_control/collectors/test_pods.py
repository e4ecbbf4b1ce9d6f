"""Which pods tell the metrics of a run."""

from __future__ import annotations

from typing import Any

import pytest

from katib_control.api.trial import TrialSpec
from katib_control.collectors.pods import primary_pods, running, telling_pods


def pod(name: str, phase: str = "Succeeded", created: str = "2026-01-31T12:00:00Z", **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "creationTimestamp": created, "labels": labels}, "status": {"phase": phase}}


def names(pods: list[dict[str, Any]]) -> list[str]:
    return [item["metadata"]["name"] for item in pods]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param({}, ["master", "worker", "bare"], id="without labels all count"),
        pytest.param({"role": "master"}, ["master"], id="one label"),
        pytest.param({"role": "master", "job": "b"}, [], id="every label must be there"),
    ],
)
def test_primary_pods_carry_the_labels(wanted: dict[str, str], expected: list[str]) -> None:
    pods = [pod("master", role="master", job="a"), pod("worker", role="worker"), pod("bare")]
    del pods[2]["metadata"]["labels"]
    assert names(primary_pods(TrialSpec(primary_pod_labels=wanted), pods)) == expected


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        pytest.param([pod("a", "Failed"), pod("b")], ["b"], id="a failed attempt does not count"),
        pytest.param([pod("a"), pod("b")], ["a", "b"], id="completions side by side all count"),
        pytest.param([pod("a", "Failed"), pod("b", "Running")], ["b"], id="a pod that still runs beside a sidecar"),
        pytest.param(
            [pod("b", "Failed", "2026-01-31T12:00:09Z"), pod("a", "Failed")],
            ["b"],
            id="of failures only the last counts",
        ),
        pytest.param([pod("a", "Failed"), pod("b", "Failed")], ["b"], id="of one second the last one listed"),
        pytest.param([], [], id="no pods"),
    ],
)
def test_telling_pods(pods: list[dict[str, Any]], expected: list[str]) -> None:
    assert names(telling_pods(pods)) == expected


@pytest.mark.parametrize(
    ("phase", "states", "expected"),
    [
        pytest.param("Running", {"main": {"running": {}}}, True, id="the container runs"),
        pytest.param("Running", {"main": {"terminated": {}}, "side": {"running": {}}}, False, id="it has ended"),
        pytest.param("Running", {"main": {"waiting": {}}}, False, id="it waits"),
        pytest.param("Running", {}, True, id="no statuses are known"),
        pytest.param("Pending", {}, False, id="the pod waits"),
        pytest.param("Succeeded", {"main": {"terminated": {}}}, False, id="the pod has ended"),
    ],
)
def test_running(phase: str, states: dict[str, Any], expected: bool) -> None:
    statuses = [{"name": name, "state": state} for name, state in states.items()]
    assert running({"metadata": {}, "status": {"phase": phase, "containerStatuses": statuses}}, "main") is expected
