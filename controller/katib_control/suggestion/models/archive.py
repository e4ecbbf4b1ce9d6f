"""The finished trials of a history as a model needs them: brought up to date by what changed, shown in part.

What is shown of a long history is a function of the history alone, and changes little from one trial to the next.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence

from katib_control.suggestion.algorithm import Request
from katib_control.suggestion.history import History, Record

Losses = tuple[float, ...]
"""One number for each objective, smaller being better."""

_SPREAD = 0x9E3779B97F4A7C15
_BITS = (1 << 64) - 1
_LARGEST = 1e30
"""Volumes between several losses are computed, and must stay finite."""


class Archive:
    """Finished and running records by their position in the history.

    With several ``objectives`` a trial that has no value for one of them counts as failed: it is left out.
    """

    def __init__(self, objectives: int = 1) -> None:
        self.objectives = objectives
        self._cursor = 0
        self._ranking: list[tuple[float, int]] = []
        self._sample: list[tuple[int, int]] = []
        self.finished: dict[int, Record] = {}
        self.running: dict[int, Record] = {}
        self.order: list[int] = []
        """Positions of the finished records, ascending."""
        self._settled = 0

    def update(self, history: History) -> None:
        """Take in what has changed."""
        changes, self._cursor = history.changes(self._cursor)
        for position, record in changes:
            self._drop(position)
            if record is not None:
                self._add(position, record)

    def settle(self) -> int:
        """Return how many of ``order``, from its beginning, are what they were when this was asked last."""
        settled, self._settled = self._settled, len(self.order)
        return settled

    def losses(self, position: int) -> Losses:
        """Return what a finished record is judged by."""
        return _losses(self.finished[position], self.objectives)

    @property
    def level(self) -> bool:
        """Whether no trial is better or worse than another, so that there is nothing to learn."""
        if self._ranking and self._ranking[0][0] != self._ranking[-1][0]:
            return False
        return len({self.losses(position) for position in self.order}) <= 1

    def best(self, count: int) -> list[int]:
        """Return the positions of so many records with the lowest (first) loss, the best first."""
        return [position for _, position in self._ranking[:count]]

    def latest(self, count: int) -> list[int]:
        """Return the positions of so many records that were made last."""
        return self.order[-count:] if count else []

    def sample(self, count: int) -> list[int]:
        """Return the positions of so many records, spread evenly over the history; more of it changes only a few."""
        return [position for _, position in self._sample[:count]]

    def _add(self, position: int, record: Record) -> None:
        losses = _losses(record, self.objectives)
        if record.state == "running":
            self.running[position] = record
        if not losses:
            return
        self.finished[position] = record
        self._settled = min(self._settled, bisect_left(self.order, position))
        insort(self.order, position)
        insort(self._ranking, (losses[0], position))
        insort(self._sample, _spread(position))

    def _drop(self, position: int) -> None:
        self.running.pop(position, None)
        if position not in self.finished:
            return
        losses = self.losses(position)
        del self.finished[position]
        place = bisect_left(self.order, position)
        self._settled = min(self._settled, place)
        del self.order[place]
        del self._ranking[bisect_left(self._ranking, (losses[0], position))]
        del self._sample[bisect_left(self._sample, _spread(position))]


def archive_of(request: Request) -> Archive:
    """Return what is remembered of the trials."""
    found: Archive | None = request.memo.get("archive")
    if found is None:
        objective = request.spec.objective
        found = request.memo["archive"] = Archive(len(objective.objectives) if objective else 1)
    return found


class Generations:
    """The best of an archive: after each generation of ``size`` trials the best of those before and of these.

    ``choose`` picks so many of the positions that it is given, by their losses. Generations are counted in the order
    of the trials, so a new one costs one choice, and an old trial that ends late repeats those since. It is for one
    archive, which has no other.
    """

    def __init__(self, size: int, choose: Callable[[Mapping[int, Losses], int], Sequence[int]]) -> None:
        self._size = size
        self._choose = choose
        self._elites: list[Sequence[int]] = []

    def update(self, archive: Archive) -> Sequence[int]:
        """Return the positions of the best of all, with those of the generation that is not full yet."""
        full = len(archive.order) // self._size
        del self._elites[archive.settle() // self._size :]
        for generation in range(len(self._elites), full):
            self._elites.append(self._best(archive, generation))
        return self._best(archive, full)

    def _best(self, archive: Archive, generation: int) -> Sequence[int]:
        """Return the best of the elite before this generation, and of as much of it as has finished."""
        old = self._elites[generation - 1] if generation else []
        young = archive.order[generation * self._size : (generation + 1) * self._size]
        return self._choose({place: archive.losses(place) for place in (*old, *young)}, self._size) if young else old


def _losses(record: Record, objectives: int) -> Losses:
    if objectives > 1:
        whole = record.losses if len(record.losses) == objectives else ()
        return tuple(min(max(loss, -_LARGEST), _LARGEST) for loss in whole)
    return () if record.loss is None else (record.loss,)


def _spread(position: int) -> tuple[int, int]:
    """Return a number for each position so that the lowest ones are spread evenly (multiples of the golden ratio)."""
    return position * _SPREAD & _BITS, position
