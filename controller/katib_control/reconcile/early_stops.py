"""Early stopping: a Trial is judged whenever it has reported; a judgement waits here for the Trial's own reconcile.

Judging has a queue of its own, so that neither who reports nor who reconciles waits for it.
"""

from __future__ import annotations

from collections.abc import Callable

from katib_control.api.conditions import TRIAL_FINAL, final
from katib_control.api.experiment import Experiment
from katib_control.api.observation import TrialKey
from katib_control.api.trial import Trial
from katib_control.reconcile.caches import owner_name, owner_uid
from katib_control.reconcile.context import Context
from katib_control.runtime.controller import Key

Enqueue = Callable[[Key], None]


class EarlyStops:
    """``judge`` has a Trial judged soon, ``wake`` has it reconciled: the queues' own ``enqueue``."""

    def __init__(self, context: Context, judge: Enqueue, wake: Enqueue) -> None:
        self._context, self._judge, self._wake = context, judge, wake
        self._decided: dict[str, str] = {}

    def wanted(self, trial: Trial) -> bool:
        """Whether the Trial may be stopped early at all."""
        if self._context.early_stop is None:
            return False
        if trial.spec.early_stopping_rules:
            return True
        owner = self._owner(trial)
        return owner is not None and owner.spec.early_stopping is not None

    def reported(self, key: TrialKey) -> None:
        """Note that a Trial has reported. Quick: whoever reports waits for it."""
        trial = self._context.caches.trials.get(key.namespace, key.name)
        if trial is not None and trial.metadata.uid == key.uid:
            self.look(trial)

    def look(self, trial: Trial) -> None:
        """Have the Trial judged, if it may be stopped and runs."""
        if self._open(trial) and self.wanted(trial):
            self._judge((trial.metadata.namespace, trial.metadata.name))

    def reconcile(self, key: Key) -> float | None:
        """Judge a Trial by all that it has reported."""
        trial, judge = self._context.caches.trials.get(*key), self._context.early_stop
        if trial is None or judge is None or not self._open(trial):
            return None
        peers = self._context.caches.rollups.of(owner_uid(trial.metadata, "Experiment")).trials
        told = judge.judge(self._owner(trial), trial, peers)
        if told:
            self._decided[trial.metadata.uid] = told
            self._wake(key)
        return None

    def decided(self, trial: Trial) -> str:
        """Return why the Trial is to be stopped; empty while it is not."""
        return self._decided.get(trial.metadata.uid, "")

    def forget(self, uid: str) -> None:
        """Drop what was decided about a Trial."""
        self._decided.pop(uid, None)

    def forget_all(self, uid: str) -> None:
        """Drop what is kept of an Experiment: curves are many numbers."""
        if self._context.early_stop is not None:
            self._context.early_stop.forget(uid)

    def _open(self, trial: Trial) -> bool:
        """Whether there is anything to decide."""
        meta = trial.metadata
        over = meta.deletion_timestamp or final(trial.status.conditions, TRIAL_FINAL)
        return not over and meta.uid not in self._decided

    def _owner(self, trial: Trial) -> Experiment | None:
        meta = trial.metadata
        known = self._context.caches.experiments.get(meta.namespace, owner_name(meta, "Experiment"))
        if known is None or known.experiment.metadata.uid != owner_uid(meta, "Experiment"):
            return None
        return known.experiment
