"""Experiment: from what is seen to what is to be done. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from katib_control.api.conditions import EXPERIMENT_FINAL, final, find, is_true
from katib_control.api.errors import TemplateError
from katib_control.api.model import Condition
from katib_control.api.names import EXPERIMENT_FINALIZER
from katib_control.api.times import to_wire
from katib_control.kube.resources import PERSISTENT_VOLUME_CLAIMS, SUGGESTIONS, TRIALS, Resource
from katib_control.reconcile import cleanup
from katib_control.reconcile.checkpoints import claim_object
from katib_control.reconcile.children import (
    mark_taken_back,
    more_requests,
    owner_reference,
    suggestion_object,
    trial_object,
)
from katib_control.reconcile.conditions import Conditions, without
from katib_control.reconcile.experiment_end import End, find_end, may_restart
from katib_control.reconcile.experiment_stall import GIVE_UP, STALL_AFTER, Stall, find_stall, since
from katib_control.reconcile.experiment_status import status_of
from katib_control.reconcile.reasons import (
    EXPERIMENT_CREATED,
    EXPERIMENT_FAILED,
    EXPERIMENT_RESTARTING,
    EXPERIMENT_RUNNING,
    EXPERIMENTS_CREATED,
    EXPERIMENTS_FAILED,
    EXPERIMENTS_SUCCEEDED,
)
from katib_control.reconcile.scaling import Scale, scale
from katib_control.reconcile.seen import ExperimentSeen
from katib_control.runtime.plan import EventDraft, Patch, Plan

STATUS_INTERVAL = 0.1
"""Seconds within which changes of numbers alone are written together."""


def plan(seen: ExperimentSeen, now: datetime) -> Plan:
    """Return what brings the Experiment one step on."""
    experiment = seen.experiment
    if experiment.metadata.deletion_timestamp:
        return cleanup.experiment(experiment)
    if final(experiment.status.conditions, EXPERIMENT_FINAL):
        return _finished(seen, now)
    if end := find_end(seen):
        return _ended(seen, end, now)
    return _going(seen, now)


def _going(seen: ExperimentSeen, now: datetime) -> Plan:
    blocked = bool(seen.errors or seen.unchecked) or seen.name_taken
    wanted = Scale() if blocked else scale(seen)
    try:
        create = [_trial(seen, index, item) for index, item in wanted.start]
        broken = ""
    except TemplateError as error:
        create, broken = [], str(error)
    stall = find_stall(seen, broken, now)
    if stall and stall.fatal and now - since(seen.experiment, stall, now) > GIVE_UP:
        return _ended(
            seen, End("Failed", EXPERIMENT_FAILED, f"Given up after {_minutes(GIVE_UP)}: {stall.message}"), now
        )
    if seen.suggestion is None and not blocked:
        create += _beginning(seen, wanted.requests)
    conditions, events = _conditions(seen, stall, bool(create), now)
    status = _status(seen, conditions, now)
    late = status is not None and not seen.status_due and conditions == seen.experiment.status.conditions
    new = find(seen.experiment.status.conditions, "Created") is None
    return Plan(
        create=create,
        patch=_patches(seen, wanted),
        finalizers=_with_finalizer(seen),
        status=None if late else status,
        events=events,
        counters=[EXPERIMENTS_CREATED] if new else [],
        requeue_after=STATUS_INTERVAL if late else _again(seen, stall),
    )


def _beginning(seen: ExperimentSeen, requests: int) -> list[tuple[Resource, dict[str, Any]]]:
    """Return the Suggestion, and before it what all trials share: so there is never the one without the other."""
    meta = seen.experiment.metadata
    claim = claim_object(seen.experiment, seen.template, owner_reference("Experiment", meta.name, meta.uid))
    shared = [(PERSISTENT_VOLUME_CLAIMS, claim)] if claim else []
    return [*shared, (SUGGESTIONS, suggestion_object(seen.experiment, requests))]


def _trial(seen: ExperimentSeen, index: int, item: Any) -> tuple[Resource, dict[str, Any]]:
    if seen.template_error:
        raise TemplateError(seen.template_error)
    return TRIALS, trial_object(seen.experiment, seen.template, index, item)


def _patches(seen: ExperimentSeen, wanted: Scale) -> list[Patch]:
    patches = [mark_taken_back(trial) for trial in wanted.take_back]
    if seen.suggestion and wanted.requests > seen.suggestion.spec.requests:
        patches.append(more_requests(seen.suggestion, wanted.requests))
    return patches


def _with_finalizer(seen: ExperimentSeen) -> list[str] | None:
    present = seen.experiment.metadata.finalizers
    return None if EXPERIMENT_FINALIZER in present else [*present, EXPERIMENT_FINALIZER]


def _conditions(
    seen: ExperimentSeen, stall: Stall | None, creating: bool, now: datetime
) -> tuple[list[Condition], list[EventDraft]]:
    """Created first; Running as soon as there are Trials, or something to complain of."""
    listed = Conditions(seen.experiment.status.conditions, now)
    events = []
    if not listed.has("Created"):
        listed.put("Created", EXPERIMENT_CREATED, "Experiment is created")
        events.append(EventDraft(EXPERIMENT_CREATED, "Experiment is created"))
    if stall or seen.summary.total or (creating and seen.suggestion):
        was = find(listed.items, "Running")
        reason, message = (stall.reason, stall.message) if stall else (EXPERIMENT_RUNNING, "Experiment is running")
        if is_true(listed.items, "Restarting"):
            listed.put("Restarting", EXPERIMENT_RUNNING, "Experiment is running again", status="False")
        listed.put("Running", reason, message)
        if was is None or (was.status, was.reason) != ("True", reason):
            events.append(EventDraft(reason, message, "Warning" if stall else "Normal"))
    return listed.items, events


def _status(seen: ExperimentSeen, conditions: list[Condition], now: datetime) -> dict[str, Any] | None:
    status = status_of(seen.experiment, seen.summary).but(
        conditions=conditions, start_time=seen.experiment.status.start_time or to_wire(now)
    )
    fresh = status.to_dict()
    return None if fresh == seen.experiment.status.to_dict() else fresh


def _again(seen: ExperimentSeen, stall: Stall | None) -> float | None:
    if stall and stall.fatal:
        return 10.0
    waiting = not seen.summary.unfinished or seen.name_taken
    return STALL_AFTER.total_seconds() + 1 if waiting else None


def _ended(seen: ExperimentSeen, end: End, now: datetime) -> Plan:
    experiment = seen.experiment
    listed = Conditions(experiment.status.conditions, now)
    if not listed.has("Created"):
        listed.put("Created", EXPERIMENT_CREATED, "Experiment is created")
    listed.stop_running(EXPERIMENT_RUNNING, "Experiment is not running any more")
    listed.put(end.type, end.reason, end.message)
    status = status_of(experiment, seen.summary).but(
        conditions=listed.items,
        start_time=experiment.status.start_time or to_wire(now),
        completion_time=to_wire(now),
        observed_generation=experiment.metadata.generation,
    )
    good = end.type == "Succeeded"
    return Plan(
        finalizers=_with_finalizer(seen),
        status=status.to_dict(),
        events=[EventDraft(end.reason, end.message, "Normal" if good else "Warning")],
        counters=[EXPERIMENTS_SUCCEEDED if good else EXPERIMENTS_FAILED],
    )


def _finished(seen: ExperimentSeen, now: datetime) -> Plan:
    experiment = seen.experiment
    if may_restart(experiment, seen.summary.completed):
        return _restart(experiment, seen, now)
    # Trials that were still running are being stopped: the numbers follow, the best Trial is kept. The generation is
    # noted, so that an edit which restarts nothing now does not do it when a Trial is deleted later.
    fresh = status_of(experiment, seen.summary).but(observed_generation=experiment.metadata.generation).to_dict()
    if fresh == experiment.status.to_dict():
        return Plan()
    return Plan(status=fresh) if seen.status_due else Plan(requeue_after=STATUS_INTERVAL)


def _restart(experiment: Any, seen: ExperimentSeen, now: datetime) -> Plan:
    """Say so first; everything else follows from what is seen then."""
    listed = Conditions(without(experiment.status.conditions, EXPERIMENT_FINAL), now)
    told = f"Experiment is restarted: maxTrialCount is now {experiment.spec.max_trial_count}"
    listed.put("Restarting", EXPERIMENT_RESTARTING, told)
    status = status_of(experiment, seen.summary).but(conditions=listed.items, completion_time=None)
    return Plan(status=status.to_dict(), events=[EventDraft(EXPERIMENT_RESTARTING, told)])


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:g} minutes"
