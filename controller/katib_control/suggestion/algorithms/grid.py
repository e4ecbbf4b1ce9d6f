"""Grid search: every combination once, then once more those that failed, then the end.

The point of index i is computed from i, so that no product is ever held in memory and a restart changes nothing. Order:
the points to begin with, then the parameters as listed, the last one fastest; ints and stepped doubles from min
upwards, discrete values ascending, categorical ones as listed. Combinations that break a constraint are left out. With
``random_state`` the same points come in a shuffled order, which is computed from the index as well.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.algorithm import ANY_OBJECTIVE, Feature, Found, Request, Suggested
from katib_control.suggestion.combinations import Combinations, any_feasible, constrained
from katib_control.suggestion.history import History, Record
from katib_control.suggestion.space import Point, SearchSpace

CONSTRAINED = 100_000
"""So many combinations of the parameters that constraints speak of can be looked through; others do not count."""

_ROUNDS = 4


class Grid:
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (RANDOM_STATE,)
    supports: ClassVar[frozenset[Feature]] = ANY_OBJECTIVE

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Refuse what cannot be counted. More trials than combinations are fine: the end is announced."""
        endless = [
            FieldError(
                f"spec.parameters[{position}].feasibleSpace.step",
                f"algorithm grid needs a step for the double parameter {dimension.name}",
                None,
                "FieldValueRequired",
            )
            for position, dimension in enumerate(space.dimensions)
            if dimension.size is None
        ]
        return endless or list(_constraint_errors(space))

    def ask(self, request: Request) -> Found:
        """Go on with the grid; at its end look for points to repeat."""
        order: _Order = request.memo.get("order") or request.memo.setdefault("order", _Order(request))
        first = request.index - len(request.initial)
        points = [order.point(number) for number in range(first, min(first + request.count, order.size))]
        wanted = request.count - len(points)
        if not wanted:
            return Found([Suggested(point) for point in points])
        unfinished = request.memo.setdefault("unfinished", _Unfinished())
        again, open_end = unfinished.failed_once(request.history())
        repeated = again[:wanted]
        used_up = not points and not open_end and len(again) <= wanted
        # The repeated ones may succeed or not: in both cases nothing follows after them.
        return Found([Suggested(point) for point in (*points, *repeated)], exhausted=used_up)


def _constraint_errors(space: SearchSpace) -> Iterator[FieldError]:
    if not space.constraints:
        return
    bound = constrained(space)
    count = math.prod(item.size or 0 for item in bound)
    names = ", ".join(item.name for item in bound)
    if count > CONSTRAINED:
        rule = f"algorithm grid works with constraints over at most {CONSTRAINED} combinations; {names} have {count}"
        yield FieldError("spec.constraints", rule, None)
    elif not any_feasible(space):
        yield FieldError("spec.constraints", f"leave none of the {count} combinations of {names}", None)


class _Order:
    """The combinations in the order in which they come, without the points to begin with."""

    def __init__(self, request: Request) -> None:
        self._all = Combinations(request.space)
        self._seed = request.seed if request.settings["random_state"] is not None else None
        # Places taken by points to begin with, which were served before; ascending.
        self._passed = sorted({self._place(point) for point in request.initial})
        self.size = self._all.size - len(self._passed)

    def point(self, number: int) -> Point:
        """Return the point of this number (counted from 0)."""
        for passed in self._passed:
            if passed > number:
                break
            number += 1
        size, seed = self._all.size, self._seed
        return self._all.at(number if seed is None else shuffled_index(number, size, seed))

    def _place(self, point: Point) -> int:
        index = self._all.index(point)
        return index if self._seed is None else original_index(index, self._all.size, self._seed)


class _Unfinished:
    """The Trials that did not end with a loss, kept up to date by what changed."""

    def __init__(self) -> None:
        self._cursor = 0
        self._records: dict[int, Record] = {}

    def failed_once(self, history: History) -> tuple[list[Point], bool]:
        """Return the points whose only trial failed, and whether a trial that still runs could become another one."""
        changes, self._cursor = history.changes(self._cursor)
        for position, record in changes:
            self._records.pop(position, None)
            if record is not None and record.state != "finished":
                self._records[position] = record
        again, open_end = [], False
        for record in (*(self._records[position] for position in sorted(self._records)), *history.pending):
            if history.tried(record.point) == 1:
                if record.state == "failed":
                    again.append(record.point)
                else:
                    open_end = True
        return again, open_end


def shuffled_index(index: int, size: int, seed: str) -> int:
    """Return where ``index`` goes in a permutation of range(size) that the seed picks.

    A Feistel network permutes the numbers of an even number of bits; those that fall outside are sent through again
    until they fall inside, which keeps it a permutation.
    """
    return _walk(index, size, seed, _forwards)


def original_index(index: int, size: int, seed: str) -> int:
    """Return what ``shuffled_index`` sends to ``index``."""
    return _walk(index, size, seed, _backwards)


def _walk(index: int, size: int, seed: str, through: Callable[[int, int, int, str], tuple[int, int]]) -> int:
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    while True:
        left, right = through(index >> half, index & mask, mask, seed)
        index = left << half | right
        if index < size:
            return index


def _forwards(left: int, right: int, mask: int, seed: str) -> tuple[int, int]:
    for turn in range(_ROUNDS):
        left, right = right, left ^ (_scattered(right, turn, seed) & mask)
    return left, right


def _backwards(left: int, right: int, mask: int, seed: str) -> tuple[int, int]:
    for turn in reversed(range(_ROUNDS)):
        left, right = right ^ (_scattered(left, turn, seed) & mask), left
    return left, right


def _scattered(number: int, turn: int, seed: str) -> int:
    digest = hashlib.blake2b(f"{seed}/{turn}/{number}".encode(), digest_size=32).digest()
    return int.from_bytes(digest, "big")
