"""Which configuration ran in which rung, and what came of it: read from the labels that every point carries.

Kept up to date by what has changed, so that an answer costs the same however many trials there are. A trial without
labels (the client has lost them, or somebody made it by hand) takes the place that its values would have got.
"""

from __future__ import annotations

import random
import sys
from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from katib_control.suggestion.distinct import any_free, draw, free
from katib_control.suggestion.history import History, Record
from katib_control.suggestion.schedules.brackets import Shape
from katib_control.suggestion.schedules.resource import Resource
from katib_control.suggestion.space import Point

_ATTEMPTS = 30
_WIDEST = 18
"""No label has a number of more digits than this."""


@dataclass(frozen=True)
class Seat:
    """Where a trial belongs: the bracket and the rung, and the number of its configuration in the bracket."""

    bracket: int
    rung: int
    config: int


@dataclass
class Standing:
    """The trials of one rung. ``ranking`` has (loss, configuration) of those with a value, the best first.

    ``members`` has the trials of each configuration by their place in the history: more than one only where a client
    has made an answer into trials twice. ``running`` counts the configurations that have not ended.
    """

    members: dict[int, dict[int, Record]] = field(default_factory=dict)
    ranking: list[tuple[float, int]] = field(default_factory=list)
    running: int = 0
    _lowest: int = 0

    def put(self, config: int, place: int, record: Record) -> None:
        """Note what became of a configuration."""
        self._count(config, -1)
        self.members.setdefault(config, {})[place] = record
        self._count(config, +1)

    def take(self, config: int, place: int) -> None:
        """Forget the trial at this place."""
        self._count(config, -1)
        del self.members[config][place]
        if not self.members[config]:
            del self.members[config]
            self._lowest = min(self._lowest, config)
        self._count(config, +1)

    def free(self, size: int) -> Iterator[int]:
        """Yield the configuration numbers below ``size`` that nobody has, in ascending order."""
        while self._lowest in self.members:
            self._lowest += 1
        return (number for number in range(self._lowest, size) if number not in self.members)

    def best(self, count: int) -> list[int]:
        """Return the ``count`` best configurations, the best first."""
        return [config for _, config in self.ranking[:count]]

    def record(self, config: int) -> Record:
        """Return a trial of a configuration."""
        return next(iter(self.members[config].values()))

    def _count(self, config: int, step: int) -> None:
        trials = self.members.get(config, {}).values()
        losses = [record.loss for record in trials if record.loss is not None]
        if any(record.state == "running" for record in trials):
            self.running += step
        elif losses and step > 0:
            insort(self.ranking, (min(losses), config))
        elif losses:
            _withdraw(self.ranking, (min(losses), config))


