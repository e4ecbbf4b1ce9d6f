"""What a batch/v1 Job needs now: Pods to create and to delete, its status, when to look again. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from katib_control.api.times import from_wire, to_wire
from katib_control.kube.resources import JOBS, PODS
from katib_control.node.job_failures import Failures, Verdict, judge, limits
from katib_control.node.job_pods import PodView, compress, expand_indexes, finish_time, make_pod, view
from katib_control.runtime.plan import Delete, EventDraft, Plan

Obj = Mapping[str, Any]

_FIRST_BACKOFF, _LONGEST_BACKOFF = 10.0, 600.0
_REACHED = Verdict("CompletionsReached", "Reached expected number of succeeded pods")


def plan(job: Obj, pods: Sequence[Obj], now: datetime, *, node: str = "local") -> Plan:
    """Return the decision for a Job and the Pods it owns; ``node`` is where new Pods are bound to."""
    if "deletionTimestamp" in job["metadata"]:
        return Plan()
    if ended := finished(job):
        return _after_the_end(job, ended, now)
    tally = _count(job, [view(pod) for pod in pods])
    if job["spec"].get("suspend"):
        return _suspended(job, tally, now)
    verdict = _verdict(job, tally, now)
    if verdict:
        return _end(job, tally, now, verdict, failed=True)
    if _complete(job, tally):
        return _end(job, tally, now, _REACHED, failed=False)
    return _go_on(job, tally, now, node)


def finished(job: Obj) -> Obj | None:
    """Return the condition that says that the Job has ended (Complete or Failed), if it has."""
    for item in (job.get("status") or {}).get("conditions") or ():
        if item["type"] in ("Complete", "Failed") and item["status"] == "True":
            return dict(item)
    return None


@dataclass(frozen=True, kw_only=True)
class _Tally:
    pods: Sequence[PodView]
    active: Sequence[PodView]
    terminating: int
    failures: Failures
    failed: int
    succeeded: int
    done: frozenset[int]


def _count(job: Obj, pods: Sequence[PodView]) -> _Tally:
    """Count the Pods; what was counted before stays counted when its Pod has been deleted."""
    old = job.get("status") or {}
    failures = judge(job, pods)
    won = [pod for pod in pods if pod.phase == "Succeeded"]
    done = frozenset(
        expand_indexes(old.get("completedIndexes") or "") | {pod.index for pod in won if pod.index is not None}
    )
    return _Tally(
        pods=pods,
        active=[pod for pod in pods if pod.active],
        terminating=sum(1 for pod in pods if pod.deleted and not pod.over),
        failures=failures,
        failed=max(len(failures.counted), old.get("failed", 0)),
        succeeded=len(done) if _indexed(job) else max(len(won), old.get("succeeded", 0)),
        done=done,
    )


def _verdict(job: Obj, tally: _Tally, now: datetime) -> Verdict | None:
    """Return why the Job fails, if it does; one that was said stays said while its Pods go down."""
    for item in (job.get("status") or {}).get("conditions") or ():
        if item["type"] == "FailureTarget" and item["status"] == "True":
            return Verdict(item.get("reason", ""), item.get("message", ""))
    seconds = job["spec"].get("activeDeadlineSeconds")
    if seconds is not None and (now - _start(job, now)).total_seconds() >= seconds:
        return Verdict("DeadlineExceeded", "Job was active longer than specified deadline")
    return tally.failures.verdict or limits(job, tally.failed, tally.pods)


def _complete(job: Obj, tally: _Tally) -> bool:
    completions = job["spec"].get("completions")
    if completions is None:
        return tally.succeeded > 0 and not tally.active
    return tally.succeeded >= int(completions)


def _go_on(job: Obj, tally: _Tally, now: datetime, node: str) -> Plan:
    create, waits = _new_pods(job, tally, now, node)
    surplus = _surplus(job, tally)
    seconds = job["spec"].get("activeDeadlineSeconds")
    if seconds is not None:
        waits.append(seconds - (now - _start(job, now)).total_seconds())
    active = len(tally.active) + len(create) - len(surplus)
    status = _status(job, tally, now, active=active)
    return Plan(
        create=[(PODS, pod) for pod in create],
        delete=[_delete(pod) for pod in surplus],
        status=status,
        events=_told(
            job, [EventDraft("SuccessfulCreate", f"Created pod: {pod['metadata']['name']}") for pod in create]
        ),
        requeue_after=max(0.0, min(waits)) if waits else None,
    )


def _new_pods(job: Obj, tally: _Tally, now: datetime, node: str) -> tuple[list[dict[str, Any]], list[float]]:
    """Return the Pods to create, and the seconds until the backoff after a failure is over."""
    held = tally.terminating if job["spec"].get("podReplacementPolicy") == "Failed" else 0
    missing = _wanted(job, tally) - len(tally.active) - held
    if missing <= 0:
        return [], []
    left = _backoff_left(tally, now)
    if left > 0:
        return [], [left]
    if _indexed(job):
        return _indexed_pods(job, tally, missing, node), []
    first = max((pod.number for pod in tally.pods), default=-1) + 1
    return [make_pod(job, None, number, node) for number in range(first, first + missing)], []


def _indexed_pods(job: Obj, tally: _Tally, missing: int, node: str) -> list[dict[str, Any]]:
    taken = tally.done | {pod.index for pod in tally.active}
    free = [index for index in range(job["spec"].get("completions") or 0) if index not in taken]
    numbers: dict[int | None, int] = {}
    for pod in tally.pods:
        numbers[pod.index] = max(numbers.get(pod.index, -1), pod.number)
    return [make_pod(job, index, numbers.get(index, -1) + 1, node) for index in free[:missing]]


def _wanted(job: Obj, tally: _Tally) -> int:
    spec = job["spec"]
    parallelism = int(spec.get("parallelism", 1))
    completions = spec.get("completions")
    if completions is None:
        # A work queue: once a Pod has succeeded, the others may finish but none is added.
        return parallelism if tally.succeeded == 0 else min(parallelism, len(tally.active))
    return min(parallelism, int(completions) - tally.succeeded)


def _surplus(job: Obj, tally: _Tally) -> list[PodView]:
    """Return the Pods above what is wanted: those that do not run yet first, then the youngest."""
    excess = len(tally.active) - _wanted(job, tally)
    ordered = sorted(tally.active, key=lambda pod: (pod.phase == "Running", -pod.number))
    return ordered[: max(0, excess)]


def _backoff_left(tally: _Tally, now: datetime) -> float:
    """Return the seconds until the next Pod: 10, 20, 40, ... after the latest failure, as many as came in a row."""
    since = max((finish_time(pod.pod) for pod in tally.pods if pod.phase == "Succeeded"), default=0.0)
    ends = [end for pod in tally.failures.counted if (end := finish_time(pod.pod)) > since]
    if not ends:
        return 0.0
    delay = min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(len(ends) - 1, 10))
    return max(ends) + delay - now.timestamp()


def _suspended(job: Obj, tally: _Tally, now: datetime) -> Plan:
    status = _status(job, tally, now, active=0, ready=0) | {"startTime": None}
    conditions = _put(job, "Suspended", "True", Verdict("JobSuspended", "Job suspended"), now)
    return Plan(delete=[_delete(pod) for pod in tally.active], status=status | {"conditions": conditions})


def _end(job: Obj, tally: _Tally, now: datetime, verdict: Verdict, *, failed: bool) -> Plan:
    """Say what it comes to, have what still runs deleted, and say that it is over when nothing runs any more."""
    early, late = ("FailureTarget", "Failed") if failed else ("SuccessCriteriaMet", "Complete")
    over = not tally.active and not tally.terminating
    conditions = _put(job, early, "True", verdict, now)
    status = _status(job, tally, now, active=0, ready=0, terminating=tally.terminating + len(tally.active))
    events: list[EventDraft] = []
    if over:
        conditions = _put({"status": {"conditions": conditions}}, late, "True", verdict, now)
        well = _told(job, [EventDraft("Completed", "Job completed")])
        events = [EventDraft(verdict.reason, verdict.message, "Warning")] if failed else well
        if not failed:
            status["completionTime"] = to_wire(now)
    deletions = [_delete(pod) for pod in tally.active]
    return Plan(delete=deletions, status=status | {"conditions": conditions}, events=events)


def _after_the_end(job: Obj, ended: Obj, now: datetime) -> Plan:
    ttl = job["spec"].get("ttlSecondsAfterFinished")
    if ttl is None:
        return Plan()
    left = from_wire(ended["lastTransitionTime"]).timestamp() + ttl - now.timestamp()
    if left > 0:
        return Plan(requeue_after=left)
    metadata = job["metadata"]
    return Plan(delete=[Delete(JOBS, metadata["namespace"], metadata["name"], metadata["uid"])])


def _status(
    job: Obj, tally: _Tally, now: datetime, *, active: int, ready: int | None = None, terminating: int | None = None
) -> dict[str, Any]:
    conditions = list((job.get("status") or {}).get("conditions") or ())
    if _was_suspended(job):
        conditions = _put(job, "Suspended", "False", Verdict("JobResumed", "Job resumed"), now)
    status: dict[str, Any] = {
        "active": active or None,
        "ready": sum(1 for pod in tally.active if pod.ready) if ready is None else ready,
        "terminating": tally.terminating if terminating is None else terminating,
        "failed": tally.failed or None,
        "succeeded": tally.succeeded or None,
        "startTime": to_wire(_start(job, now)),
        "conditions": conditions or None,
        "uncountedTerminatedPods": {},
    }
    if _indexed(job):
        status["completedIndexes"] = compress(set(tally.done)) or None
    return status


def _start(job: Obj, now: datetime) -> datetime:
    """Return when the Job began: as written down, else when it was created, unless it waited suspended until now."""
    if text := (job.get("status") or {}).get("startTime"):
        return from_wire(text)
    return now if _was_suspended(job) else from_wire(job["metadata"]["creationTimestamp"])


def _was_suspended(job: Obj) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(item["type"] == "Suspended" and item["status"] == "True" for item in conditions)


def _put(job: Obj, kind: str, flag: str, verdict: Verdict, now: datetime) -> list[dict[str, Any]]:
    old = list((job.get("status") or {}).get("conditions") or ())
    if any(item["type"] == kind and item["status"] == flag for item in old):
        return old
    stamp = to_wire(now)
    fresh = {"type": kind, "status": flag, "reason": verdict.reason, "message": verdict.message,
             "lastProbeTime": stamp, "lastTransitionTime": stamp}  # fmt: skip
    return [*(item for item in old if item["type"] != kind), fresh]


def _delete(pod: PodView) -> Delete:
    metadata = pod.pod["metadata"]
    return Delete(PODS, metadata["namespace"], pod.name, metadata["uid"])


def _told(job: Obj, events: list[EventDraft]) -> list[EventDraft]:
    """Return what goes well only for Jobs that nobody else speaks about: a Trial's own Events tell how its Job does."""
    owners = job["metadata"].get("ownerReferences") or ()
    return [] if any(owner.get("kind") == "Trial" for owner in owners) else events


def _indexed(job: Obj) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")
