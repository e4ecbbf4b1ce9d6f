"""What is to be done for a Pod now: which containers to start, which to stop, when to look again. Pure.

init containers one after the other (sidecars among them only have to have started)
→ all containers at once → restarts as restartPolicy says → sidecars stopped, last first → Succeeded or Failed
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from katib_control.api.times import from_wire
from katib_control.node.attempt import EXIT_CODE_UNKNOWN, NODE_REBOOT, NODE_SHUTDOWN, Attempt
from katib_control.node.pod_spec import COMMAND_MISSING

DEADLINE_EXCEEDED = "DeadlineExceeded"
SIDECAR_DONE = "SidecarDone"
POD_FINISHED = "PodFinished"
POD_DELETED = "PodDeleted"
FINAL_PHASES = ("Succeeded", "Failed")
DISRUPTIONS = (NODE_SHUTDOWN, NODE_REBOOT)
# The same template can only fail in the same way again; and what may have run to its end must not run again.
NEVER_AGAIN = frozenset({COMMAND_MISSING, EXIT_CODE_UNKNOWN, "VolumeNotSupported", "VolumeNotFound"})

DEFAULT_GRACE = 30.0
_FIRST_BACKOFF, _LONGEST_BACKOFF, _RESET_AFTER = 10.0, 300.0, 600.0


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A Pod and what is known of it.

    ``attempts``: by container, oldest first. ``waiting``: reason and message of containers that cannot be made yet.
    ``refusal``: why there is no room for the Pod now; empty when it has been admitted.
    """

    pod: Mapping[str, Any]
    attempts: Mapping[str, Sequence[Attempt]] = field(default_factory=dict)
    waiting: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    refusal: str = ""

    def last(self, container: str) -> Attempt | None:
        """Return the latest attempt of a container."""
        attempts = self.attempts.get(container)
        return attempts[-1] if attempts else None


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What is to be done. ``phase`` is the Pod's new phase; ``stop`` pairs keys with why.

    ``initialized``: all init containers have done their part. ``why``: a cause that ends the Pod from outside.
    ``backoff``: containers that wait to be restarted, and the seconds of their whole wait.
    """

    phase: str
    start: Sequence[tuple[str, int]] = ()
    stop: Sequence[tuple[str, str]] = ()
    initialized: bool = False
    why: str = ""
    backoff: Mapping[str, float] = field(default_factory=dict)
    requeue_after: float | None = None


def grace(pod: Mapping[str, Any]) -> float:
    """Return the seconds that the Pod's processes get to end by themselves."""
    asked = pod["metadata"].get("deletionGracePeriodSeconds", pod["spec"].get("terminationGracePeriodSeconds"))
    return DEFAULT_GRACE if asked is None else float(asked)


def is_sidecar(container: Mapping[str, Any]) -> bool:
    """Tell whether an init container goes on running beside the containers."""
    return container.get("restartPolicy") == "Always"


def steps(seen: Seen, now: datetime) -> Steps:
    """Return what the Pod needs."""
    pod = seen.pod
    old = (pod.get("status") or {}).get("phase") or "Pending"
    if old in FINAL_PHASES:
        return Steps(phase=old, stop=_all_running(seen, POD_FINISHED))
    if pod["metadata"].get("deletionTimestamp"):
        return Steps(phase=old, stop=_all_running(seen, POD_DELETED), initialized=_started(seen))
    if seen.refusal:
        return Steps(phase="Pending")
    why, left = _ended_from_outside(seen, now)
    if why:
        return _wind_down(seen, why, failed=True)
    return _go_on(seen, now, left)


def start_time(seen: Seen, now: datetime) -> datetime:
    """Return when the Pod was taken up: as it was written down, else its first attempt's, else now."""
    if text := (seen.pod.get("status") or {}).get("startTime"):
        return from_wire(text)
    known = [attempts[0].started for attempts in seen.attempts.values() if attempts and attempts[0].started]
    return from_wire(min(known)) if known else now


def _ended_from_outside(seen: Seen, now: datetime) -> tuple[str, float | None]:
    """Return the cause, if there is one, and the seconds left until the deadline."""
    stopped = {item.stopped for attempts in seen.attempts.values() for item in attempts[-1:]}
    for cause in (*DISRUPTIONS, DEADLINE_EXCEEDED):
        if cause in stopped:
            return cause, None
    seconds = seen.pod["spec"].get("activeDeadlineSeconds")
    if seconds is None:
        return "", None
    left = (start_time(seen, now) + timedelta(seconds=seconds) - now).total_seconds()
    return (DEADLINE_EXCEEDED, None) if left <= 0 else ("", left)


