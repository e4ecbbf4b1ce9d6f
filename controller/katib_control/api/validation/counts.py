"""How many trials: together, at a time, and failed at most."""

from __future__ import annotations

from collections.abc import Iterator

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec

_MOST = 2**31 - 1


def check_counts(spec: ExperimentSpec) -> Iterator[FieldError]:
    """Each count alone, then against maxTrialCount."""
    limit = spec.max_trial_count
    counts = (
        ("spec.maxTrialCount", limit, 1),
        ("spec.parallelTrialCount", spec.parallel_trial_count, 1),
        ("spec.maxFailedTrialCount", spec.max_failed_trial_count, 0),
    )
    for path, value, least in counts:
        if value is None:
            continue
        if not least <= value <= _MOST:
            yield FieldError(path, f"must be a whole number of at least {least}", value)
        elif path != "spec.maxTrialCount" and limit is not None and 0 < limit < value:
            yield FieldError(path, f"must not be above maxTrialCount, which is {limit}", value)
