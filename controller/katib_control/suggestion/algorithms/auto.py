"""Picks for each answer the algorithm that is best for the space, the budget and what is known so far.

| what is asked | who answers |
| --- | --- |
| several objectives, more than ``WIDE`` points at once, more than ``MANY`` parameters | ``tpe`` |
| anything after ``LONG`` finished trials | ``tpe`` |
| anything else | ``bayesianoptimization`` |

A space that can be counted is searched without repeating a point, and to its end: after the last point there is nothing
more to ask for. Only points whose single trial failed are tried once more.

Each of them learns from all trials, whoever suggested them, so a change of the algorithm in mid-search loses nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import ClassVar

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.algorithm import ANY_OBJECTIVE, Algorithm, Feature, Found, Request, Suggested
from katib_control.suggestion.algorithms.bayesianoptimization import BayesianOptimization
from katib_control.suggestion.algorithms.tpe import TreeParzen
from katib_control.suggestion.distinct import ENUMERABLE, feasible_points
from katib_control.suggestion.history import History
from katib_control.suggestion.space import Point, SearchSpace

LONG = 100
"""Finished trials beyond which a Gaussian process sees only a part of them, and TPE, which sees all, finds more."""

WIDE = 16
"""Points at once beyond which each would wait too long for those before it."""

MANY = 40
"""Parameters beyond which distances tell too little."""

ANSWERING: Mapping[str, Algorithm] = {
    "bayesianoptimization": BayesianOptimization(),
    "tpe": TreeParzen(),
}


class Auto:
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (RANDOM_STATE,)
    supports: ClassVar[frozenset[Feature]] = ANY_OBJECTIVE

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Accept every search space."""
        return ()

    def ask(self, request: Request) -> Found:
        """Let another algorithm answer; a space that can be counted comes to an end."""
        history = request.history()
        last = _last_points(request.space, history, request.count)
        if last is None:
            return _answer(request, history)
        fresh, again, open_end = last
        points = [Suggested(point) for point in (*fresh, *again)][: request.count]
        return Found(points, exhausted=not points and not open_end)


def _answer(request: Request, history: History) -> Found:
    name = choice(request, history)
    algorithm = ANSWERING[name]
    memo = request.memo.get(name)
    if memo is None:
        # What another one remembered is of no more use: the choice comes back to it rarely, if ever.
        request.memo.clear()
        memo = request.memo[name] = {}
    settings = {item.name: item.default for item in algorithm.settings} | dict(request.settings)
    delegated = dataclasses.replace(request, settings=settings, memo=memo, history=lambda: history)
    return Found(algorithm.ask(delegated).points)


def choice(request: Request, history: History) -> str:
    """Return the name of the algorithm that answers."""
    finished = (record for record in history if record.state == "finished")
    long = sum(1 for _ in islice(finished, LONG + 1)) > LONG
    several = bool(request.spec.objective and request.spec.objective.additional_objectives)
    parameters = sum(item.size != 1 for item in request.space.dimensions)
    cheap = several or long or request.count > WIDE or parameters > MANY
    return "tpe" if cheap else "bayesianoptimization"


def _last_points(space: SearchSpace, history: History, count: int) -> tuple[list[Point], list[Point], bool] | None:
    """Return the last points of a space, those to be tried again, and whether running trials may add to them.

    None while more are left than are asked for, or where they cannot be counted.
    """
    if space.size is None or space.size > ENUMERABLE:
        return None
    everything = feasible_points(space)
    if len(history) + count < len(everything):
        return None
    made = history.points()
    fresh = [point for point in everything if point not in made]
    if len(fresh) >= count:
        return None
    single = [record for record in history if history.tried(record.point) == 1]
    again = [record.point for record in single if record.state == "failed"]
    return fresh, again, any(record.state == "running" for record in single)
