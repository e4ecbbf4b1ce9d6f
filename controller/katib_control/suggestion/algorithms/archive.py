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
        self.unchanged = 0
        """How many of ``order``, from its beginning, are what they were before the last update."""

    def update(self, history: History) -> None:
        """Take in what has changed."""
        changes, self._cursor = history.changes(self._cursor)
        self.unchanged = len(self.order)
        for position, record in changes:
            self._drop(position)
            if record is not None:
                self._add(position, record)
        self.unchanged = min(self.unchanged, len(self.order))

    def losses(self, position: int) -> Losses:
        """Return what a finished record is judged by."""
        return _losses(self.finished[position], self.objectives)

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
        self.unchanged = min(self.unchanged, bisect_left(self.order, position))
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
        self.unchanged = min(self.unchanged, place)
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
    """The best of an archive, chosen generation by generation: of the best so far and the next ``size`` trials.

    ``choose`` picks so many of the positions that it is given, by their losses. Generations are counted in the order
    of the trials, so a new one costs one choice, and an old trial that ends late repeats those since.
    """

    def __init__(self, size: int, choose: Callable[[Mapping[int, Losses], int], Sequence[int]]) -> None:
        self._size = size
        self._choose = choose
        self._elites: list[list[int]] = []

    def update(self, archive: Archive) -> list[int]:
        """Return the positions of the best after the last full generation; none while there is none."""
        del self._elites[archive.unchanged // self._size :]
        for generation in range(len(self._elites), len(archive.order) // self._size):
            young = archive.order[generation * self._size : (generation + 1) * self._size]
            old = self._elites[-1] if self._elites else []
            pool = {place: archive.losses(place) for place in (*old, *young)}
            self._elites.append(list(self._choose(pool, self._size)))
        return self._elites[-1] if self._elites else []


def _losses(record: Record, objectives: int) -> Losses:
    if objectives > 1:
        return record.losses if len(record.losses) == objectives else ()
    return () if record.loss is None else (record.loss,)


def _spread(position: int) -> tuple[int, int]:
    """Return a number for each position so that the lowest ones are spread evenly (multiples of the golden ratio)."""
    return position * _SPREAD & _BITS, position
