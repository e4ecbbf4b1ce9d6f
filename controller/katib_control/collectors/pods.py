"""Which of a run's pods tell the metrics. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from katib_control.api.trial import TrialSpec


def primary_pods(spec: TrialSpec, pods: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the pods that carry the primary pod labels, in the order given."""
    wanted = spec.primary_pod_labels.items()
    return [pod for pod in pods if wanted <= (pod["metadata"].get("labels") or {}).items()]


def telling_pods(primary: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the pods whose logs count: those that did not fail, else the one that failed last.

    A failed attempt that was tried again says nothing about the trial.
    """
    good = [pod for pod in primary if pod.get("status", {}).get("phase") != "Failed"]
    return good or ([max(enumerate(primary), key=lambda item: (_started(item[1]), item[0]))[1]] if primary else [])


def running(pod: dict[str, Any], container: str) -> bool:
    """Tell whether the container writes to its log now (without statuses: whether the pod does)."""
    status = pod.get("status", {})
    states = [item.get("state", {}) for item in status.get("containerStatuses") or () if item["name"] == container]
    return status.get("phase") == "Running" and all("running" in state for state in states)


def failed_container(pod: dict[str, Any]) -> str:
    """Return the first container, init containers before the others, that ended with an error; empty when none did."""
    status = pod.get("status", {})
    listed = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return next((item["name"] for item in listed if item.get("state", {}).get("terminated", {}).get("exitCode")), "")


def _started(pod: dict[str, Any]) -> tuple[str, str]:
    """RFC 3339 times of whole seconds in UTC sort as text."""
    return pod["metadata"].get("creationTimestamp") or "", pod.get("status", {}).get("startTime") or ""