def _go_on(seen: Seen, now: datetime, left: float | None) -> Steps:
    spec = seen.pod["spec"]
    run = _Round(seen, now)
    initialized, failed = _initialize(seen, run)
    done = False
    if initialized:
        restarting = [run.consider(item["name"], _restarts(spec)) for item in spec["containers"]]
        done = all(state == "done" for state in restarting)
    if failed or done:
        return _wind_down(seen, "", failed=failed or _any_failed(seen))
    waits = [*run.waits, *([left] if left is not None else [])]
    return Steps(
        phase="Running" if initialized and _started(seen) else "Pending",
        start=tuple(run.start),
        initialized=initialized,
        backoff=run.backoff,
        requeue_after=min(waits) if waits else None,
    )


def _initialize(seen: Seen, run: _Round) -> tuple[bool, bool]:
    """Take the init containers forward; return whether all have done their part, whether one has failed for good."""
    spec = seen.pod["spec"]
    again = "Never" if _restarts(spec) == "Never" else "OnFailure"
    passed = _started(seen)
    for item in spec.get("initContainers") or ():
        name = item["name"]
        if is_sidecar(item):
            run.consider(name, "Always")
            last = seen.last(name)
            if not passed and (last is None or last.reason in NEVER_AGAIN):
                return False, last is not None
            continue
        if passed:
            continue
        last = seen.last(name)
        if run.consider(name, again) != "done":
            return False, False
        if last is not None and last.exit_code != 0:
            return False, True
    return True, False


class _Round:
    """Decides for one container after the other, and gathers what comes of it."""

    def __init__(self, seen: Seen, now: datetime) -> None:
        self._seen = seen
        self._now = now
        self.start: list[tuple[str, int]] = []
        self.waits: list[float] = []
        self.backoff: dict[str, float] = {}

    def consider(self, name: str, policy: str) -> str:
        """Return ``running`` (or about to), ``waiting`` for its restart, or ``done``."""
        last = self._seen.last(name)
        if last is None:
            self.start.append((name, 0))
            return "running"
        if not last.ended:
            return "running"
        if last.reason in NEVER_AGAIN or policy == "Never" or (policy == "OnFailure" and last.exit_code == 0):
            return "done"
        wait = _backoff(last)
        left = (from_wire(last.finished) + timedelta(seconds=wait) - self._now).total_seconds()
        if left <= 0:
            self.start.append((name, last.number + 1))
            return "running"
        self.waits.append(left)
        self.backoff[name] = wait
        return "waiting"


def _wind_down(seen: Seen, why: str, *, failed: bool) -> Steps:
    """Stop what still runs: the containers, then the sidecars from the last to the first; then the Pod is over."""
    spec = seen.pod["spec"]
    sidecars = [item["name"] for item in spec.get("initContainers") or () if is_sidecar(item)]
    running = [item for attempts in seen.attempts.values() for item in attempts if not item.ended]
    first = [item for item in running if item.container not in sidecars]
    if not first and running:
        first = [max(running, key=lambda item: sidecars.index(item.container))]
    if first:
        phase = "Running" if _started(seen) else "Pending"
        reason = why or SIDECAR_DONE
        stop = tuple((item.key, reason) for item in first if not item.stopped)
        return Steps(phase=phase, stop=stop, initialized=_started(seen), why=why)
    return Steps(phase="Failed" if failed else "Succeeded", initialized=_started(seen), why=why)


def _backoff(last: Attempt) -> float:
    """Return the seconds between an end and the next start: none, then 10, 20, 40, ... up to five minutes."""
    lasted = (from_wire(last.finished) - from_wire(last.started)).total_seconds() if last.started else 0.0
    if last.number == 0 or lasted >= _RESET_AFTER:
        return 0.0
    return min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(last.number - 1, 10))


def _restarts(spec: Mapping[str, Any]) -> str:
    return str(spec.get("restartPolicy") or "Always")


def _started(seen: Seen) -> bool:
    """Whether any of the (not init) containers has ever been started."""
    return any(seen.attempts.get(item["name"]) for item in seen.pod["spec"]["containers"])


def _any_failed(seen: Seen) -> bool:
    return any((last := seen.last(item["name"])) and last.exit_code != 0 for item in seen.pod["spec"]["containers"])


def _all_running(seen: Seen, why: str) -> tuple[tuple[str, str], ...]:
    return tuple((item.key, why) for attempts in seen.attempts.values() for item in attempts if not item.ended)
