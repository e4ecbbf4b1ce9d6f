"""Trial: from the caches, and a live read where they may be behind, to what is seen. Thin."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from katib_control.api.conditions import EXPERIMENT_FINAL, final, is_true
from katib_control.api.times import from_wire
from katib_control.api.trial import Trial
from katib_control.kube.errors import ApiError, NotFound
from katib_control.kube.resources import EVENTS, EXPERIMENTS, Resource
from katib_control.reconcile import trial as trials
from katib_control.reconcile.caches import owner_name, owner_uid
from katib_control.reconcile.context import Context
from katib_control.reconcile.diagnosis import PATIENCE
from katib_control.reconcile.jobs import judge
from katib_control.reconcile.pods import all_ended
from katib_control.reconcile.reasons import SCALED_DOWN_ANNOTATION
from katib_control.reconcile.seen import Fate, Refusal, TrialSeen

logger = logging.getLogger(__name__)


class NotFresh(Exception):
    """The caches are behind what is known; wait for them."""


@dataclass
class Memory:
    """What is known of a live Trial beyond the cluster; lost at a restart without harm."""

    ended_since: datetime | None = None
    running_since: datetime | None = None
    deleted_run: str = ""


@dataclass(frozen=True)
class Runner:
    """How a run object is served; a kind that is not served gives a refusal instead."""

    resource: Resource
    refusal: Refusal | None = None


class TrialObserver:
    """Sees Trials."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def observe(self, trial: Trial, runner: Runner, memory: Memory) -> TrialSeen:
        """Return what is seen; raise NotFresh when that may be out of date."""
        meta = trial.metadata
        seen = TrialSeen(trial=trial, refusal=runner.refusal)
        if meta.deletion_timestamp:
            return replace(seen, released=self._released(trial))
        if runner.refusal:
            return replace(seen, fate=self._fate(trial))
        run = self._context.caches.runs.get(runner.resource, meta.namespace, meta.name)
        ours = run is not None and owned(run, trial)
        if ours:
            self._context.expected.drop(("run", meta.uid))
        seen = replace(seen, run=run if ours else None, name_taken=run is not None and not ours)
        if trials.is_final(trial):
            return self._after_end(seen, memory)
        seen = replace(seen, fate=self._fate(trial))
        if not ours and seen.fate == "goes-on":
            seen = self._confirm(seen, runner.resource)
        if seen.run is None:
            return seen
        pods = self._pods(seen.run, trial)
        verdict = judge(seen.run, trial.spec.success_condition, trial.spec.failure_condition)
        return replace(seen, pods=pods, verdict=verdict, events=self._events(seen.run, pods))

    def runs(self, seen: TrialSeen) -> bool:
        """Whether the run goes on, by a live read: one that has just ended by itself keeps its own end."""
        assert seen.run is not None
        if seen.pods and all_ended(seen.pods):
            return False
        spec, meta = seen.trial.spec, seen.run["metadata"]
        resource = self._context.caches.runs.resource(seen.run)
        live = self._live_run(resource, seen.trial)
        if live is None or live["metadata"]["uid"] != meta["uid"] or live["metadata"].get("deletionTimestamp"):
            return False
        return judge(live, spec.success_condition, spec.failure_condition).state == "running"

    def _released(self, trial: Trial) -> bool:
        """Whether the Trial's point cannot be run again, or shall be."""
        meta, caches = trial.metadata, self._context.caches
        owner = owner_name(meta, "Experiment")
        known = caches.experiments.get(meta.namespace, owner)
        if known is None or known.experiment.metadata.deletion_timestamp or SCALED_DOWN_ANNOTATION in meta.annotations:
            return True
        suggestion = caches.suggestions.get(meta.namespace, owner)
        if suggestion is None or owner_uid(suggestion.metadata, "Experiment") != owner_uid(meta, "Experiment"):
            return True
        return all(item.name != meta.name for item in suggestion.status.suggestions)

    def _after_end(self, seen: TrialSeen, memory: Memory) -> TrialSeen:
        if seen.run is None or seen.run["metadata"]["uid"] == memory.deleted_run:
            return replace(seen, run=None)
        if not seen.trial.spec.retain_run:
            return seen
        spec = seen.trial.spec
        pods = self._pods(seen.run, seen.trial)
        return replace(seen, pods=pods, verdict=judge(seen.run, spec.success_condition, spec.failure_condition))

    def _fate(self, trial: Trial) -> Fate:
        """What has become of the Experiment; its end is confirmed by a live read before anything is stopped for it."""
        meta = trial.metadata
        uid, name = owner_uid(meta, "Experiment"), owner_name(meta, "Experiment")
        if not uid:
            return "goes-on"
        known = self._context.caches.experiments.get(meta.namespace, name)
        if known is None or known.experiment.metadata.uid != uid or known.experiment.metadata.deletion_timestamp:
            return "gone"
        if final(known.experiment.status.conditions, EXPERIMENT_FINAL) is None:
            return "goes-on"
        live = self._context.client.get(EXPERIMENTS, name, meta.namespace)
        conditions = live.get("status", {}).get("conditions", [])
        if any(item["type"] in EXPERIMENT_FINAL and item["status"] == "True" for item in conditions):
            return "ended"
        raise NotFresh

    def _confirm(self, seen: TrialSeen, resource: Resource) -> TrialSeen:
        """The run is not in the cache although it was created: look for it live before calling it gone."""
        trial = seen.trial
        if not trials.was_started(trial) or is_true(trial.status.conditions, "EarlyStopped"):
            return seen
        if self._context.expected.waiting(("run", trial.metadata.uid)):
            raise NotFresh
        live = self._live_run(resource, trial)
        if live is None or not owned(live, trial):
            return replace(seen, run_vanished=True)
        return replace(seen, run=live, name_taken=False)

    def _live_run(self, resource: Resource, trial: Trial) -> dict[str, Any] | None:
        try:
            return self._context.client.get(resource, trial.metadata.name, trial.metadata.namespace)
        except NotFound:
            return None

    def _pods(self, run: dict[str, Any], trial: Trial) -> list[dict[str, Any]]:
        key = f"{trial.metadata.namespace}/{trial.metadata.name}"
        return [pod for pod in self._context.caches.pods.by_index("run", key) if _of_this_run(pod, run)]

    def _events(self, run: dict[str, Any], pods: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Events about a run that has no Pods; only then are they asked for."""
        meta = run["metadata"]
        if pods or not self._old(meta):
            return []
        try:
            found = self._context.client.list(EVENTS, meta["namespace"], fields=f"involvedObject.uid={meta['uid']}")
        except ApiError as error:
            logger.debug("events of %s cannot be read: %s", meta["name"], error)
            return []
        items: list[dict[str, Any]] = found["items"]
        return sorted(items, key=lambda event: str(event.get("lastTimestamp") or ""))

    def _old(self, meta: dict[str, Any]) -> bool:
        created: str | None = meta.get("creationTimestamp")
        return created is not None and self._context.clock() - from_wire(created) >= PATIENCE


def owned(run: dict[str, Any], trial: Trial) -> bool:
    """Tell whether the run object is this Trial's own."""
    return any(item.get("uid") == trial.metadata.uid for item in run["metadata"].get("ownerReferences") or ())


def _of_this_run(pod: dict[str, Any], run: dict[str, Any]) -> bool:
    """Not of an earlier run of the same name."""
    meta = run["metadata"]
    return not any(
        (item.get("kind"), item.get("name")) == (run.get("kind"), meta["name"]) and item.get("uid") != meta["uid"]
        for item in pod["metadata"].get("ownerReferences") or ()
    )
