"""What ``kubectl get pods`` says of a Pod."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from katib_control.apiserver.pod_state import pod_status, ready_containers, restarts

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
RUNNING: dict[str, Any] = {"ready": True, "state": {"running": {}}}


def ended(code: int = 0, reason: str = "", **more: Any) -> dict[str, Any]:
    return {"ready": False, "state": {"terminated": {"exitCode": code, "reason": reason, **more}}}


def waiting(reason: str) -> dict[str, Any]:
    return {"ready": False, "state": {"waiting": {"reason": reason}}}


def pod(
    phase: str, *statuses: dict[str, Any], init: tuple[dict[str, Any], ...] = (), sidecar: bool = False, **more: Any
) -> dict[str, Any]:
    names = [f"c{index}" for index in range(len(statuses) or 1)]
    policy = {"restartPolicy": "Always"} if sidecar else {}
    return {
        "metadata": more.pop("metadata", {}),
        "spec": {
            "containers": [{"name": name} for name in names],
            "initContainers": [{"name": f"i{index}", **policy} for index in range(len(init))],
        },
        "status": {
            "phase": phase,
            "containerStatuses": [{"name": name} | item for name, item in zip(names, statuses, strict=False)],
            "initContainerStatuses": [{"name": f"i{index}"} | item for index, item in enumerate(init)],
            **more,
        },
    }


@pytest.mark.parametrize(
    ("given", "word"),
    [
        pytest.param(pod("Pending"), "Pending", id="nothing has started"),
        pytest.param(pod("Pending", waiting("ContainerCreating")), "ContainerCreating", id="a container is being made"),
        pytest.param(pod("Running", RUNNING), "Running", id="it runs"),
        pytest.param(pod("Succeeded", ended(0, "Completed")), "Completed", id="it has ended well"),
        pytest.param(pod("Failed", ended(1, "Error")), "Error", id="it has failed"),
        pytest.param(pod("Failed", ended(137, "OOMKilled")), "OOMKilled", id="it was too large"),
        pytest.param(pod("Failed", ended(3)), "ExitCode:3", id="an exit code without a reason"),
        pytest.param(pod("Failed", ended(137, signal=9)), "Signal:9", id="a signal without a reason"),
        pytest.param(pod("Failed", reason="DeadlineExceeded"), "DeadlineExceeded", id="the pod's own reason"),
        pytest.param(pod("Running", RUNNING, ended(0, "Completed")), "Running", id="one has ended, another runs"),
        pytest.param(pod("Running", waiting("CrashLoopBackOff")), "CrashLoopBackOff", id="it crashes again and again"),
        pytest.param(pod("Pending", init=(RUNNING, {})), "Init:0/2", id="the first of two init containers"),
        pytest.param(pod("Pending", init=(ended(), {"state": {}})), "Init:1/2", id="the second of two"),
        pytest.param(pod("Pending", init=(ended(1, "Error"),)), "Init:Error", id="an init container has failed"),
        pytest.param(
            pod("Pending", init=(waiting("CrashLoopBackOff"),)), "Init:CrashLoopBackOff", id="one that crashes"
        ),
        pytest.param(
            pod("Running", RUNNING, init=(RUNNING | {"started": True},), sidecar=True), "Running", id="beside a sidecar"
        ),
        pytest.param(
            pod("Running", RUNNING, metadata={"deletionTimestamp": "2026-01-31T12:00:00Z"}), "Terminating", id="going"
        ),
        pytest.param({"spec": {}}, "Unknown", id="no status at all"),
    ],
)
def test_status(given: dict[str, Any], word: str) -> None:
    assert pod_status(given) == word


def test_a_sidecar_counts_among_the_containers() -> None:
    given = pod("Running", RUNNING, ended(), init=(RUNNING | {"started": True},), sidecar=True)
    assert ready_containers(given) == (2, 3)
    assert ready_containers(pod("Running", RUNNING, init=(ended(),))) == (1, 1)


@pytest.mark.parametrize(
    ("statuses", "shown"),
    [
        pytest.param([RUNNING], "0", id="never"),
        pytest.param([RUNNING | {"restartCount": 2}], "2", id="nobody knows when"),
        pytest.param(
            [
                RUNNING | {"restartCount": 2, "lastState": {"terminated": {"finishedAt": "2026-01-31T11:55:00Z"}}},
                RUNNING | {"restartCount": 1, "lastState": {"terminated": {"finishedAt": "2026-01-31T11:50:00Z"}}},
            ],
            "3 (5m ago)",
            id="the latest of all containers",
        ),
    ],
)
def test_restarts(statuses: list[dict[str, Any]], shown: str) -> None:
    assert restarts(pod("Running", *statuses), NOW) == shown
