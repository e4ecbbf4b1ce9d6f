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
from katib_control.reconcile.experiment_shell import ExperimentReconciler
from katib_control.reconcile.pods import pod_keys, pod_matters, run_matters
from katib_control.reconcile.ports import Collect, ObservationLog, Suggest
from katib_control.reconcile.reasons import RECONCILE_ERROR
from katib_control.reconcile.suggestion_shell import SuggestionReconciler
from katib_control.reconcile.trial_shell import TrialReconciler
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
    ``informers``: those of the process, where others watch the same kinds.
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
    ) -> None:
        self._recorder = recorder
        self._caches = caches(client, informers or Informers(client), namespace, self._run_changed)
        context = Context(
            client=client, caches=self._caches, suggest=suggest, log=log, collect=collect, clock=clock,
            recorder=recorder, counters=counters,
        )  # fmt: skip
        self._context = context
        self._experiment = ExperimentReconciler(context)
        self._trial = TrialReconciler(context)
        suggestion = SuggestionReconciler(context)
        self.experiments = Controller("experiment", self._experiment.reconcile, on_error=self._error(EXPERIMENTS.kind))
        self.suggestions = Controller(
            "suggestion", suggestion.reconcile, workers=2, on_error=self._error(SUGGESTIONS.kind)
        )
        self.trials = Controller("trial", self._trial.reconcile, workers=workers, on_error=self._error(TRIALS.kind))
        self._listen()
        self._manager = Manager(self._caches.informers, [self.trials, self.suggestions, self.experiments])

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

    def _experiment_changed(self, old: Known | None, new: Known | None) -> None:
        if new is None:
            if old is not None:
                self._experiment.forget(old.experiment.metadata.uid)
            return
        found = new.experiment
        key = _key(found)
        self.experiments.enqueue(key)
        if old is not None and _end(old.experiment) != _end(found):
            # Ended: what still runs is to be stopped. Restarted: the search goes on.
            self.suggestions.enqueue(key)
            for trial in self._caches.rollups.of(found.metadata.uid).summary().unfinished:
                self.trials.enqueue(_key(trial))

    def _suggestion_changed(self, old: Suggestion | None, new: Suggestion | None) -> None:
        known = new or old
        if known is None:
            return
        self.experiments.enqueue(_key(known))
        if new is not None:
            self.suggestions.enqueue(_key(new))
        kept = {item.name for item in new.status.suggestions} if new else set()
        for item in old.status.suggestions if old else ():
            if item.name not in kept:
                # Perhaps a Trial that waits to be deleted until its point is given up.
                self.trials.enqueue((known.metadata.namespace, item.name))

    def _trial_changed(self, old: Trial | None, new: Trial | None) -> None:
        self._caches.rollups.change(old, new)
        trial = new or old
        if trial is None:
            return
        owner = owner_name(trial.metadata, "Experiment")
        key = (trial.metadata.namespace, owner)
        self._context.expected.drop((owner_uid(trial.metadata, "Experiment"), trial.metadata.name))
        if new is None:
            self._trial.forget(trial)
        else:
            self.trials.enqueue(_key(new))
        if not owner:
            return
        self.experiments.enqueue(key)
        if new is None or new.metadata.deletion_timestamp or self._hungry(key, old, new):
            self.suggestions.enqueue(key)

    def _hungry(self, key: Key, old: Trial | None, new: Trial) -> bool:
        """Whether points are still wanted that the algorithm may be able to give now that a Trial has ended."""
        if old is None or final(old.status.conditions, TRIAL_FINAL) or not final(new.status.conditions, TRIAL_FINAL):
            return False
        suggestion = self._caches.suggestions.get(*key)
        return suggestion is not None and suggestion.spec.requests > suggestion.status.suggestion_count

    def _run_changed(self, old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
        run = new or old
        if run is not None and run_matters(old, new):
            self.trials.enqueue((run["metadata"].get("namespace", ""), run["metadata"]["name"]))

    def _pod_changed(self, old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
        pod = new or old
        if pod is None or not pod_matters(old, new):
            return
        for name in pod_keys(pod):
            namespace, _, trial = name.partition("/")
            if self._caches.trials.get(namespace, trial) is not None:
                self.trials.enqueue((namespace, trial))

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


def _end(experiment: Experiment) -> str | None:
    return final(experiment.status.conditions, EXPERIMENT_FINAL)
