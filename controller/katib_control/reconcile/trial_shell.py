"""Trial: see, read metrics when the run has ended, plan, write. Thin."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from katib_control.api.conditions import is_true
from katib_control.api.errors import KatibError
from katib_control.api.experiment import Observation
from katib_control.api.observation import Collected, TrialKey, observe
from katib_control.api.trial import Trial
from katib_control.kube.errors import AlreadyExists, ApiError, BadRequest, Conflict, Invalid, NotFound
from katib_control.kube.resources import TRIALS, Resource
from katib_control.reconcile import trial as trials
from katib_control.reconcile.context import Context, as_written
from katib_control.reconcile.early_stops import EarlyStops
from katib_control.reconcile.pods import all_run
from katib_control.reconcile.seen import Refusal, TrialSeen
from katib_control.reconcile.trial_observe import Memory, NotFresh, Runner, TrialObserver, owned
from katib_control.runtime.controller import Key
from katib_control.runtime.plan import Plan

logger = logging.getLogger(__name__)

AGAIN = 1.0
FIRST_LOOK = timedelta(seconds=2)
"""How long Pods have run before their metrics are looked at; what ends earlier is read once, at its end."""


class TrialReconciler:
    """Reconciles one Trial at a time; keys of different Trials may run in parallel."""

    def __init__(self, context: Context, early_stops: EarlyStops) -> None:
        self._context = context
        self._early_stops = early_stops
        self._observer = TrialObserver(context)
        self._memories: dict[str, Memory] = {}

    def reconcile(self, key: Key) -> float | None:
        """Observe, read metrics if the run has ended, plan, apply."""
        trial = self._context.caches.trials.get(*key)
        if trial is None:
            return None
        if self._context.versions.stale(trial.metadata.uid, trial.metadata.resource_version):
            return AGAIN
        memory = self._memories.setdefault(trial.metadata.uid, Memory())
        runner = self._runner(trial)
        try:
            seen = self._observer.observe(trial, runner, memory)
        except NotFresh:
            return AGAIN
        now = self._context.clock()
        seen = self._metrics(seen, memory, now)
        plan = self._apply(seen, trials.plan(seen, runner.resource, now), runner.resource, memory)
        return _sooner(plan, memory, now)

    def forget(self, trial: Trial) -> None:
        """Drop what is remembered of a Trial that is gone."""
        self._context.collect.stop(_key(trial))
        self._early_stops.forget(trial.metadata.uid)
        self._memories.pop(trial.metadata.uid, None)
        self._context.versions.forget(trial.metadata.uid)
        self._context.expected.drop(("run", trial.metadata.uid))

    def _runner(self, trial: Trial) -> Runner:
        run = trial.spec.run_spec or {}
        try:
            resource = self._context.caches.runs.resource(run)
            self._context.caches.runs.get(resource, trial.metadata.namespace, trial.metadata.name)
        except KatibError as error:
            told = f"{error}; install the operator of this kind and allow the controller to read it"
            group, _, version = str(run.get("apiVersion", "")).rpartition("/")
            kind = str(run.get("kind", ""))
            return Runner(Resource(group, version, kind.lower() + "s", kind), Refusal(told, fatal=False))
        return Runner(resource)

    def _metrics(self, seen: TrialSeen, memory: Memory, now: datetime) -> TrialSeen:
        """Add what the run has told: everything once it has ended, what there is while it runs."""
        trial = seen.trial
        if trial.metadata.deletion_timestamp:
            return self._let_go(seen)
        if trials.is_final(trial):
            self._context.collect.stop(_key(trial))
            self._early_stops.forget(trial.metadata.uid)
            return seen
        if trials.has_ended(seen, now):
            # A run that failed tells why itself, and what is tried again was told before.
            quiet = memory.ended_since is not None or seen.verdict.state == "failed"
            level = logging.DEBUG if quiet else logging.WARNING
            memory.ended_since = memory.ended_since or now
            return self._finish(replace(seen, ended_since=memory.ended_since), level)
        if seen.run is None and is_true(trial.status.conditions, "EarlyStopped"):
            return replace(seen, collected=Collected(logs=self._context.log.read(_key(trial))))
        if seen.run is None or seen.verdict.state != "running":
            return seen
        told = self._early_stops.decided(trial)
        if told and self._observer.runs(seen):
            self._context.collect.stop(_key(trial))  # what is read now is all that it has told
            return replace(seen, stop=told, collected=Collected(logs=self._context.log.read(_key(trial))))
        if not all_run(seen.pods):
            return seen
        memory.running_since = memory.running_since or now
        wanted = self._early_stops.wanted(trial)
        self._context.collect.follow(trial, seen.pods, at_once=wanted)
        if wanted:
            self._early_stops.look(trial)
        return replace(seen, live=self._live(trial)) if now - memory.running_since >= FIRST_LOOK else seen

    def _finish(self, seen: TrialSeen, level: int) -> TrialSeen:
        try:
            return replace(seen, collected=self._context.collect.finish(seen.trial, seen.pods))
        except Exception as error:
            # Whatever a collector or a store raises, users must see it on the Trial.
            name = seen.trial.metadata.name
            logger.log(level, "metrics of %s cannot be read: %s", name, error, exc_info=_unknown(error))
            return replace(seen, collect_error=str(error) or type(error).__name__)

    def _live(self, trial: Trial) -> Observation | None:
        objective = trial.spec.objective
        return observe(self._context.log.read(_key(trial)), objective) if objective else None

    def _let_go(self, seen: TrialSeen) -> TrialSeen:
        """Remove the log of a Trial that is being deleted."""
        self._context.collect.stop(_key(seen.trial))
        if not seen.released:
            return seen
        try:
            self._context.log.delete(_key(seen.trial))
        except Exception as error:
            name = seen.trial.metadata.name
            logger.warning("observation log of %s cannot be deleted: %s", name, error, exc_info=_unknown(error))
            return replace(seen, log_deleted=False)
        return seen

    def _apply(self, seen: TrialSeen, plan: Plan, resource: Resource, memory: Memory) -> Plan:
        if plan.create:
            plan = self._create_run(seen, plan, resource)
        self._context.apply(TRIALS, as_written(seen.trial), plan)
        runs = [item.uid for item in plan.delete if item.resource == resource and item.uid]
        if runs:
            memory.deleted_run = runs[0]
        return plan

    def _create_run(self, seen: TrialSeen, plan: Plan, resource: Resource) -> Plan:
        """Create the run object, and make sure that the one of that name is our own; return what is left to do."""
        meta = seen.trial.metadata
        try:
            self._context.client.create(resource, plan.create[0][1])
        except AlreadyExists:
            if not self._is_ours(seen.trial, resource):
                return trials.plan(replace(seen, name_taken=True), resource, self._context.clock())
        except ApiError as error:
            if error.retryable:
                raise
            refusal = Refusal(str(error), fatal=isinstance(error, Invalid | BadRequest))
            return trials.plan(replace(seen, refusal=refusal), resource, self._context.clock())
        self._context.expected.add([("run", meta.uid)])
        return replace(plan, create=())

    def _is_ours(self, trial: Trial, resource: Resource) -> bool:
        meta = trial.metadata
        try:
            return owned(self._context.client.get(resource, meta.name, meta.namespace), trial)
        except NotFound as error:
            raise Conflict(f"{resource.kind} {meta.name} is just being removed") from error


def _sooner(plan: Plan, memory: Memory, now: datetime) -> float | None:
    """Come back in time for the first look at Pods that have just begun to run."""
    since = memory.running_since
    if plan.requeue_after is None or since is None or now - since >= FIRST_LOOK:
        return plan.requeue_after
    return min(plan.requeue_after, FIRST_LOOK.total_seconds())


def _key(trial: Trial) -> TrialKey:
    return TrialKey(trial.metadata.namespace, trial.metadata.name, trial.metadata.uid)


def _unknown(error: Exception) -> Any:
    """A trace for what is not one of our own errors."""
    return None if isinstance(error, KatibError) else error
