"""What ``kubectl get pods`` says of a Pod in one word, its restarts, and how many containers are ready. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from katib_control.apiserver.ages import age

Obj = Mapping[str, Any]


def _statuses(pod: Obj, field: str) -> Sequence[Obj]:
    found: Sequence[Obj] = (pod.get("status") or {}).get(field) or ()
    return found


def _sidecars(pod: Obj) -> set[str]:
    """Return the names of the init containers that go on running beside the containers."""
    init = (pod.get("spec") or {}).get("initContainers") or ()
    return {item["name"] for item in init if item.get("restartPolicy") == "Always"}


def ready_containers(pod: Obj) -> tuple[int, int]:
    """Return how many containers are ready, and how many there are; sidecars count."""
    sidecars = _sidecars(pod)
    running = list(_statuses(pod, "containerStatuses"))
    running += [item for item in _statuses(pod, "initContainerStatuses") if item.get("name") in sidecars]
    ready = sum(1 for item in running if item.get("ready") and "running" in item.get("state", {}))
    return ready, len((pod.get("spec") or {}).get("containers", ())) + len(sidecars)


def restarts(pod: Obj, now: datetime) -> str:
    """Return the number of restarts, and when the last one was: ``2 (5m ago)``."""
    running = [*_statuses(pod, "containerStatuses")]
    running += [item for item in _statuses(pod, "initContainerStatuses") if item.get("name") in _sidecars(pod)]
    count = sum(item.get("restartCount", 0) for item in running)
    ended = [(item.get("lastState") or {}).get("terminated", {}).get("finishedAt") for item in running]
    last = max((stamp for stamp in ended if stamp), default=None)
    return f"{count} ({age(last, now)} ago)" if count and last else str(count)


def pod_status(pod: Obj) -> str:
    """Return the STATUS column: the reason of what stands out most, else the phase."""
    status = pod.get("status") or {}
    word = str(status.get("reason") or status.get("phase") or "Unknown")
    starting = _initializing(pod)
    word = starting or _of_containers(pod, word)
    if (pod.get("metadata") or {}).get("deletionTimestamp"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    return word


def _ended(terminated: Obj) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _initializing(pod: Obj) -> str:
    """Return what holds the Pod up before its containers start; empty when nothing does."""
    total = len((pod.get("spec") or {}).get("initContainers") or ())
    sidecars = _sidecars(pod)
    for index, item in enumerate(_statuses(pod, "initContainerStatuses")):
        state = item.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting")
        if terminated is not None and terminated.get("exitCode", 0) == 0:
            continue
        if item.get("name") in sidecars and item.get("started"):
            continue
        if terminated is not None:
            return f"Init:{_ended(terminated)}"
        if waiting and waiting.get("reason") not in (None, "", "PodInitializing"):
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{total}"
    return ""


def _of_containers(pod: Obj, word: str) -> str:
    running = False
    for item in reversed(_statuses(pod, "containerStatuses")):
        state = item.get("state") or {}
        waiting, terminated = state.get("waiting") or {}, state.get("terminated")
        if waiting.get("reason"):
            word = str(waiting["reason"])
        elif terminated is not None:
            word = _ended(terminated)
        elif item.get("ready") and "running" in state:
            running = True
    return "Running" if running and word == "Completed" else word
