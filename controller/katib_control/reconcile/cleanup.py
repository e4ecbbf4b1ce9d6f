"""What is left to do when an Experiment or a Trial is deleted.

Children go by ownership; a store that fails blocks nothing for ever.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from katib_control.api.experiment import Experiment
from katib_control.api.model import ObjectMeta
from katib_control.api.names import EXPERIMENT_FINALIZER, TRIAL_FINALIZER
from katib_control.api.times import from_wire
from katib_control.reconcile.reasons import EXPERIMENTS_DELETED, LOG_NOT_DELETED, TRIALS_DELETED
from katib_control.reconcile.seen import TrialSeen
from katib_control.runtime.plan import EventDraft, Plan

PATIENCE = timedelta(seconds=60)
"""How long a deletion waits for what it depends on."""

RETRY = 1.0


def experiment(deleted: Experiment) -> Plan:
    """Let the Experiment go."""
    if EXPERIMENT_FINALIZER not in deleted.metadata.finalizers:
        return Plan()
    return Plan(finalizers=_without(deleted.metadata, EXPERIMENT_FINALIZER), counters=[EXPERIMENTS_DELETED])


def trial(seen: TrialSeen, now: datetime) -> Plan:
    """Let the Trial go, once its point cannot be run again under the same name and its log is removed."""
    meta = seen.trial.metadata
    if TRIAL_FINALIZER not in meta.finalizers:
        return Plan()
    patient = meta.deletion_timestamp is None or now - from_wire(meta.deletion_timestamp) < PATIENCE
    if patient and not (seen.released and seen.log_deleted):
        return Plan(requeue_after=RETRY)
    events = []
    if not seen.log_deleted:
        told = f"The observation log could not be deleted for {PATIENCE.total_seconds():g} seconds; it is left behind"
        events.append(EventDraft(LOG_NOT_DELETED, told, "Warning"))
    return Plan(finalizers=_without(meta, TRIAL_FINALIZER), events=events, counters=[TRIALS_DELETED])


def _without(metadata: ObjectMeta, finalizer: str) -> list[str]:
    return [item for item in metadata.finalizers if item != finalizer]
