"""The three controllers: informers, who is woken by what, and the reconcilers behind the queues."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from katib_control.api.conditions import EXPERIMENT_FINAL, TRIAL_FINAL, final
from katib_control.api.experiment import Experiment
from katib_control.api.suggestion import Suggestion
from katib_control.api.trial import Trial
from katib_control.kube.client import Client
from katib_control.kube.errors import Conflict
from katib_control.kube.resources import EXPERIMENTS, SUGGESTIONS, TRIALS
from katib_control.reconcile.caches import Known, caches, owner_name, owner_uid
from katib_control.reconcile.context import Context
from katib_control.reconcile.early_stops import EarlyStops
from katib_control.reconcile.echoes import Echoes
from katib_control.reconcile.experiment import STATUS_INTERVAL as LATER
from katib_control.reconcile.experiment_shell import ExperimentReconciler
from katib_control.reconcile.pods import pod_keys, pod_matters, run_matters
from katib_control.reconcile.ports import Collect, EarlyStop, ObservationLog, Suggest
from katib_control.reconcile.reasons import RECONCILE_ERROR
from katib_control.reconcile.suggestion_shell import SuggestionReconciler
from katib_control.reconcile.trial import is_final
from katib_control.reconcile.trial_shell import AGAIN, TrialReconciler
from katib_control.runtime.clock import Clock
from katib_control.runtime.controller import Controller, Key
from katib_control.runtime.counters import Counters
from katib_control.runtime.events import EventRecorder
from katib_control.runtime.informer import Informers
from katib_control.runtime.manager import Manager
from katib_control.runtime.plan import EventDraft

logger = logging.getLogger(__name__)


class Reconcilers:
    """Experiment, Suggestion and Trial controllers over one API server. ``start`` returns when the caches are filled.

    ``namespace`` limits all of it to one namespace. ``workers`` is the number of Trials worked on at the same time.
    ``informers``: those of the process, where others watch the same kinds. Without ``early_stop`` nothing is stopped
    early.
    """

    def __init__(  # noqa: PLR0913  the ports that are handed in, once, by the wiring
        self,
        client: Client,
        suggest: Suggest,
        log: ObservationLog,
        collect: Collect,
        clock: Clock,
        recorder: EventRecorder | None = None,
        *,
        workers: int = 2,
        namespace: str | None = None,
        counters: Counters | None = None,
        informers: Informers | None = None,
        early_stop: EarlyStop | None = None,
    ) -> None:
        self._recorder = recorder
        self._caches = caches(client, informers or Informers(client), namespace, self._run_changed)
        context = Context(
            client=client, caches=self._caches, suggest=suggest, log=log, collect=collect, clock=clock,
            early_stop=early_stop, recorder=recorder, counters=counters,
        )  # fmt: skip
        self._context = context
        self._experiment = ExperimentReconciler(context)
        self._early_stops = EarlyStops(
            context, judge=lambda key: self.early_stops.enqueue(key), wake=lambda key: self.trials.enqueue(key)
        )
        self._trial = TrialReconciler(context, self._early_stops)
        suggestion = SuggestionReconciler(context)
        self._echoes = tuple(Echoes(part.reconcile, AGAIN) for part in (self._experiment, suggestion, self._trial))
        experiments, suggestions, trials = (echoes.reconcile for echoes in self._echoes)
        self.experiments = Controller("experiment", experiments, on_error=self._error(EXPERIMENTS.kind))
        self.suggestions = Controller("suggestion", suggestions, workers=2, on_error=self._error(SUGGESTIONS.kind))
        self.trials = Controller("trial", trials, workers=workers, on_error=self._error(TRIALS.kind))
        judge, failed = self._early_stops.reconcile, self._error(TRIALS.kind)
        self.early_stops = Controller("early-stopping", judge, workers=2, on_error=failed)
        self._listen()
        parts = [self.trials, self.early_stops, self.suggestions, self.experiments]
        self._manager = Manager(self._caches.informers, parts)

    def start(self) -> None:
        """List and watch, then reconcile."""
        self._manager.start()

    def stop(self) -> None:
        """Stop reconciling, then watching."""
        self._manager.stop()
        self._caches.runs.stop()

    def _listen(self) -> None:
        self._caches.experiments.on_change(self._experiment_changed)
        self._caches.suggestions.on_change(self._suggestion_changed)
        self._caches.trials.on_change(self._trial_changed)
        self._caches.pods.on_change(self._pod_changed)
        if self._context.early_stop is not None:
            self._context.log.on_report(self._early_stops.reported)

    def _experiment_changed(self, old: Known | None, new: Known | None) -> None:
        if new is None:
            if old is not None:
                self._experiment.forget(old.experiment.metadata.uid)
                self._early_stops.forget_all(old.experiment.metadata.uid)
            return
        found = new.experiment
        key = _key(found)
        self.experiments.enqueue(key)
        if old is not None and _end(old.experiment) != _end(found):
            # Ended: what still runs is to be stopped. Restarted: the search goes on, and curves are read again.
            self._early_stops.forget_all(found.metadata.uid)
            self.suggestions.enqueue(key)
            for trial in self._caches.rollups.of(found.metadata.uid).summary().unfinished:
                self.trials.enqueue(_key(trial))

    def _suggestion_changed(self, old: Suggestion | None, new: Suggestion | None) -> None:
        known = new or old
        if known is None:
            return
        key = _key(known)
        of_experiment, of_suggestion, _ = self._echoes
        asked = old is not None and new is not None and old.metadata.generation != new.metadata.generation
        # What is asked for is the Experiment's own doing; what has been answered is news to it.
        self.experiments.enqueue(key, LATER if not of_experiment.heard(key) and asked else 0.0)
        if new is not None and (of_suggestion.heard(key) or _is_hungry(new) or not self._is_echo(new)):
            self.suggestions.enqueue(key)
        kept = {item.name for item in new.status.suggestions} if new else set()
        for item in old.status.suggestions if old else ():
            trial = self._caches.trials.get(known.metadata.namespace, item.name) if item.name not in kept else None
            if trial is not None and trial.metadata.deletion_timestamp:
                # Perhaps it waits until its point is given up.
                self.trials.enqueue(_key(trial))

    def _trial_changed(self, old: Trial | None, new: Trial | None) -> None:
        self._caches.rollups.change(old, new)
        trial = new or old
        if trial is None:
            return
        owner = owner_name(trial.metadata, "Experiment")
        key = (trial.metadata.namespace, owner)
        self._context.expected.drop((owner_uid(trial.metadata, "Experiment"), trial.metadata.name))
        of_experiment, _, of_trial = self._echoes
        news = new is None or _ends(old, new) or bool(new.metadata.deletion_timestamp)
        if new is None:
            self._trial.forget(trial)
            of_trial.forget(_key(trial))
        elif of_trial.heard(_key(new)) or news or not self._is_echo(new):
            self.trials.enqueue(_key(new))
        if not owner:
            return
        # Numbers that alone have changed are written a little later, many at a time.
        self.experiments.enqueue(key, 0.0 if of_experiment.heard(key) or news else LATER)
        if new is None or new.metadata.deletion_timestamp or self._hungry(key, old, new):
            self.suggestions.enqueue(key)

    def _is_echo(self, obj: Suggestion | Trial) -> bool:
        return self._context.versions.own(obj.metadata.uid, obj.metadata.resource_version)

    def _hungry(self, key: Key, old: Trial | None, new: Trial) -> bool:
        """Whether points are still wanted that the algorithm may be able to give now that a Trial has ended."""
        if old is None or not _ends(old, new):
            return False
        suggestion = self._caches.suggestions.get(*key)
        return suggestion is not None and _is_hungry(suggestion)

    def _run_changed(self, old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
        run = new or old
        if run is None or not run_matters(old, new):
            return
        key = (run["metadata"].get("namespace", ""), run["metadata"]["name"])
        if new is not None or not self._is_over(key):
            self.trials.enqueue(key)

    def _pod_changed(self, old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
        pod = new or old
        if pod is None or not pod_matters(old, new):
            return
        for name in pod_keys(pod):
            namespace, _, trial = name.partition("/")
            key = (namespace, trial)
            if self._caches.trials.get(*key) is not None and (new is not None or not self._is_over(key)):
                self.trials.enqueue(key)

    def _is_over(self, key: Key) -> bool:
        """Whether the Trial has ended and is kept: that its run goes away is then as it should be."""
        trial = self._caches.trials.get(*key)
        return trial is not None and not trial.metadata.deletion_timestamp and is_final(trial)

    def _error(self, kind: str) -> Callable[[Key, Exception], None]:
        def report(key: Key, error: Exception) -> None:
            if self._recorder is None or isinstance(error, Conflict):
                return
            obj = self._find(kind, key)
            if obj is not None:
                self._recorder.event(obj, EventDraft(RECONCILE_ERROR, f"{error}", "Warning"))

        return report

    def _find(self, kind: str, key: Key) -> Experiment | Suggestion | Trial | None:
        if kind == EXPERIMENTS.kind:
            known = self._caches.experiments.get(*key)
            return known.experiment if known else None
        return self._caches.suggestions.get(*key) if kind == SUGGESTIONS.kind else self._caches.trials.get(*key)


def _key(obj: Experiment | Suggestion | Trial) -> Key:
    return obj.metadata.namespace, obj.metadata.name


def _is_hungry(suggestion: Suggestion) -> bool:
    return suggestion.spec.requests > suggestion.status.suggestion_count


def _ends(old: Trial | None, new: Trial) -> bool:
    """Whether the Trial has ended just now, or is seen for the first time after its end."""
    before = final(old.status.conditions, TRIAL_FINAL) if old else None
    return before is None and final(new.status.conditions, TRIAL_FINAL) is not None


def _end(experiment: Experiment) -> str | None:
    return final(experiment.status.conditions, EXPERIMENT_FINAL)
