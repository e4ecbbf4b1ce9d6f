"""Which Trials no other one betters in all objectives at once, kept up to date one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

Losses = tuple[float, ...]
"""One number for each objective; smaller is better."""

K = TypeVar("K")


def dominates(one: Losses, other: Losses) -> bool:
    """Whether ``one`` is nowhere worse and somewhere better."""
    return one != other and all(left <= right for left, right in zip(one, other, strict=True))


class ParetoFront(Generic[K]):
    """The front of all points that were put in; a change costs as much as the front is long, a removal more."""

    def __init__(self) -> None:
        self._all: dict[K, Losses] = {}
        self._front: dict[K, Losses] = {}

    def put(self, key: K, losses: Losses) -> None:
        """Take in a point, or its new losses."""
        self.drop(key)
        self._all[key] = losses
        self._enter(key, losses)

    def drop(self, key: K) -> None:
        """Forget a point; one that is not there is no matter."""
        if self._all.pop(key, None) is None or self._front.pop(key, None) is None:
            return
        self._front.clear()
        for known, losses in self._all.items():
            self._enter(known, losses)

    @property
    def members(self) -> Sequence[K]:
        """The front, best in the first objective first."""
        return sorted(self._front, key=lambda key: (self._front[key], key))

    def _enter(self, key: K, losses: Losses) -> None:
        if any(dominates(member, losses) for member in self._front.values()):
            return
        for known in [known for known, member in self._front.items() if dominates(losses, member)]:
            del self._front[known]
        self._front[key] = losses


def front_of(points: Mapping[K, Losses]) -> Sequence[K]:
    """Return the keys of the front, best in the first objective first."""
    front = ParetoFront[K]()
    for key, losses in points.items():
        front.put(key, losses)
    return front.members
