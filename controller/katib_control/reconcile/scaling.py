"""How many Trials there should be: which points to make Trials of, how many to ask for, which Trials to take back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from katib_control.api.names import trial_name
from katib_control.api.suggestion import TrialAssignment
from katib_control.api.trial import Trial
from katib_control.reconcile.experiment_end import exhausted
from katib_control.reconcile.reasons import SCALED_DOWN_ANNOTATION
from katib_control.reconcile.seen import ExperimentSeen

DEFAULT_PARALLEL = 3


@dataclass(frozen=True, kw_only=True)
class Scale:
    """``start``: (index, assignment) to make Trials of, in index order; ``requests``: total of points wanted ever;
    ``take_back``: unfinished Trials, newest first, that are too many.
    """  # fmt: skip

    start: Sequence[tuple[int, TrialAssignment]] = ()
    requests: int = 0
    take_back: Sequence[Trial] = ()


def scale(seen: ExperimentSeen) -> Scale:
    """Compare what is with what is wanted.

    Points that were suggested and are no Trials (taken back when parallelism was lowered) are used again before new
    ones are asked for; ``requests`` is a total and never goes down.
    """
    spec, summary = seen.experiment.spec, seen.summary
    parallel = spec.parallel_trial_count or DEFAULT_PARALLEL
    staying = [trial for trial in summary.unfinished if not _leaving(trial)]
    wanted = parallel if spec.max_trial_count is None else min(parallel, spec.max_trial_count - summary.completed)
    # One that is on its way out still occupies its place until it is gone.
    add = max(0, wanted - len(summary.unfinished))
    unused = _in_index_order(seen)
    return Scale(
        start=unused[:add],
        requests=_requests(seen, add, len(unused)),
        take_back=staying[: parallel - 1 : -1] if len(staying) > parallel else (),
    )


def points_made(seen: ExperimentSeen) -> int:
    """Return how many points were ever made; Trials remember when the Suggestion was lost and made anew."""
    counted = seen.suggestion.status.suggestion_count if seen.suggestion else 0
    return max(counted, seen.summary.next_index)


def index_of_point(experiment: str, uid: str, name: str, made: int) -> int | None:
    """Return the index whose derived name this is, searched from the latest; None for a foreign name."""
    return next((index for index in range(made - 1, -1, -1) if trial_name(experiment, uid, index) == name), None)


def _requests(seen: ExperimentSeen, add: int, unused: int) -> int:
    asked = seen.suggestion.spec.requests if seen.suggestion else 0
    if add <= unused or exhausted(seen.suggestion):
        return asked
    return max(asked, points_made(seen) + add - unused)


def _in_index_order(seen: ExperimentSeen) -> list[tuple[int, TrialAssignment]]:
    metadata, made = seen.experiment.metadata, points_made(seen)
    found = [
        (index, item)
        for item in seen.unused
        if (index := index_of_point(metadata.name, metadata.uid, item.name, made)) is not None
    ]
    return sorted(found, key=lambda pair: pair[0])


def _leaving(trial: Trial) -> bool:
    return trial.metadata.deletion_timestamp is not None or SCALED_DOWN_ANNOTATION in trial.metadata.annotations
