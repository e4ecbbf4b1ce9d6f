"""What a surrogate model is shown of a history: a bounded number of finished trials, and the points without a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev, quantiles

from katib_control.suggestion.algorithm import Request
from katib_control.suggestion.algorithms.archive import Archive, archive_of
from katib_control.suggestion.history import History
from katib_control.suggestion.space import Point

_LIARS = 32


@dataclass(frozen=True)
class Evidence:
    """Points with their standardised losses, and points that run or have failed, in the order they were made.

    A surrogate treats the latter alike: something is on its way there, or came to nothing, so look elsewhere.
    """

    points: Sequence[Point]
    losses: Sequence[float]
    pending: Sequence[Point]


def evidence(request: Request, history: History, most: int) -> Evidence:
    """Return at most so many finished trials: the best, the latest, and some from all over the history."""
    archive = archive_of(request)
    archive.update(history)
    shown = [archive.finished[position] for position in chosen(archive, most)]
    losses = standardized([record.loss for record in shown if record.loss is not None])
    failed = [record.point for record in history if record.state == "failed"]
    running = [record.point for record in (*archive.running.values(), *history.pending)]
    pending = list(dict.fromkeys([*failed[-_LIARS // 2 :], *running[-_LIARS:]]))[-_LIARS:]
    return Evidence([record.point for record in shown], losses, pending)


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
    """Return the losses with mean 0 and standard deviation 1; all 0 where they are all the same.

    Losses far above the others (a training that diverged) count as much as a bad one: a model that has to
    explain them explains nothing else.
    """
    largest = max(map(abs, losses), default=0.0)
    if not largest:
        return [0.0] * len(losses)
    values = [loss / largest for loss in losses]
    if len(values) > 1:
        first, middle, third = quantiles(values, n=4, method="inclusive")
        spread = max(third - first, middle - min(values))
        values = [min(value, third + 3 * spread) if spread else value for value in values]
    mean, deviation = fmean(values), pstdev(values)
    return [(value - mean) / deviation if deviation > 1e-15 else 0.0 for value in values]
