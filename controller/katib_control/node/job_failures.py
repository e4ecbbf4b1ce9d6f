"""When a Job has failed: its Pods' failures counted, its podFailurePolicy applied, its limits compared. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from katib_control.node.job_pods import PodView, restarts, terminated
from katib_control.node.pod_lifecycle import NEVER_AGAIN

Obj = Mapping[str, Any]
DEFAULT_BACKOFF_LIMIT = 6


@dataclass(frozen=True)
class Verdict:
    """Why the Job has failed for good."""

    reason: str
    message: str


@dataclass(frozen=True)
class Failures:
    """What the failed Pods come to: those that count, and a verdict that one of them alone brings about."""

    counted: Sequence[PodView]
    verdict: Verdict | None


def judge(job: Obj, pods: Sequence[PodView]) -> Failures:
    """Look at every failed Pod.

    A Pod that was disrupted (the node went down under it) never counts, and is replaced.
    """
    counted: list[PodView] = []
    verdict: Verdict | None = None
    for pod in pods:
        if pod.phase != "Failed" or pod.disrupted:
            continue
        action, matched = _policy(job, pod)
        if action == "FailJob":
            verdict = verdict or matched
        if action != "Ignore":
            counted.append(pod)
            verdict = verdict or _hopeless(pod)
    return Failures(counted, verdict)


def limits(job: Obj, failed: int, pods: Sequence[PodView]) -> Verdict | None:
    """Return the verdict when more has failed than backoffLimit allows; restarts inside of Pods count too."""
    spec = job["spec"]
    limit = spec.get("backoffLimit", DEFAULT_BACKOFF_LIMIT)
    exceeded = failed > limit
    if spec["template"]["spec"].get("restartPolicy") == "OnFailure":
        count = sum(restarts(pod.pod) for pod in pods if pod.active)
        exceeded = exceeded or (count > 0 if limit == 0 else count >= limit)
    if not exceeded:
        return None
    return Verdict("BackoffLimitExceeded", "Job has reached the specified backoff limit")


def _hopeless(pod: PodView) -> Verdict | None:
    """A failure that the next attempt could only repeat, or after which there must be no next attempt."""
    for status, ended in terminated(pod.pod):
        if ended.get("reason") in NEVER_AGAIN:
            message = f"container {status['name']} of pod {pod.name}: {ended.get('message') or ended['reason']}"
            return Verdict(ended["reason"], message)
    return None


def _policy(job: Obj, pod: PodView) -> tuple[str, Verdict | None]:
    """Return the action of the first rule of podFailurePolicy that matches, and what it would say."""
    rules = (job["spec"].get("podFailurePolicy") or {}).get("rules") or ()
    for number, rule in enumerate(rules):
        message = _by_exit_code(rule, pod) or _by_condition(rule, pod)
        if message:
            said = f"{message} matching {rule['action']} rule at index {number}"
            return rule["action"], Verdict("PodFailurePolicy", said)
    return "Count", None


def _by_exit_code(rule: Obj, pod: PodView) -> str:
    wanted = rule.get("onExitCodes")
    if not wanted:
        return ""
    for status, ended in terminated(pod.pod):
        code = ended.get("exitCode", 0)
        if code == 0 or wanted.get("containerName") not in (None, "", status["name"]):
            continue
        if (code in wanted["values"]) == (wanted["operator"] == "In"):
            return f"Container {status['name']} for pod {_where(pod)} failed with exit code {code}"
    return ""


def _by_condition(rule: Obj, pod: PodView) -> str:
    conditions = (pod.pod.get("status") or {}).get("conditions") or ()
    for wanted in rule.get("onPodConditions") or ():
        flag = wanted.get("status", "True")
        if any(item["type"] == wanted["type"] and item["status"] == flag for item in conditions):
            return f"Pod {_where(pod)} has condition {wanted['type']}"
    return ""


def _where(pod: PodView) -> str:
    return f"{pod.pod['metadata'].get('namespace', '')}/{pod.name}"
