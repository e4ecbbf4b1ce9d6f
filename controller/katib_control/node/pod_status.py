"""The status of a Pod: phase, conditions, container statuses, as a kubelet reports them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from katib_control.api.times import to_wire
from katib_control.node.attempt import NODE_REBOOT, NODE_SHUTDOWN, Attempt
from katib_control.node.pod_lifecycle import (
    DEADLINE_EXCEEDED,
    DISRUPTIONS,
    FINAL_PHASES,
    Seen,
    Steps,
    is_sidecar,
    start_time,
)

_MESSAGES = {
    DEADLINE_EXCEEDED: "Pod was active on the node longer than the specified deadline",
    NODE_SHUTDOWN: "Pod was terminated in response to imminent node shutdown.",
    NODE_REBOOT: "The machine was started anew while the Pod ran.",
}


def status(seen: Seen, decided: Steps, now: datetime) -> dict[str, Any]:
    """Return the whole status for what has been decided."""
    spec = seen.pod["spec"]
    found: dict[str, Any] = {"phase": decided.phase, "conditions": _conditions(seen, decided, now)}
    if seen.refusal:
        return found
    found |= {
        "hostIP": "127.0.0.1", "hostIPs": [{"ip": "127.0.0.1"}], "podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}],
        "startTime": to_wire(start_time(seen, now)),
        "containerStatuses": [_container(item, seen, decided) for item in spec["containers"]],
    }  # fmt: skip
    if init := spec.get("initContainers"):
        found["initContainerStatuses"] = [_container(item, seen, decided, init=True) for item in init]
    if decided.why and decided.phase in FINAL_PHASES:
        found |= {"reason": decided.why, "message": _MESSAGES[decided.why]}
    return found


def _container(
    container: Mapping[str, Any], seen: Seen, decided: Steps, *, init: bool = False
) -> dict[str, Any]:  # fmt: skip
    name = container["name"]
    attempts = seen.attempts.get(name) or ()
    last = attempts[-1] if attempts else None
    state = _state(name, last, seen, decided, init=init)
    runs = "running" in state
    found: dict[str, Any] = {
        "name": name,
        "image": container.get("image", ""),
        "imageID": "",
        "restartCount": last.number if last else 0,
        "ready": runs if not init or is_sidecar(container) else bool(last and last.exit_code == 0),
        "started": runs,
        "state": state,
        "lastState": {},
    }
    if last:
        found["containerID"] = f"process://{last.pid}"
    before = last if last and "waiting" in state else attempts[-2] if len(attempts) > 1 else None
    if before and before.ended:
        found["lastState"] = {"terminated": _terminated(before)}
    return found


def _state(name: str, last: Attempt | None, seen: Seen, decided: Steps, *, init: bool) -> dict[str, Any]:
    if name in seen.waiting:
        reason, message = seen.waiting[name]
        return {"waiting": {"reason": reason, "message": message}}
    if last is None:
        starts = init or decided.initialized or not seen.pod["spec"].get("initContainers")
        return {"waiting": {"reason": "ContainerCreating" if starts else "PodInitializing"}}
    if not last.ended:
        return {"running": {"startedAt": _seconds(last.started)}}
    if name in decided.backoff:
        metadata = seen.pod["metadata"]
        pod = f"{metadata['name']}_{metadata.get('namespace', '')}({metadata.get('uid', '')})"
        message = f"back-off {decided.backoff[name]:.0f}s restarting failed container={name} pod={pod}"
        return {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
    return {"terminated": _terminated(last)}


def _terminated(attempt: Attempt) -> dict[str, Any]:
    found: dict[str, Any] = {
        "exitCode": attempt.exit_code,
        "reason": attempt.reason or ("Completed" if attempt.exit_code == 0 else "Error"),
        "startedAt": _seconds(attempt.started),
        "finishedAt": _seconds(attempt.finished),
        "containerID": f"process://{attempt.pid}",
    }
    if attempt.signal:
        found["signal"] = attempt.signal
    if attempt.message:
        found["message"] = attempt.message
    return {key: value for key, value in found.items() if value is not None}


def _conditions(seen: Seen, decided: Steps, now: datetime) -> list[dict[str, Any]]:
    if seen.refusal:
        wanted = [("PodScheduled", "False", "Unschedulable", seen.refusal)]
    else:
        ready = _ready(seen, decided)
        reason, message = _why_not_ready(seen, decided) if not ready else ("", "")
        flag = "True" if ready else "False"
        initialized = decided.initialized or not seen.pod["spec"].get("initContainers")
        wanted = [
            ("Initialized", *(("True", "", "") if initialized else ("False", "ContainersNotInitialized", ""))),
            ("Ready", flag, reason, message),
            ("ContainersReady", flag, reason, message),
            ("PodScheduled", "True", "", ""),
        ]
    if decided.why in DISRUPTIONS:
        wanted.append(("DisruptionTarget", "True", "TerminationByKubelet", _MESSAGES[decided.why]))
    old = {item["type"]: item for item in (seen.pod.get("status") or {}).get("conditions") or ()}
    fresh = [_condition(item, old.pop(item[0], None), now) for item in wanted]
    return [*fresh, *old.values()]


def _condition(wanted: tuple[str, str, str, str], old: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    kind, flag, reason, message = wanted
    since = old["lastTransitionTime"] if old and old["status"] == flag and "lastTransitionTime" in old else to_wire(now)
    found = {"type": kind, "status": flag, "lastProbeTime": None, "lastTransitionTime": since}
    return found | {key: value for key, value in (("reason", reason), ("message", message)) if value}


def _ready(seen: Seen, decided: Steps) -> bool:
    lasts = [seen.last(item["name"]) for item in seen.pod["spec"]["containers"]]
    return decided.phase == "Running" and all(last is not None and not last.ended for last in lasts)


def _why_not_ready(seen: Seen, decided: Steps) -> tuple[str, str]:
    if decided.phase in FINAL_PHASES:
        return ("PodCompleted" if decided.phase == "Succeeded" else "PodFailed"), ""
    names = [item["name"] for item in seen.pod["spec"]["containers"]]
    unready = [name for name in names if (last := seen.last(name)) is None or last.ended]
    return "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"


def _seconds(stamp: str) -> str | None:
    """Whole seconds, as objects have them."""
    return f"{stamp[:19]}Z" if stamp else None