class Ledger:
    """All rungs of an Experiment. Places count the history; negative ones are points that are no Trials yet.

    ``trials`` counts the history. ``made`` has the levels at which each configuration was tried. ``results`` has, for
    each level, a pair (loss, configuration) of those whose highest budget with a value it is, the best first.
    ``settled`` is for the owner to note brackets of which nothing more will come; one that changes after all is taken
    out.
    """

    def __init__(self, shape: Shape, resource: Resource, prefix: str) -> None:
        self.trials = 0
        self.made: dict[Point, list[int]] = {}
        self.results: list[list[tuple[float, Point]]] = [[] for _ in resource.texts]
        self._results_of: dict[Point, list[tuple[int, float]]] = {}
        self.settled: set[int] = set()
        self._shape = shape
        self._resource = resource
        self._keys = tuple(f"{prefix}.suggestion.katib.kubeflow.org/{name}" for name in ("bracket", "rung", "config"))
        self._standings: dict[tuple[int, int], Standing] = {}
        self._seats: dict[int, tuple[Record, Seat | None]] = {}
        self._strays: dict[int, int] = {}
        self._cursor = 0
        self._next_place = -1

    def update(self, history: History) -> None:
        """Bring everything up to date."""
        self.trials = len(history)
        changes, self._cursor = history.changes(self._cursor)
        passing = range(-1, self._next_place, -1)
        if not (changes or passing or history.pending):
            return
        known = len(self.made)
        for place in self._strays:
            self._unseat(place)
        for place in passing:
            self._remove(place)
        self._next_place = -1
        for place, record in changes:
            self._remove(place)
            if record is not None:
                self._add(place, record)
        for record in history.pending:
            self._add(self._next_place, record)
            self._next_place -= 1
        self._seat_strays()
        if max(known, len(self.made)) >= self._resource.capacity:
            # What a bracket can still get depends on all others then, so it is looked at afresh.
            self.settled.clear()

    def standing(self, bracket: int, rung: int) -> Standing:
        """Return one rung."""
        return self._standings.setdefault((bracket, rung), Standing())

    def fresh(self, rng: random.Random) -> Point | None:
        """Return a configuration that was never made; None where all are."""
        return self._outside(rng, self.made)

    def open_to(self, level: int) -> int:
        """Return how many configurations could still begin at this level."""
        if len(self.made) < self._resource.capacity:
            return sys.maxsize
        return self._resource.capacity - sum(max(levels) >= level for levels in self.made.values())

    def again(self, rng: random.Random, bracket: int, level: int) -> Point | None:
        """Return a configuration that never had so high a budget, and that no earlier bracket may still promote."""
        busy = {
            self._resource.configuration(record.point)
            for record, seat in self._seats.values()
            if seat and seat.bracket < bracket and seat.bracket not in self.settled
        }
        return self._outside(rng, {item for item, levels in self.made.items() if max(levels) >= level} | busy)

    def _outside(self, rng: random.Random, taken: Collection[Point]) -> Point | None:
        space = self._resource.configurations
        if len(taken) >= self._resource.capacity:
            return None
        return free(space, lambda: draw(space, rng), taken, _ATTEMPTS) or any_free(space, rng, taken)

    def promise(self, seat: Seat, point: Point) -> dict[str, str]:
        """Count a point of the answer as made, until the next update tells; return its labels."""
        numbers = (seat.bracket, seat.rung, seat.config)
        labels = {key: str(number) for key, number in zip(self._keys, numbers, strict=True)}
        self._add(self._next_place, Record(point, "running", labels=labels))
        self._next_place -= 1
        return labels

    def _add(self, place: int, record: Record) -> None:
        level = self._resource.level(record.point)
        self.made.setdefault(self._resource.configuration(record.point), []).append(-1 if level is None else level)
        seat = self._seat(record.labels or {}, level)
        self._seats[place] = (record, None)
        if seat:
            self._sit(place, seat)
        elif level is not None:
            self._strays[place] = level
        if level is not None and record.loss is not None:
            self._rank(self._resource.configuration(record.point), (-level, record.loss), insort)

    def _remove(self, place: int) -> None:
        if place not in self._seats:
            return
        self._unseat(place)
        record, _ = self._seats.pop(place)
        self._strays.pop(place, None)
        configuration, level = self._resource.configuration(record.point), self._resource.level(record.point)
        self.made[configuration].remove(-1 if level is None else level)
        if not self.made[configuration]:
            del self.made[configuration]
        if level is not None and record.loss is not None:
            self._rank(configuration, (-level, record.loss), _withdraw)

    def _rank(self, configuration: Point, result: tuple[int, float], change: Callable[[Any, Any], None]) -> None:
        """Add or withdraw one result of a configuration, of which only that of the highest budget is listed."""
        known = self._results_of.setdefault(configuration, [])
        if known:
            _withdraw(self.results[-known[0][0]], (known[0][1], configuration))
        change(known, result)
        if known:
            insort(self.results[-known[0][0]], (known[0][1], configuration))
        else:
            del self._results_of[configuration]

    def _sit(self, place: int, seat: Seat) -> None:
        record, _ = self._seats[place]
        self._seats[place] = (record, seat)
        self.standing(seat.bracket, seat.rung).put(seat.config, place, record)
        self.settled.discard(seat.bracket)

    def _unseat(self, place: int) -> None:
        record, seat = self._seats[place]
        if seat:
            self._seats[place] = (record, None)
            self.standing(seat.bracket, seat.rung).take(seat.config, place)
            self.settled.discard(seat.bracket)

    def _seat(self, labels: Mapping[str, str], level: int | None) -> Seat | None:
        """Return what the labels say; None where they say nothing, or what cannot be."""
        texts = [labels.get(key, "") for key in self._keys]
        if not all(text.isascii() and text.isdigit() and len(text) <= _WIDEST for text in texts):
            return None
        seat = Seat(*map(int, texts))
        rungs = self._shape.rungs(seat.bracket)
        fits = seat.rung < len(rungs) and rungs[seat.rung].level == level and seat.config < rungs[0].size
        return seat if fits else None

    def _seat_strays(self) -> None:
        """Give the trials without labels the places they would have got, one after the other."""
        left: dict[tuple[Point, int], Seat] = {}
        free = [self._free_seats(level) for level in range(len(self._resource.texts))] if self._strays else []
        for place in sorted(self._strays, key=lambda place: (place < 0, abs(place))):
            level = self._strays[place]
            configuration = self._resource.configuration(self._seats[place][0].point)
            seat = left.pop((configuration, level), None) or next(free[level], None)
            if seat:
                self._sit(place, seat)
                left[configuration, level + 1] = Seat(seat.bracket, seat.rung + 1, seat.config)

    def _free_seats(self, level: int) -> Iterator[Seat]:
        """Yield what is free in the first rungs of this level, while it is being taken."""
        for bracket in self._shape.starting_at(level):
            size = self._shape.rungs(bracket)[0].size
            for config in self.standing(bracket, 0).free(size):
                yield Seat(bracket, 0, config)


def _withdraw(listed: list[Any], item: Any) -> None:
    """Take an item out of a sorted list."""
    del listed[bisect_left(listed, item)]
