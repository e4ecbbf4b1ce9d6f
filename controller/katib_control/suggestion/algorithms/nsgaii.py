"""NSGA-II (Deb et al., 2002): a genetic algorithm that keeps what no other dominates; Optuna's sampler.

The first ``population_size`` trials are random. From then on the parents are the best so many of all finished trials,
by non-dominated sorting and crowding distance: after each generation (so many trials more, in their order) its best and
the parents before it are the new parents, and what has finished of the next one counts at once. So the state is a
function of the trials: nothing is lost with a cache, trials that never ran through here count, and no point ever waits
for a generation to end. With one objective it is a genetic algorithm with elitism.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.algorithm import ANY_OBJECTIVE, Feature, Found, Request, Suggested
from katib_control.suggestion.batch import new_points
from katib_control.suggestion.distinct import free
from katib_control.suggestion.models.archive import Archive, Generations, archive_of
from katib_control.suggestion.space import Point, SearchSpace

if TYPE_CHECKING:
    from katib_control.suggestion.models.breeding import Family

_ATTEMPTS = 10


class NonDominatedSorting:
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            name="population_size", type="int", low=2, default=10,
            help="how many parents there are, and trials in a generation; so many points are random at first",
        ),
        Setting(
            name="mutation_prob", type="float", low=0, high=1,
            help="how likely a parameter of a child is changed; without it one in so many as there are parameters",
        ),
        Setting(
            name="crossover_prob", type="float", low=0, high=1, default=0.9,
            help="how likely a child has two parents; else it starts as a copy of one",
        ),
        Setting(
            name="swapping_prob", type="float", low=0, high=1, default=0.5,
            help="how likely a child has a category of its second parent rather than of its first; numbers are blended",
        ),
        RANDOM_STATE,
    )  # fmt: skip
    supports: ClassVar[frozenset[Feature]] = ANY_OBJECTIVE

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Accept every search space."""
        return ()

    def ask(self, request: Request) -> Found:
        """Breed one point per index."""
        history, archive = request.history(), archive_of(request)
        archive.update(history)
        family = _family(request, archive)

        def propose(index: int, made: Collection[Point], _: Collection[Point]) -> Suggested | None:
            point = _child(request, index, family, made) if family else None
            return Suggested(point) if point else None

        return Found(new_points(request, history, propose))


def _child(request: Request, index: int, family: Family, taken: Collection[Point]) -> Point | None:
    """Return a child that is not there yet; None where the parents have only such."""
    # numpy's legacy seeds have 32 bits.
    sampler = family.sampler(request.settings, request.number(index, "nsgaii") >> 32)
    return free(request.space, lambda: family.child(sampler), taken, _ATTEMPTS)


def _family(request: Request, archive: Archive) -> Family | None:
    """Return the parents of the points to come; None while the first generation is not full."""
    size = request.settings["population_size"]
    if len(archive.order) < size:
        return None
    from katib_control.suggestion.models.breeding import Family, choose

    generations: Generations | None = request.memo.get("generations")
    if generations is None:
        generations = request.memo["generations"] = Generations(size, choose)
    parents = generations.update(archive)
    return Family(request.space, [(archive.finished[place].point, archive.losses(place)) for place in parents])
