"""Covariance matrix adaptation (Hansen, 2001), over mixed spaces (CatCMA with margin, Hamano et al., 2025).

The first points are a Sobol sequence, after the points to begin with if there are any. The best of them are where a
search distribution begins; it learns from each generation of points and moves, widens or narrows. What it has learned
is read from the trials (see ``generations``), and a point's random numbers come from its index.

A point that was made already is not made again while the space has others: the distribution is then spread wider until
it finds one that is not.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import ClassVar

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.algorithm import ONE_OBJECTIVE, Feature, Found, Request, Suggested
from katib_control.suggestion.algorithms.sobol import sobol_points
from katib_control.suggestion.batch import new_points
from katib_control.suggestion.models.evolution import Axes
from katib_control.suggestion.models.generations import Generations, Plan
from katib_control.suggestion.space import Point, SearchSpace

NUMBERS = 200
"""Parameters that are numbers: beyond, the covariances of a run take too much memory, and answers too much time."""

_FIRST = 8
_ATTEMPTS, _NARROW = 40, 10
_WIDENING = 1.2

SIGMA = 0.17


class CovarianceMatrixAdaptation:
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            name="restart_strategy", type="choice", choices=("none", "None", "ipop", "bipop"), default="ipop",
            help="what follows when a run gets no further: nothing, a run elsewhere with twice the population, or such "
            "runs and short ones in turn",
        ),
        Setting(
            name="sigma", type="float", low=0, default=SIGMA,
            help="first standard deviation, as a share of each parameter's range on the scale of its distribution; "
            "0 is the default too",
        ),
        RANDOM_STATE,
    )  # fmt: skip
    supports: ClassVar[frozenset[Feature]] = ONE_OBJECTIVE

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Refuse more numbers than can be handled in time; all else is served."""
        count = sum(item.kind != "categorical" for item in space.dimensions)
        if count <= NUMBERS:
            return ()
        rule = f"algorithm cmaes works with at most {NUMBERS} parameters that are not categorical"
        return (FieldError("spec.parameters", rule, count),)

    def ask(self, request: Request) -> Found:
        """Sample one point per index."""
        history = request.history()
        generations = _generations(request)
        generations.update(request)

        def propose(index: int, made: Collection[Point], busy: Collection[Point]) -> Suggested | None:
            used_up = request.space.size is not None and len(made) >= request.space.size
            point = _propose(request, generations, index, busy if used_up else made)
            return Suggested(point, generations.labels) if point else None

        return Found(new_points(request, history, propose))


def _generations(request: Request) -> Generations:
    spec, settings = request.spec, request.settings
    axes = request.memo.get("axes") or request.memo.setdefault("axes", Axes(request.space))
    parallel = spec.parallel_trial_count or 1
    # As many as run at once cost no time, and a point that was sampled generations ago teaches little.
    population = max(4 + math.floor(3 * math.log(max(1, axes.count))), parallel)
    strategy = settings["restart_strategy"].lower()
    plan = Plan(first=max(_FIRST, parallel), population=population, step=settings["sigma"] or SIGMA, restarts=strategy)
    # The plan is in the key because an Experiment's parallelTrialCount may be edited.
    found: Generations | None = request.memo.get("generations")
    if found is None or found.plan != plan:
        found = request.memo["generations"] = Generations(axes, plan)
    return found


def _propose(request: Request, generations: Generations, index: int, taken: Collection[Point]) -> Point | None:
    """Return a point that is not taken; None where none was found."""
    space = request.space
    if space.size == 1:
        return None
    if generations.distribution is None:
        point = sobol_points(request).point(index - len(request.initial))
        return point if point not in taken and space.feasible(point) else None
    spread = 1.0
    for attempt in range(_ATTEMPTS):
        point = generations.distribution.sample(request.number(index, f"cmaes {attempt}"), spread)
        if point not in taken and space.feasible(point):
            return point
        if attempt >= _NARROW:
            spread *= _WIDENING
    return None
