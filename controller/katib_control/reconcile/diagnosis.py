"""Why a run does not get on: from the run object, its Pods and Events to a reason with a remedy. Pure.

What is plainly wrong is told at once, what may just be slow after ``PATIENCE``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from katib_control.api.times import from_wire
from katib_control.api.trial import Trial
from katib_control.reconcile.pods import all_ended, container_names, primary_pods, statuses
from katib_control.reconcile.reasons import CONTAINER_MISSING

PATIENCE = timedelta(seconds=12)
HOPELESS = timedelta(seconds=30)
"""How long an ended Job may match no condition."""

COMMAND_NOT_FOUND = "CommandNotFound"
IMAGE_ERROR = "ImagePullError"
CONFIG_ERROR = "ContainerConfigError"
CRASH_LOOP = "CrashLoop"
DOES_NOT_FIT = "PodDoesNotFit"
POD_NOT_STARTED = "PodNotStarted"
NO_POD = "NoPodCreated"
QUOTA = "QuotaExceeded"
SUSPENDED = "RunSuspended"
RETRYING = "RunRetrying"
OUTLIVED = "OtherContainersRunning"
NOT_MATCHED = "ConditionsNotMatched"

_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
_CONFIG = ("CreateContainerConfigError",)
_START = ("RunContainerError", "CreateContainerError", "StartError", "ContainerCannotRun")
_NO_COMMAND = ("executable file not found", "no such file or directory", "command not found")


@dataclass(frozen=True)
class Stall:
    """What holds a run up. ``fatal``: no waiting will help."""

    reason: str
    message: str
    fatal: bool = False


def diagnose(
    trial: Trial, run: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]],
    now: datetime,
) -> Stall | None:  # fmt: skip
    """Return what holds up a run that has not ended; None when it gets on, or may still be starting."""
    if not pods:
        return _no_pod(run, events) if _older(run, now) else None
    missing = container_missing(trial, pods)
    # Other kinds make their Pods one after the other: the one that matters may be still to come.
    if missing and (run.get("kind") == "Job" or all(_older(pod, now) for pod in pods)):
        return missing
    for pod in pods:
        if stall := _containers(pod) or _pending(pod, now):
            return stall
    if lost := _command_lost(pods):
        return lost
    return _outlived(trial, pods, now) or _unmatched(trial, run, pods, now) or _retrying(pods, now)


def _outlived(trial: Trial, pods: Sequence[Mapping[str, Any]], now: datetime) -> Stall | None:
    """The training is done, but something beside it keeps the Pod going."""
    primary = trial.spec.primary_container_name
    for pod in primary_pods(trial, pods):
        states = {
            item.get("name"): item.get("state") or {} for item in pod.get("status", {}).get("containerStatuses", ())
        }
        ended = str((states.get(primary, {}).get("terminated") or {}).get("finishedAt") or "")
        others = ", ".join(str(name) for name, state in states.items() if "running" in state)
        if ended and others and now - from_wire(ended) >= PATIENCE:
            told = f"Pod {pod['metadata']['name']} waits for {others}, although container {primary} ended at {ended}"
            remedy = "let it end too, or make it an init container with restartPolicy Always"
            return Stall(OUTLIVED, f"{told}; {remedy}")
    return None


def _unmatched(trial: Trial, run: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], now: datetime) -> Stall | None:
    """The run has ended by its own account, or all of its Pods have, and neither condition of the template says so."""
    kind, name = run.get("kind", "run"), run.get("metadata", {}).get("name", "")
    conditions = [item for item in (run.get("status") or {}).get("conditions") or () if item.get("status") == "True"]
    since = _job_end(conditions) if kind == "Job" else _last_end(pods)
    if not since or now - from_wire(since) < PATIENCE:
        return None
    told = ", ".join(str(item.get("type", "")) for item in conditions) or "none"
    success, failure = trial.spec.success_condition, trial.spec.failure_condition
    return Stall(
        NOT_MATCHED,
        f"{kind} {name} has ended (its true conditions: {told}), but neither successCondition {success} nor "
        f"failureCondition {failure} matches it; correct them in the trial template",
        fatal=kind == "Job" and now - from_wire(since) >= HOPELESS,  # an ended Job changes no more
    )


def _job_end(conditions: Sequence[Mapping[str, Any]]) -> str:
    ends = (item for item in conditions if item.get("type") in ("Complete", "Failed"))
    return next((str(item.get("lastTransitionTime") or "") for item in ends), "")


def _last_end(pods: Sequence[Mapping[str, Any]]) -> str:
    """Return when the last container ended, where all Pods have ended and not all of them have failed."""
    if not all_ended(pods) or all((pod.get("status") or {}).get("phase") == "Failed" for pod in pods):
        return ""
    ended = (((status.get("state") or {}).get("terminated") or {}) for pod in pods for status in statuses(pod))
    return max((str(item.get("finishedAt") or "") for item in ended), default="")


def _command_lost(pods: Sequence[Mapping[str, Any]]) -> Stall | None:
    """No Pod so far has found its command: trying again will not find it either, so this is told at once and stays."""
    ended = [
        (pod["metadata"]["name"], found) for pod in pods for status in statuses(pod)
        if (found := (status.get("state") or {}).get("terminated")) and found.get("exitCode")
    ]  # fmt: skip
    if not ended or not all(_no_command(found) for _, found in ended):
        return None
    name, found = ended[-1]
    return _not_found(f"Pod {name}", str(found.get("message") or ""))


def _retrying(pods: Sequence[Mapping[str, Any]], now: datetime) -> Stall | None:
    """Every Pod has failed, and for a while nothing has followed: the run waits before it tries again."""
    last = max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
    ended = [
        found for status in statuses(last)
        if (found := (status.get("state") or {}).get("terminated")) and found.get("exitCode")
    ]  # fmt: skip
    if not ended or any((pod.get("status") or {}).get("phase") != "Failed" for pod in pods):
        return None
    finished = ended[0].get("finishedAt")
    if not finished or now - from_wire(finished) < PATIENCE:
        return None
    name, code = last["metadata"]["name"], ended[0]["exitCode"]
    told = f"Pod {name} failed with exit code {code}, {len(pods)} so far; the run tries again: look at its log"
    return Stall(RETRYING, f"{told}, or lower backoffLimit")


def _no_pod(run: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Stall:
    kind, name = run.get("kind", "run"), run.get("metadata", {}).get("name", "")
    if (run.get("spec") or {}).get("suspend") is True:
        told = f"{kind} {name} is suspended: wait until a queue admits it, or set its spec.suspend to false"
        return Stall(SUSPENDED, told)
    warnings = [event for event in events if event.get("type") == "Warning"]
    words = str(warnings[-1].get("message", "")) if warnings else ""
    if "exceeded quota" in words:
        return Stall(QUOTA, f"{kind} {name} gets no Pod: {words}; raise the ResourceQuota or lower parallelTrialCount")
    why = f": {words}" if words else f", and no Event says why: is the controller of kind {kind} running?"
    return Stall(NO_POD, f"{kind} {name} has no Pod {PATIENCE.total_seconds():g} seconds after it was created{why}")


def container_missing(trial: Trial, pods: Sequence[Mapping[str, Any]]) -> Stall | None:
    """Return what to say when none of the Pods that matter has the primary container."""
    wanted = trial.spec.primary_container_name
    relevant = primary_pods(trial, pods)
    if not wanted or not relevant:
        return None
    found = [name for pod in relevant for name in container_names(pod)]
    if wanted in found:
        return None
    told = ", ".join(dict.fromkeys(found))
    return Stall(
        CONTAINER_MISSING,
        f"Pod {relevant[0]['metadata']['name']} has no container {wanted}, it has: {told}; "
        "set trialTemplate.primaryContainerName to one of them",
        fatal=True,
    )


def _containers(pod: Mapping[str, Any]) -> Stall | None:
    for status in statuses(pod):
        waiting = (status.get("state") or {}).get("waiting")
        if waiting and (stall := _waiting(pod, status, waiting)):
            return stall
    return None


def _waiting(pod: Mapping[str, Any], status: Mapping[str, Any], waiting: Mapping[str, Any]) -> Stall | None:
    reason, words = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    where = f"container {status.get('name', '')} of Pod {pod['metadata']['name']}"
    if reason in _IMAGE:
        told = f"The image {status.get('image', '')} of {where} cannot be pulled ({reason}): {words}"
        return Stall(IMAGE_ERROR, f"{told}; check its name and the imagePullSecrets")
    if reason in _CONFIG:
        return Stall(CONFIG_ERROR, f"The {where} cannot be configured: {words}; create what it refers to")
    last = (status.get("lastState") or {}).get("terminated") or {}
    if _no_command(last) or any(text in words for text in _NO_COMMAND):
        return _not_found(where, str(last.get("message") or words))
    if reason in _START:
        return Stall(POD_NOT_STARTED, f"The {where} cannot be started: {words}")
    if reason == "CrashLoopBackOff":
        ended = f"last exit code {last.get('exitCode', '?')}, {status.get('restartCount', 0)} restarts"
        return Stall(CRASH_LOOP, f"The {where} keeps ending and is started again ({ended}): look at its log")
    return None


def _no_command(terminated: Mapping[str, Any]) -> bool:
    words = str(terminated.get("message", ""))
    return terminated.get("exitCode") == 127 or any(text in words for text in _NO_COMMAND)


def _not_found(where: str, words: str) -> Stall:
    told = f"The command of {where} was not found" + (f": {words}" if words else "")
    return Stall(COMMAND_NOT_FOUND, f"{told}; correct command or args in the trial template, or the image")


def _pending(pod: Mapping[str, Any], now: datetime) -> Stall | None:
    status = pod.get("status") or {}
    if status.get("phase", "Pending") != "Pending" or not _older(pod, now):
        return None
    name = pod["metadata"]["name"]
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            words = condition.get("message") or condition.get("reason") or "no reason is given"
            told = f"Pod {name} does not fit: {words}"
            return Stall(DOES_NOT_FIT, f"{told}; lower its resource requests or parallelTrialCount, or add capacity")
    waits = ", ".join(f"{name} ({why})" for name, why in _reasons(pod)) or "nothing is reported"
    return Stall(POD_NOT_STARTED, f"Pod {name} is still Pending; its containers: {waits}; look at the Pod's events")


def _reasons(pod: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for status in statuses(pod):
        waiting = (status.get("state") or {}).get("waiting")
        if waiting:
            yield str(status.get("name", "")), str(waiting.get("reason", "waiting"))
    for status in (pod.get("status") or {}).get("initContainerStatuses") or ():
        if "running" in (status.get("state") or {}):
            yield f"init container {status.get('name', '')}", "still running: the others wait for its end, see its log"


def _older(obj: Mapping[str, Any], now: datetime) -> bool:
    created = obj.get("metadata", {}).get("creationTimestamp")
    return bool(created) and now - from_wire(created) >= PATIENCE
