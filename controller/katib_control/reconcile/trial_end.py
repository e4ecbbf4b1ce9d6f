"""How a Trial ends, and the words for it: what the run said, its exit code, what it printed last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from katib_control.api.conditions import find, is_true
from katib_control.api.experiment import Observation
from katib_control.api.observation import Collected, observe
from katib_control.api.times import to_wire
from katib_control.reconcile.conditions import Conditions
from katib_control.reconcile.pods import how_ended
from katib_control.reconcile.reasons import (
    JOB_FAILED,
    JOB_SUCCEEDED,
    METRICS_NOT_READABLE,
    METRICS_UNAVAILABLE,
    TRIAL_CREATED,
    TRIAL_EARLY_STOPPED,
    TRIAL_FAILED,
    TRIAL_RUNNING,
    TRIAL_SUCCEEDED,
    TRIALS_FAILED,
    TRIALS_METRICS_UNAVAILABLE,
    TRIALS_SUCCEEDED,
)
from katib_control.reconcile.seen import TrialSeen
from katib_control.runtime.plan import EventDraft, Plan

PUSH_GRACE = timedelta(seconds=5)
"""How long after the end of a run pushed metrics may still arrive."""

READ_GRACE = timedelta(seconds=60)
"""How long metrics of a run that did not fail are tried again when they cannot be read."""

LINES, LINE_LENGTH = 5, 200
RETRY = 0.5

_COUNTERS = {
    "Succeeded": TRIALS_SUCCEEDED,
    "Failed": TRIALS_FAILED,
    "MetricsUnavailable": TRIALS_METRICS_UNAVAILABLE,
}


@dataclass(frozen=True)
class Ending:
    """The final condition, and the Event that tells of it (``event`` empty: the reason itself)."""

    type: str
    reason: str
    message: str
    event: str = ""
    event_type: Literal["Normal", "Warning"] = "Normal"


def judged(seen: TrialSeen, now: datetime) -> Plan:
    """Return the end of a Trial whose run has ended, or a little patience."""
    waited = now - (seen.ended_since or now)
    if seen.collect_error and seen.verdict.state != "failed" and waited < READ_GRACE:
        return _unreadable(seen, now)
    observation = _observation(seen)
    if is_true(seen.trial.status.conditions, "EarlyStopped"):
        early = find(seen.trial.status.conditions, "EarlyStopped")
        ending = Ending("EarlyStopped", early.reason if early else "", early.message if early else "")
        return finish(seen, ending, now, observation)
    if seen.verdict.state == "failed":
        return failed(seen, TRIAL_FAILED, _failure(seen), now, observation)
    if observation is None:
        pushed = seen.trial.spec.metrics_collector.kind == "Push"
        return Plan(requeue_after=RETRY) if pushed and waited < PUSH_GRACE else _unavailable(seen, now)
    told = _joined("Trial has succeeded", _job_words(seen))
    return finish(seen, Ending("Succeeded", TRIAL_SUCCEEDED, told, JOB_SUCCEEDED), now, observation)


def stopped(seen: TrialSeen, now: datetime) -> Plan:
    """Return the end of a Trial that is stopped early, with what it has told until then."""
    return finish(seen, Ending("EarlyStopped", TRIAL_EARLY_STOPPED, seen.stop), now, _observation(seen))


def failed(seen: TrialSeen, reason: str, message: str, now: datetime, observation: Observation | None = None) -> Plan:
    """Return the end of a Trial that failed; what it has reported is kept."""
    ending = Ending("Failed", reason, message, JOB_FAILED, "Warning")
    return finish(seen, ending, now, observation or seen.trial.status.observation)


def finish(seen: TrialSeen, ending: Ending, now: datetime, observation: Observation | None = None) -> Plan:
    """Write the end: Running is over, the final condition is the last one."""
    status = seen.trial.status
    listed = Conditions(status.conditions, now)
    if not listed.has("Created"):
        listed.put("Created", TRIAL_CREATED, "Trial is created")
    listed.stop_running(TRIAL_RUNNING, "Trial is not running any more")
    listed.put(ending.type, ending.reason, ending.message)
    listed.move_last(ending.type)
    fresh = status.but(
        start_time=status.start_time or to_wire(now), completion_time=to_wire(now), conditions=listed.items
    )
    if kept := observation or status.observation:
        fresh = fresh.but(observation=kept)
    counter = _COUNTERS.get(ending.type)
    return Plan(
        status=fresh.to_dict(),
        events=[EventDraft(ending.event or ending.reason, ending.message, ending.event_type)],
        counters=[counter] if counter else [],
    )


def _unreadable(seen: TrialSeen, now: datetime) -> Plan:
    """Tell why the metrics of an ended run cannot be read yet."""
    listed = Conditions(seen.trial.status.conditions, now)
    listed.put(
        "Running", METRICS_NOT_READABLE, f"The run has ended but its metrics cannot be read: {seen.collect_error}"
    )
    if is_true(listed.items, "EarlyStopped"):
        listed.move_last("EarlyStopped")
    body = seen.trial.status.but(conditions=listed.items).to_dict()
    return Plan(status=None if body == seen.trial.status.to_dict() else body, requeue_after=2.0)


def _observation(seen: TrialSeen) -> Observation | None:
    objective, collected = seen.trial.spec.objective, seen.collected
    if objective is None or collected is None:
        return None
    return observe(collected.logs, objective)


def _unavailable(seen: TrialSeen, now: datetime) -> Plan:
    objective = seen.trial.spec.objective
    metric = objective.objective_metric_name if objective else ""
    collected = seen.collected or Collected()
    found = ", ".join(sorted(set(collected.names_found))[:10])
    told = _joined(
        f"No usable value of metric {metric} was reported",
        f"the metrics cannot be read: {seen.collect_error}" if seen.collect_error else "",
        f"metric names found: {found}" if found else "no metric was found at all",
        _remedy(seen.trial.spec.metrics_collector.kind, metric),
        _tail(collected.tail),
    )
    ending = Ending("MetricsUnavailable", METRICS_UNAVAILABLE, told, "", "Warning")
    return finish(seen, ending, now)


def _remedy(kind: str, metric: str) -> str:
    if kind == "Push":
        return f"report {metric} as a finite number before the training ends"
    if kind == "StdOut":
        return f"print lines like {metric}=0.5 with finite numbers, or set metricsCollectorSpec.source.filter"
    return f"write {metric} with finite numbers to where metricsCollectorSpec.source says"


def _failure(seen: TrialSeen) -> str:
    tail = _tail(seen.collected.tail) if seen.collected else ""
    job = _job_words(seen)
    ended = how_ended(seen.trial, seen.pods, job)
    unread = f"its log cannot be read: {seen.collect_error}" if seen.collect_error and not ended else ""
    return _joined("Trial has failed", job, ended, unread, tail)


def _job_words(seen: TrialSeen) -> str:
    verdict = seen.verdict
    reason = f"job reason {verdict.reason}" if verdict.reason else ""
    return ": ".join(part for part in (reason, verdict.message) if part)


def _tail(lines: Sequence[str]) -> str:
    told = [line.strip()[:LINE_LENGTH] for line in lines if line.strip()][-LINES:]
    return "last log lines: " + " | ".join(told) if told else ""


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
