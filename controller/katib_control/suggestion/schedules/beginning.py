"""Where a new configuration comes from: the points to begin with, then a model, then an evenly spread sequence.

Sobol's sequence instead of independent random points: the same for the theory of successive halving, which asks no
more than that early configurations are as good as late ones, but with fewer gaps.
"""

from __future__ import annotations

from katib_control.suggestion.algorithm import Request
from katib_control.suggestion.algorithms.sobol import DIMENSIONS, SobolPoints
from katib_control.suggestion.schedules.promising import Model
from katib_control.suggestion.schedules.resource import Resource
from katib_control.suggestion.schedules.rungs import Ledger
from katib_control.suggestion.space import Point


def begin(request: Request, carrier: Resource, ledger: Ledger, number: int, model: Model | None) -> Point | None:
    """Return the configuration of this number (counted from 0); None where all that there are were made.

    Where points were made that the history does not have (somebody deleted a Trial; Katib leaves those without metrics
    out) the number may be one of theirs: it gets another configuration, as the first would only be lost again.
    """
    if number < len(request.initial):
        return carrier.configuration(request.initial[number])
    lost = max(0, request.index - ledger.trials)
    key = number + (lost << 32)
    proposed = model.propose(key) if model else None
    if proposed is not None:
        return proposed
    spread = None if lost else _spread(request, carrier, number)
    if spread is not None and spread not in ledger.made and carrier.configurations.feasible(spread):
        return spread
    return ledger.fresh(request.rng(key))


def _spread(request: Request, carrier: Resource, number: int) -> Point | None:
    space = carrier.configurations
    if not 0 < len(space.dimensions) <= DIMENSIONS:
        return None
    sequence: SobolPoints | None = request.memo.get("sequence")
    if sequence is None:
        sequence = request.memo["sequence"] = SobolPoints(space, request.number(0, "sobol"))
    return sequence.point(number)
