"""Grid search: every combination once, then once more those that failed, then the end.

The point of index i is computed from i, so that no product is ever held in memory and a restart changes nothing. Order:
the parameters as listed, the last one fastest; ints and stepped doubles from min upwards, discrete values ascending,
categorical ones as listed. With ``random_state`` the same points come in a shuffled order, which is computed from the
index as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import ClassVar

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.algorithm import ANY_OBJECTIVE, Feature, Found, Request, Suggested
from katib_control.suggestion.space import Point, SearchSpace

_ROUNDS = 4


class Grid:
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (RANDOM_STATE,)
    supports: ClassVar[frozenset[Feature]] = ANY_OBJECTIVE

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Refuse doubles that cannot be counted. More trials than combinations are fine: the end is announced."""
        return [
            FieldError(
                f"spec.parameters[{position}].feasibleSpace.step",
                f"algorithm grid needs a step for the double parameter {dimension.name}",
                None,
                "FieldValueRequired",
            )
            for position, dimension in enumerate(space.dimensions)
            if dimension.size is None
        ]

    def ask(self, request: Request) -> Found:
        """Go on with the grid; at its end look for points to repeat."""
        size = request.space.size
        if size is None:
            raise ValueError("a grid needs a finite search space")
        last = min(request.index + request.count, size)
        shuffled = request.settings["random_state"] is not None
        points = [
            request.space.at(shuffled_index(index, size, request.seed) if shuffled else index)
            for index in range(request.index, last)
        ]
        wanted = request.count - len(points)
        if not wanted:
            return Found([Suggested(point) for point in points])
        again, open_end = _failed_once(request)
        repeated = again[:wanted]
        used_up = not points and not open_end and len(again) <= wanted
        # The repeated ones may succeed or not: in both cases nothing follows after them.
        return Found([Suggested(point) for point in (*points, *repeated)], exhausted=used_up)


def _failed_once(request: Request) -> tuple[list[Point], bool]:
    """Return the points whose only trial failed, and whether a trial that still runs could become another one."""
    history = request.history()
    again, open_end = [], False
    for record in history:
        if record.state != "finished" and history.tried(record.point) == 1:
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
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    while True:
        left, right = index >> half, index & mask
        for turn in range(_ROUNDS):
            digest = hashlib.blake2b(f"{seed}/{turn}/{right}".encode(), digest_size=32).digest()
            left, right = right, left ^ (int.from_bytes(digest, "big") & mask)
        index = left << half | right
        if index < size:
            return index
