"""Suggestion: when to ask the algorithm, and what becomes of its answer. Pure.

Answers are stored here before anything is made of them. What may still become a Trial is kept, and the latest few.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from katib_control.api.conditions import EXPERIMENT_FINAL, final, find, is_true
from katib_control.api.experiment import Experiment
from katib_control.api.model import Condition, NameValue
from katib_control.api.names import trial_name
from katib_control.api.suggestion import Answer, SuggestionStatus, TrialAssignment
from katib_control.api.times import from_wire, to_wire
from katib_control.reconcile.conditions import Conditions, without
from katib_control.reconcile.reasons import (
    ALGORITHM_ERROR,
    EXPERIMENT_ENDED,
    SEARCH_SPACE_EXHAUSTED,
    SUGGESTION_CREATED,
    SUGGESTION_FAILED,
    SUGGESTION_RUNNING,
)
from katib_control.reconcile.seen import SuggestionSeen
from katib_control.runtime.plan import EventDraft, Plan

RECENT = 20
"""Assignments of ended Trials that are kept for readers; every status write carries them."""

GIVE_UP = timedelta(minutes=10)
"""How long an algorithm may fail, call after call, before the Suggestion fails."""

RETRY_FIRST, RETRY_MOST = 1.0, 60.0

Put = Callable[[Conditions], None]


def wanted(seen: SuggestionSeen) -> int:
    """Return how many points to ask for now."""
    conditions = seen.suggestion.status.conditions
    if seen.experiment is None or seen.experiment.metadata.deletion_timestamp or is_true(conditions, "Failed"):
        return 0
    running = find(conditions, "Running")
    if _ended(seen) or (running and running.reason == SEARCH_SPACE_EXHAUSTED):
        return 0
    return max(0, seen.suggestion.spec.requests - points_made(seen))


def points_made(seen: SuggestionSeen) -> int:
    """Return how many points were ever made: the index of the next one. Trials remember if the Suggestion was lost."""
    return max(seen.suggestion.status.suggestion_count, seen.summary.next_index)


def pending(seen: SuggestionSeen) -> Sequence[TrialAssignment]:
    """Return the points that are suggested but are no Trials."""
    return [item for item in seen.suggestion.status.suggestions if item.name in seen.missing]


def with_settings_written_back(seen: SuggestionSeen) -> Experiment:
    """Return the Experiment with the settings that the algorithm has set itself; they override the given ones."""
    assert seen.experiment is not None  # nothing is asked without one
    written, spec = seen.suggestion.status.algorithm_settings, seen.experiment.spec
    if not written or spec.algorithm is None:
        return seen.experiment
    settings = spec.algorithm.settings | {item.name: item.value for item in written}
    items = [NameValue(name=name, value=value) for name, value in settings.items()]
    return seen.experiment.but(spec=spec.but(algorithm=spec.algorithm.but(algorithm_settings=items)))


def plan(seen: SuggestionSeen, now: datetime) -> Plan:
    """Return what is to be done when nothing is to be asked."""
    return _write(seen, now, (), None)


def accept(seen: SuggestionSeen, answer: Answer, now: datetime) -> Plan:
    """Store an answer: each point under the name that its Trial will have."""
    if not answer.assignments and not answer.exhausted:
        return _nothing(seen, answer, now)
    assert seen.experiment is not None  # wanted() is 0 without one
    meta, made = seen.experiment.metadata, points_made(seen)
    asked = wanted(seen)
    fresh = [
        item.but(name=trial_name(meta.name, meta.uid, made + offset))
        for offset, item in enumerate(answer.assignments[:asked])
    ]

    def put(listed: Conditions) -> None:
        if answer.exhausted:
            told = f"The search space holds no further point after {made + len(fresh)}"
            listed.put("Running", SEARCH_SPACE_EXHAUSTED, told)
        else:
            _running(listed)

    return _write(seen, now, fresh, put, answer.settings)


def refuse(seen: SuggestionSeen, error: str, now: datetime) -> Plan:
    """Note that the algorithm has failed, try again later and later, and give up after ``GIVE_UP`` of nothing else."""
    before = find(seen.suggestion.status.conditions, "Running")
    failing = before if before and before.reason == ALGORITHM_ERROR else None
    since = from_wire(failing.last_transition_time) if failing and failing.last_transition_time else now
    name = seen.suggestion.spec.algorithm.algorithm_name if seen.suggestion.spec.algorithm else ""
    told = (
        f"Algorithm {name} cannot make suggestions: {error}; it is asked again until "
        f"{to_wire(since + GIVE_UP)}: check algorithmSettings and the search space"
    )

    def put(listed: Conditions) -> None:
        listed.put("Running", ALGORITHM_ERROR, told, status="False")
        if now - since >= GIVE_UP:
            listed.put("Failed", SUGGESTION_FAILED, f"Algorithm {name} has failed for {GIVE_UP}: {error}")

    events = [] if failing else [EventDraft(ALGORITHM_ERROR, told, "Warning")]
    written = _write(seen, now, (), put)
    waited = (now - since).total_seconds()
    return Plan(
        status=written.status,
        events=[*written.events, *events],
        requeue_after=min(max(RETRY_FIRST, waited), RETRY_MOST),
    )


def _nothing(seen: SuggestionSeen, answer: Answer, now: datetime) -> Plan:
    """No point now: fine while Trials run (the algorithm waits for them), an error when nothing can change any more."""
    if seen.summary.unfinished or pending(seen):
        return _write(seen, now, (), _running)
    return refuse(seen, "it gave no point although no trial is running, and did not say that it has no more", now)


def _running(listed: Conditions) -> None:
    listed.put("Running", SUGGESTION_RUNNING, "Suggestion is running")


def _write(
    seen: SuggestionSeen,
    now: datetime,
    fresh: Sequence[TrialAssignment],
    put: Put | None,
    settings: dict[str, str] | None = None,
) -> Plan:
    before = seen.suggestion.status
    listed = Conditions(before.conditions, now)
    events = []
    if not listed.has("Created"):
        listed.put("Created", SUGGESTION_CREATED, "Suggestion is created")
    if put:
        put(listed)
    elif _ended(seen):
        _close(seen, listed)
    elif is_true(listed.items, "Succeeded"):
        _reopen(listed)
    if is_true(listed.items, "Failed") and not is_true(before.conditions, "Failed"):
        events.append(EventDraft(SUGGESTION_FAILED, listed.items[-1].message, "Warning"))
    status = before.but(
        start_time=before.start_time or to_wire(now),
        completion_time=_completion(before, listed.items, now),
        conditions=listed.items,
        suggestion_count=points_made(seen) + len(fresh),
        suggestions=[*_kept(seen), *fresh],
    )
    if settings:
        merged = {item.name: item.value for item in before.algorithm_settings} | settings
        status = status.but(algorithm_settings=[NameValue(name=key, value=value) for key, value in merged.items()])
    body = status.to_dict()
    return Plan(events=events) if body == before.to_dict() else Plan(status=body, events=events)


def _kept(seen: SuggestionSeen) -> list[TrialAssignment]:
    """Everything that may still be needed, the latest of the rest, nothing whose Trial somebody is deleting."""
    kept = [item for item in seen.suggestion.status.suggestions if item.name not in seen.taken]
    spare = max(0, sum(item.name in seen.final for item in kept) - RECENT)
    found = []
    for item in kept:
        if spare and item.name in seen.final:
            spare -= 1
        else:
            found.append(item)
    return found


def _ended(seen: SuggestionSeen) -> bool:
    return seen.experiment is not None and final(seen.experiment.status.conditions, EXPERIMENT_FINAL) is not None


def _close(seen: SuggestionSeen, listed: Conditions) -> None:
    """Mark it Succeeded, but for LongRunning, where the search stays open."""
    policy = seen.suggestion.spec.resume_policy
    if policy == "LongRunning" or is_true(listed.items, "Succeeded") or is_true(listed.items, "Failed"):
        return
    word = "can be" if policy == "FromVolume" else "cannot be"
    listed.stop_running(EXPERIMENT_ENDED, "Experiment has ended")
    listed.put("Succeeded", EXPERIMENT_ENDED, f"Experiment has ended; it {word} restarted")


def _reopen(listed: Conditions) -> None:
    listed.items = without(listed.items, ("Succeeded",))
    listed.put("Running", SUGGESTION_RUNNING, "Experiment is restarted")


def _completion(before: SuggestionStatus, conditions: Sequence[Condition], now: datetime) -> str | None:
    if final(conditions, ("Succeeded", "Failed")) is None:
        return None
    return before.completion_time or to_wire(now)
