"""What may change in a stored Experiment: the three counts, and only while it runs or where it can be started again.

The rules for a new object are not put to an old one again: what was accepted stays accepted, so labels and finalizers
can always be changed, and raising a count does not fail because of something else.
"""

from __future__ import annotations

from collections.abc import Iterator

from katib_control.api.conditions import EXPERIMENT_FINAL, final, find
from katib_control.api.defaults import default
from katib_control.api.errors import FieldError
from katib_control.api.experiment import Experiment, ExperimentSpec
from katib_control.api.validation.counts import check_counts

COUNTS = ("maxFailedTrialCount", "maxTrialCount", "parallelTrialCount")
RESTARTABLE_POLICIES = ("LongRunning", "FromVolume")
MAX_TRIALS_REACHED = "ExperimentMaxTrialsReached"


def restartable(experiment: Experiment) -> bool:
    """Tell whether a finished Experiment can go on: it ended by maxTrialCount, and its policy allows it."""
    ended = find(experiment.status.conditions, "Succeeded")
    by_limit = ended is not None and ended.status == "True" and ended.reason == MAX_TRIALS_REACHED
    return by_limit and experiment.spec.resume_policy in RESTARTABLE_POLICIES


def check_update(new: Experiment, old: Experiment) -> Iterator[FieldError]:
    """Compare two Experiments; ``new`` has its defaults. An empty list and none at all are the same."""
    before, after = default(old).spec, new.spec
    if before == after:
        return
    state = final(old.status.conditions, EXPERIMENT_FINAL)
    if state and not restartable(old):
        rule = (
            f"the Experiment is {state}: it can only be changed if it ended by maxTrialCount and its resumePolicy is "
            f"{' or '.join(RESTARTABLE_POLICIES)}; create a new one under another name"
        )
        yield FieldError("spec.resumePolicy", rule, old.spec.resume_policy, "FieldValueForbidden")
        return
    for path in _changed(before, after):
        rule = f"cannot be changed: only {', '.join(COUNTS)} can; create a new Experiment under another name"
        yield FieldError(f"spec.{path}", rule, None, "FieldValueForbidden")
    yield from check_counts(new.spec)
    limit, trials = new.spec.max_trial_count, old.status.trials
    if limit is not None and limit != old.spec.max_trial_count and 0 < limit <= trials:
        yield FieldError(
            "spec.maxTrialCount", f"must be above the number of trials there are, which is {trials}", limit
        )


def _changed(before: ExperimentSpec, after: ExperimentSpec) -> Iterator[str]:
    for name, field in ExperimentSpec.model_fields.items():
        wire = field.alias or name
        if wire not in COUNTS and getattr(before, name) != getattr(after, name):
            yield wire
    old, new = before.model_extra or {}, after.model_extra or {}
    yield from (name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name))
