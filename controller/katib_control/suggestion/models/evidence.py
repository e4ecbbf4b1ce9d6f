"""What a surrogate model is shown of a history: a bounded number of finished trials, and the points without a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, pstdev

from katib_control.suggestion.algorithm import Request
from katib_control.suggestion.history import History
from katib_control.suggestion.models.archive import Archive, archive_of
from katib_control.suggestion.space import Point

LIARS = 32
"""So many points without a loss are shown, the latest: those that run, and those that failed."""

_FAR = 3.0
_LARGE = 1e300


@dataclass(frozen=True)
class Evidence:
    """Points with their standardised losses, points that failed, and points that run, in the order they were made.

    A point that failed counts as an average one: a region where everything fails loses its promise step by step, and
    a good region in which one trial was unlucky does not.
    """

    points: Sequence[Point]
    losses: Sequence[float]
    failed: Sequence[Point]
    running: Sequence[Point]


def evidence(request: Request, history: History, most: int) -> Evidence:
    """Return at most so many finished trials: the best, the latest, and some from all over the history."""
    archive = archive_of(request)
    archive.update(history)
    shown = [archive.finished[position] for position in chosen(archive, most)]
    losses = standardized([record.loss for record in shown if record.loss is not None])
    failed = [record.point for record in history if record.state == "failed"]
    live = [archive.running[position] for position in sorted(archive.running)]
    running = [record.point for record in (*live, *history.pending)]
    return Evidence([record.point for record in shown], losses, failed[-LIARS:], running[-LIARS:])


def chosen(archive: Archive, most: int) -> list[int]:
    """Return the positions to show, ascending: half of them the best, a quarter the latest, the rest spread evenly."""
    if len(archive.order) <= most:
        return archive.order
    found = {*archive.best(most // 2), *archive.latest(most // 4)}
    for position in archive.sample(2 * most):
        if len(found) == most:
            break
        found.add(position)
    return sorted(found)


def standardized(losses: Sequence[float]) -> list[float]:
    """Return the losses with mean 0 and standard deviation 1, the bad half compressed; all 0 where all are the same.

    What a model should explain is which of the good ones is the best. Above the median losses count less and less,
    and however large they are (a training that diverged) never more than so many times the way down to the best.
    """
    if not losses or min(losses) == max(losses):
        return [0.0] * len(losses)
    small = 0.25 if max(map(abs, losses)) > _LARGE else 1.0
    values = [loss * small for loss in losses]
    best, middle = min(values), median(values)
    unit = middle - best or max(values) - best
    distances = [(value - middle) / unit for value in values]
    shaped = [distance if distance < 0 else _FAR - _FAR**2 / (_FAR + distance) for distance in distances]
    mean, deviation = fmean(shaped), pstdev(shaped)
    return [(value - mean) / deviation if deviation else 0.0 for value in shaped]
