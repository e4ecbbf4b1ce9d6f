"""The generations of an evolution strategy, read from the history again and again.

Nothing is stored with the trials but the number of the run they were sampled in. A generation is the next so many
points that have a loss, in the order in which they were made: who is late counts in a later one, and failed points are
replaced by the next. So any history can be read: batches of any size, points of other origin, gaps.
"""

from __future__ import annotations

import heapq
import math
import random
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from katib_control.suggestion.algorithm import Request
from katib_control.suggestion.history import Record
from katib_control.suggestion.models.evolution import Axes, Coordinates, Distribution

RUN_LABEL = "cmaes.suggestion.katib.kubeflow.org/run"
"""On each Trial that a distribution made: which stretch and which run in it, as in "0.2"."""

STRETCH = 2_000
"""After so many points a new run begins whatever happens, so that no more than these are ever read again."""

EARLY = 60
"""Among the first so many points each generation is completed by the best of all before: few points are used twice."""

NARROW = 1e-3
"""A run that varies no parameter by more than this share of its range may be followed by another one."""

_GATHERED = 4
_DOUBLINGS = 5
_KEPT, _SPARSE = 16, 16

Restarts = Literal["none", "ipop", "bipop"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to search. ``first`` points are made before there is a distribution; ``step`` is its first step."""

    first: int
    population: int
    step: float
    restarts: Restarts


@dataclass(kw_only=True)
class _Run:
    """Where the reading stands: after ``read`` points, of which this distribution has learned in ``told`` generations.

    ``best`` is the least loss of the run, and ``stale`` for how many generations it has not changed. ``large`` is the
    largest population so far; ``spent`` says how many points went into restarts with large and with small populations.
    """

    stretch: int
    number: int
    read: int
    distribution: Distribution
    large: int
    small: bool = False
    told: int = 0
    best: float = math.inf
    stale: int = 0
    spent: tuple[int, int] = (0, 0)

    @property
    def label(self) -> str:
        return f"{self.stretch}.{self.number}"

    def copy(self) -> _Run:
        return replace(self, distribution=self.distribution.copy())


class Generations:
    """What the history says about the distribution to sample from; ``update`` costs as much as has changed."""

    def __init__(self, axes: Axes, plan: Plan) -> None:
        self._axes = axes
        self.plan = plan
        self._cursor = 0
        self._positions: list[int] = []
        self._records: list[Record] = []
        self._saved: list[_Run] = []
        self._run: _Run | None = None

    @property
    def distribution(self) -> Distribution | None:
        """What to sample from; None while there are too few points with a loss."""
        return self._run.distribution if self._run else None

    @property
    def labels(self) -> Mapping[str, str]:
        """What belongs on the Trials of its points."""
        return {RUN_LABEL: self._run.label} if self._run else {}

    def update(self, request: Request) -> None:
        """Read what is new; where the past has changed, go back and read again from there."""
        changes, self._cursor = request.history().changes(self._cursor)
        earliest = len(self._records)
        for position, record in changes:
            earliest = min(earliest, self._put(position, record))
        if self._run and self._run.read > earliest:
            while self._saved and self._saved[-1].read > earliest:
                self._saved.pop()
            self._run = self._saved[-1].copy() if self._saved else None
        while self._axes.count and self._advance(request):
            pass

    def _put(self, position: int, record: Record | None) -> int:
        """Take in a change; return the place from which the records differ."""
        place = bisect_left(self._positions, position)
        known = place < len(self._positions) and self._positions[place] == position
        if record is None or record.state != "finished":
            if not known:
                return len(self._records)
            del self._positions[place], self._records[place]
        elif known:
            self._records[place] = record
        else:
            self._positions.insert(place, position)
            self._records.insert(place, record)
        return place

    def _advance(self, request: Request) -> bool:
        """Begin a run or read a generation; return False where there are too few points for either."""
        stretch = len(self._records) // STRETCH
        if self._run is None or self._run.stretch < stretch:
            if len(self._records) < self.plan.first:
                return False
            self._saved.clear()
            self._run = self._begin(request, stretch)
        else:
            run = self._run
            members = self._generation(run)
            if members is None:
                return False
            if not members:
                self._run = self._next(request, run)
            else:
                self._learn(run, members)
                if self.plan.restarts != "none" and self._is_over(run):
                    self._run = self._next(request, run)
        self._save(self._run)
        return True

    def _save(self, run: _Run) -> None:
        self._saved.append(run.copy())
        if len(self._saved) > _KEPT and self._saved[-_KEPT - 1].told % _SPARSE:
            del self._saved[-_KEPT - 1]

    def _generation(self, run: _Run) -> list[Record] | None:
        """Return the next generation; None while it is incomplete; empty where the trials say that a run follows."""
        kept = self._kept(run)
        members: list[Record] = []
        for place in range(run.read, len(self._records)):
            record = self._records[place]
            sampled = (record.labels or {}).get(RUN_LABEL, run.label)
            if sampled == run.label:
                members.append(record)
            elif _is_later(sampled, run):
                return []
            if len(members) + len(kept) == run.distribution.population:
                run.read = place + 1
                return members + kept
        return None

    def _kept(self, run: _Run) -> list[Record]:
        """Return the best of all before, where a generation is completed by them."""
        if run.stretch or run.number or run.read >= EARLY:
            return []
        count = min(run.distribution.population // 3, run.read)
        return heapq.nsmallest(count, self._records[: run.read], key=_loss)

    def _learn(self, run: _Run, members: Sequence[Record]) -> None:
        ranked = sorted(members, key=_loss)
        run.distribution.tell([self._axes.read(record.point) for record in ranked])
        run.told += 1
        if run.number:
            large, small = run.spent
            run.spent = (large, small + len(members)) if run.small else (large + len(members), small)
        best = _loss(ranked[0])
        run.stale = 0 if best < run.best else run.stale + 1
        run.best = min(run.best, best)

    def _is_over(self, run: _Run) -> bool:
        """Whether a run has become as narrow as anybody needs it, or has found nothing better for long."""
        patience = 5 + math.ceil(10 * self._axes.count / run.distribution.population)
        return run.stale > patience or run.distribution.width < NARROW

    def _begin(self, request: Request, stretch: int) -> _Run:
        """Begin a stretch: around the best points there are, or somewhere else where restarts are wanted."""
        plan = self.plan
        read = stretch * STRETCH or plan.first
        population, around = plan.population, self._best(read)
        if stretch and plan.restarts != "none":
            population, around = plan.population << min(stretch, _DOUBLINGS), self._anywhere(request, stretch, 0)
        distribution = Distribution(self._axes, population, plan.step, around)
        return _Run(stretch=stretch, number=0, read=read, distribution=distribution, large=population)

    def _next(self, request: Request, run: _Run) -> _Run:
        """Begin another run somewhere else: with twice the population, or with ``bipop`` a small one in turn."""
        plan, number = self.plan, run.number + 1
        rng = random.Random(request.number(run.stretch, f"cmaes restart {number}"))
        small = plan.restarts == "bipop" and run.spent[1] < run.spent[0]
        large = run.large if small else min(2 * run.large, plan.population << _DOUBLINGS)
        population, step = large, plan.step
        if small:
            # Hansen (2009): between the default and half the large one, and a step down to a hundredth.
            population = max(plan.population, int(plan.population * (large / plan.population / 2) ** rng.random() ** 2))
            step *= 10 ** (-2 * rng.random())
        around = self._anywhere(request, run.stretch, number)
        distribution = Distribution(self._axes, population, step, around)
        return _Run(
            stretch=run.stretch, number=number, read=run.read, distribution=distribution,
            large=large, small=small, spent=run.spent,
        )  # fmt: skip

    def _best(self, count: int) -> list[tuple[float, Coordinates]]:
        """Return the best of the first so many points with falling weights, as a generation's parents have them."""
        best = heapq.nsmallest(_GATHERED, self._records[:count], key=_loss)
        weights = [math.log(_GATHERED + 0.5) - math.log(place + 1) for place in range(len(best))]
        return [
            (weight / sum(weights), self._axes.read(record.point)) for weight, record in zip(weights, best, strict=True)
        ]

    def _anywhere(self, request: Request, stretch: int, number: int) -> list[tuple[float, Coordinates]]:
        rng = random.Random(request.number(stretch, f"cmaes start {number}"))
        return [(1.0, self._axes.read(request.space.point([rng.random() for _ in request.space.dimensions])))]


def _loss(record: Record) -> float:
    return math.inf if record.loss is None else record.loss


def _is_later(label: str, run: _Run) -> bool:
    """Whether a point was sampled in a later run of this stretch; what cannot be a label of ours was not."""
    stretch, _, number = label.partition(".")
    return stretch == str(run.stretch) and number.isdecimal() and run.number < int(number[:9]) < STRETCH
