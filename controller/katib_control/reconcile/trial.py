"""Trial: run it once, judge it, keep what it has told. Pure."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import Any

from katib_control.api.conditions import TRIAL_FINAL, final, find, is_true
from katib_control.api.names import TRIAL_FINALIZER, TRIAL_LABEL, TRIAL_NAME_ENV
from katib_control.api.times import from_wire, to_wire
from katib_control.api.trial import Trial, TrialStatus
from katib_control.kube.resources import TRIALS, Resource
from katib_control.reconcile import cleanup
from katib_control.reconcile.children import owner_reference
from katib_control.reconcile.conditions import Conditions
from katib_control.reconcile.diagnosis import PATIENCE, Stall, container_missing, diagnose
from katib_control.reconcile.jobs import pod_templates
from katib_control.reconcile.pods import all_ended, all_run
from katib_control.reconcile.reasons import (
    JOB_CREATED,
    NOT_EVALUABLE,
    RUN_DISAPPEARED,
    RUN_NAME_TAKEN,
    RUN_REJECTED,
    SCALED_DOWN_ANNOTATION,
    TRIAL_CREATED,
    TRIAL_KILLED,
    TRIAL_RUNNING,
    TRIALS_CREATED,
)
from katib_control.reconcile.seen import TrialSeen
from katib_control.reconcile.trial_end import Ending, failed, finish, judged, stopped
from katib_control.runtime.plan import Delete, EventDraft, Plan

LIVE_INTERVAL = 5.0
"""Seconds between two looks at what a running Trial has logged."""

GIVE_UP = timedelta(minutes=10)
"""How long a run object may be refused for reasons that could go away."""

NOT_EVALUABLE_FOR = timedelta(seconds=30)
EARLY_STOP_GRACE = timedelta(seconds=30)
RETRY = 1.0


def is_final(trial: Trial) -> bool:
    """Tell whether the Trial has ended and all is said about it (one stopped early by others still needs its end)."""
    conditions = trial.status.conditions
    if final(conditions, TRIAL_FINAL) is None:
        return False
    return bool(trial.status.completion_time) or not is_true(conditions, "EarlyStopped")


def was_started(trial: Trial) -> bool:
    """Tell whether the run object was created before."""
    return find(trial.status.conditions, "Running") is not None


def has_ended(seen: TrialSeen, now: datetime) -> bool:
    """Tell whether it is time to read what the run has told."""
    if seen.run is None or is_final(seen.trial) or seen.fate == "gone":
        return False
    if seen.trial.metadata.deletion_timestamp or SCALED_DOWN_ANNOTATION in seen.trial.metadata.annotations:
        return False
    early = find(seen.trial.status.conditions, "EarlyStopped")
    if early and early.status == "True":
        since = from_wire(early.last_transition_time) if early.last_transition_time else now
        return seen.verdict.state != "running" or all_ended(seen.pods) or now - since > EARLY_STOP_GRACE
    return seen.verdict.state in ("succeeded", "failed")


def plan(seen: TrialSeen, run_resource: Resource, now: datetime) -> Plan:
    """Return what brings the Trial one step on; ``run_resource`` is how its run object is served."""
    trial = seen.trial
    if trial.metadata.deletion_timestamp:
        return cleanup.trial(seen, now)
    if is_final(trial):
        return _finished(seen, run_resource)
    if SCALED_DOWN_ANNOTATION in trial.metadata.annotations:
        return Plan(delete=[Delete(TRIALS, trial.metadata.namespace, trial.metadata.name, trial.metadata.uid)])
    if seen.fate == "ended" and not has_ended(seen, now):
        return finish(seen, Ending("Killed", TRIAL_KILLED, "Trial is stopped: the Experiment has ended"), now)
    if seen.fate == "gone":
        return Plan()  # the garbage collector deletes the Trial
    if seen.run is None:
        return _without_run(seen, run_resource, now)
    if has_ended(seen, now):
        missing = container_missing(trial, seen.pods)
        return failed(seen, missing.reason, missing.message, now) if missing else judged(seen, now)
    if seen.stop:
        return stopped(seen, now)
    return _running(seen, now)


def run_object(trial: Trial) -> dict[str, Any]:
    """Return the run object: as rendered, owned by the Trial, its Pods told which Trial they are.

    Commands are never touched.
    """
    run: dict[str, Any] = copy.deepcopy(trial.spec.run_spec or {})
    run["metadata"] = {
        **(run.get("metadata") or {}),
        "name": trial.metadata.name,
        "namespace": trial.metadata.namespace,
        "ownerReferences": [owner_reference("Trial", trial.metadata.name, trial.metadata.uid)],
    }
    for template in pod_templates(run):
        template.setdefault("metadata", {}).setdefault("labels", {})[TRIAL_LABEL] = trial.metadata.name
        for container in (template.get("spec") or {}).get("containers") or ():
            env = container.setdefault("env", [])
            if container.get("name") == trial.spec.primary_container_name and not _has(env, TRIAL_NAME_ENV):
                env.append({"name": TRIAL_NAME_ENV, "value": trial.metadata.name})
    return run


def _has(env: list[dict[str, Any]], name: str) -> bool:
    return any(item.get("name") == name for item in env)


def _finished(seen: TrialSeen, run_resource: Resource) -> Plan:
    """Take the run away, unless it is to be kept."""
    run, trial = seen.run, seen.trial
    if run is None or (trial.spec.retain_run and _over(seen)):
        return Plan()
    meta = run["metadata"]
    if meta.get("deletionTimestamp"):
        return Plan()
    # No Event says so: it follows from the one about the end, and would cost each Trial another write.
    return Plan(delete=[Delete(run_resource, meta["namespace"], meta["name"], meta["uid"])])


def _over(seen: TrialSeen) -> bool:
    """A run that is to be kept is still stopped when its Trial ended before it."""
    return seen.verdict.state in ("succeeded", "failed") or (bool(seen.pods) and all_ended(seen.pods))


def _without_run(seen: TrialSeen, run_resource: Resource, now: datetime) -> Plan:
    trial = seen.trial
    name = trial.metadata.name
    if is_true(trial.status.conditions, "EarlyStopped"):
        return judged(seen, now)
    if seen.run_vanished:
        told = f"{run_resource.kind} {name} disappeared before its end was seen: {_why_gone(trial)}"
        return failed(seen, RUN_DISAPPEARED, f"{told}; it is not run again", now)
    if seen.refusal:
        return _refused(seen, run_resource, now)
    if was_started(trial) and not _was_refused(trial):
        return Plan(requeue_after=RETRY)
    if seen.name_taken and _younger(trial, now):
        return Plan(requeue_after=RETRY)  # an earlier run of the name, just being removed
    if seen.name_taken:
        told = f"{run_resource.kind} {name} exists and belongs to another owner: delete it"
        return _told(seen, "Created", Stall(RUN_NAME_TAKEN, told), now, requeue_after=RETRY)
    plan = _told(seen, "Running", None, now, requeue_after=PATIENCE.total_seconds())
    return Plan(
        create=[(run_resource, run_object(trial))],
        finalizers=_with_finalizer(trial),
        status=plan.status,
        events=[EventDraft(JOB_CREATED, f"{run_resource.kind} {name} is created")],
        counters=plan.counters,
        requeue_after=plan.requeue_after,
    )


def _why_gone(trial: Trial) -> str:
    ttl = ((trial.spec.run_spec or {}).get("spec") or {}).get("ttlSecondsAfterFinished")
    if ttl is None:
        return "it was deleted by hand"
    return (
        f"deleted by hand, or by its ttlSecondsAfterFinished of {ttl}: raise that, or leave it to trialTemplate.retain"
    )


def _younger(trial: Trial, now: datetime) -> bool:
    created = trial.metadata.creation_timestamp
    return created is not None and now - from_wire(created) < PATIENCE


def _refused(seen: TrialSeen, run_resource: Resource, now: datetime) -> Plan:
    assert seen.refusal is not None
    told = f"{run_resource.kind} cannot be created: {seen.refusal.message}"
    created = find(seen.trial.status.conditions, "Created")
    since = now
    if created and created.reason == RUN_REJECTED and created.last_update_time:
        since = from_wire(created.last_update_time)
    if seen.refusal.fatal or now - since > GIVE_UP:
        return failed(seen, RUN_REJECTED, f"{told}; correct the trial template", now)
    return _told(seen, "Created", Stall(RUN_REJECTED, f"{told}; it is tried again"), now, requeue_after=5.0)


def _was_refused(trial: Trial) -> bool:
    created = find(trial.status.conditions, "Created")
    return created is not None and created.reason in (RUN_REJECTED, RUN_NAME_TAKEN)


def _running(seen: TrialSeen, now: datetime) -> Plan:
    """Say how it gets on."""
    assert seen.run is not None
    stall = _broken(seen) or diagnose(seen.trial, seen.run, seen.pods, seen.events, now)
    if stall and stall.fatal:
        return failed(seen, stall.reason, stall.message, now)
    if stall and stall.reason == NOT_EVALUABLE and now - _since(seen.trial, stall, now) >= NOT_EVALUABLE_FOR:
        return failed(seen, stall.reason, stall.message, now)
    fine = stall is None and all_run(seen.pods)
    return _told(
        seen, "Running", stall, now, requeue_after=LIVE_INTERVAL if fine or stall else PATIENCE.total_seconds()
    )


def _broken(seen: TrialSeen) -> Stall | None:
    if seen.verdict.state != "broken":
        return None
    told = f"A condition of the trial template cannot be evaluated on the run object: {seen.verdict.message}"
    return Stall(NOT_EVALUABLE, f"{told}; correct successCondition or failureCondition")


def _since(trial: Trial, stall: Stall, now: datetime) -> datetime:
    told = find(trial.status.conditions, "Running")
    known = told is not None and told.reason == stall.reason and told.last_update_time
    return from_wire(told.last_update_time) if told and known and told.last_update_time else now


def _told(seen: TrialSeen, kind: str, stall: Stall | None, now: datetime, *, requeue_after: float) -> Plan:
    """Put the state into the status: Created and Running, or what holds it up in the place of one of them."""
    trial = seen.trial
    listed = Conditions(trial.status.conditions, now)
    new = not listed.has("Created")
    if kind == "Created" and stall:
        listed.put("Created", stall.reason, stall.message)
    elif new or _was_refused(trial):
        listed.put("Created", TRIAL_CREATED, "Trial is created")
    if kind == "Running":
        shown = stall or Stall(TRIAL_RUNNING, "Trial is running")
        listed.put("Running", shown.reason, shown.message)
        if is_true(listed.items, "EarlyStopped"):
            listed.move_last("EarlyStopped")
    status: TrialStatus = trial.status.but(start_time=trial.status.start_time or to_wire(now), conditions=listed.items)
    if seen.live is not None:
        status = status.but(observation=seen.live)
    body = status.to_dict()
    old = find(trial.status.conditions, kind)
    fresh = stall is not None and (old is None or old.reason != stall.reason)
    return Plan(
        finalizers=_with_finalizer(trial),
        status=None if body == trial.status.to_dict() else body,
        events=[EventDraft(stall.reason, stall.message, "Warning")] if stall and fresh else [],
        counters=[TRIALS_CREATED] if new else [],
        requeue_after=requeue_after,
    )


def _with_finalizer(trial: Trial) -> list[str] | None:
    present = trial.metadata.finalizers
    return None if TRIAL_FINALIZER in present else [*present, TRIAL_FINALIZER]
