"""What a search algorithm is: a table of settings, a check, and ``ask``. One file of ``algorithms/`` each.

An algorithm keeps nothing of its own. What it wants to remember between two requests goes into ``Request.memo``, which
may be empty at any call: the answer must be the same.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import Setting, Settings
from katib_control.suggestion.history import History
from katib_control.suggestion.space import Point, SearchSpace

Feature = Literal["initialPoints", "constraints", "additionalObjectives", "ownStart"]
"""What an Experiment may ask for besides a search space and one objective; what is not supported is refused by name.

``ownStart``: the algorithm places ``Request.initial`` itself (it labels its points); for the others they are served
before its first point is asked for.
"""

ONE_OBJECTIVE: frozenset[Feature] = frozenset({"initialPoints", "constraints"})
ANY_OBJECTIVE: frozenset[Feature] = ONE_OBJECTIVE | {"additionalObjectives"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A question in numbers: ``count`` points are wanted, the first of them with this index (counted from 0).

    ``history`` brings the records up to date when it is called, so an algorithm that needs none pays for none.
    ``initial`` are the points to begin with; they count in ``index``.
    """

    space: SearchSpace
    settings: Settings
    spec: ExperimentSpec
    seed: str
    index: int
    count: int
    history: Callable[[], History]
    memo: dict[str, Any] = field(default_factory=dict)
    initial: Sequence[Point] = ()

    def number(self, index: int, purpose: str = "") -> int:
        """Return 64 bits that depend on the seed, the index and the purpose alone."""
        digest = hashlib.blake2b(f"{self.seed}/{index}/{purpose}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big")

    def rng(self, index: int) -> random.Random:
        """Return the random numbers of the point of this index."""
        return random.Random(self.number(index))


@dataclass(frozen=True)
class Suggested:
    """One point. ``labels`` become the Trial's labels and come back in its Record."""

    point: Point
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """The answer. Fewer points than wanted mean: ask again when a running trial has ended.

    ``exhausted`` says that there will never be another point. ``settings`` are written back beside the Experiment's
    and come with the next request; the table marks them ``written``, and the answer must not depend on them.
    """

    points: Sequence[Suggested]
    exhausted: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)


class Algorithm(Protocol):
    """A search algorithm. Stateless: one instance may serve many Experiments at once."""

    settings: ClassVar[tuple[Setting, ...]]
    supports: ClassVar[frozenset[Feature]]

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Return what it cannot work with; called before the first point is asked for."""

    def ask(self, request: Request) -> Found:
        """Return new points: distinct within the answer as far as the space allows, and minimising the loss."""


@runtime_checkable
class OwnSpace(Protocol):
    """An algorithm that sets a parameter itself, and so may give it other values than the Experiment lists."""

    def space(self, space: SearchSpace, settings: Settings) -> SearchSpace:
        """Return the space that is searched, and in which trials are read; called before ``check``."""
