"""The loop that algorithms share: one new point per index, each knowing of those before it."""

from __future__ import annotations

from collections.abc import Callable

from katib_control.suggestion.algorithm import Request, Suggested
from katib_control.suggestion.distinct import next_point
from katib_control.suggestion.history import History, Made
from katib_control.suggestion.space import Point

Propose = Callable[[int, Made, set[Point]], Suggested | None]
"""Index, the points that were ever made, and those that run; returns a point, or None where it has none to propose."""


def new_points(
    request: Request,
    history: History,
    propose: Propose | None = None,
    tell: Callable[[Point], None] | None = None,
) -> list[Suggested]:
    """Return as many points as are asked for; random ones where nothing else is proposed.

    ``tell`` is called with each point before the next one is made, so that a model can count it as running.
    """
    made, busy = history.made(), history.running()
    found: list[Suggested] = []
    for index in range(request.index, request.index + request.count):
        if found and tell:
            tell(found[-1].point)
        item = propose(index, made, busy) if propose else None
        item = item or Suggested(next_point(request.space, request.rng(index), made, busy))
        made.add(item.point)
        busy.add(item.point)
        found.append(item)
    return found
