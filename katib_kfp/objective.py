"""What to optimise: ``maximize("accuracy")``, ``minimize("loss", goal=0.1, also=["accuracy"])``. Pure.

Several at once are a list, ``[maximize("accuracy"), minimize("seconds")]``: the first is what the best trial goes
by, and all together make the Pareto front.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal


class ObjectiveError(ValueError):
    """An objective that cannot be measured; the message names the rule and the value."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What to optimise; made by ``maximize`` and ``minimize``."""

    metric: str
    type: Literal["minimize", "maximize"]
    goal: float | None = None
    also: Sequence[str] = ()
    further: Sequence[Objective] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w|-]+", self.metric, re.ASCII):
            raise ObjectiveError(
                f"objective: a metric name holds letters, digits, '_', '-' and '|' (got {self.metric!r})"
            )
        if self.type not in ("minimize", "maximize"):
            raise ObjectiveError(f"objective: type must be minimize or maximize (got {self.type!r})")
        if isinstance(self.also, str) or self.metric in self.also:
            raise ObjectiveError(f"objective: also must be a list of other metrics (got {self.also!r})")

    def to_spec(self) -> dict[str, Any]:
        """Return Katib's ObjectiveSpec."""
        spec: dict[str, Any] = {"type": self.type, "objectiveMetricName": self.metric}
        if self.goal is not None:
            spec["goal"] = float(self.goal)
        if self.also:
            spec["additionalMetricNames"] = list(self.also)
        if self.further:
            spec["additionalObjectives"] = [
                {"type": item.type, "objectiveMetricName": item.metric} for item in self.further
            ]
        return spec


def combined(objective: Objective | Sequence[Objective]) -> Objective:
    """Return one objective of several: the first, with the others ``further``. Raises ObjectiveError."""
    if isinstance(objective, Objective):
        return objective
    given = list(objective) if isinstance(objective, Sequence) and not isinstance(objective, str) else []
    if not given or not all(isinstance(item, Objective) for item in given):
        told = "must be maximize('<metric>') or minimize('<metric>'), or a list of them"
        raise ObjectiveError(f"objective: {told} (got {objective!r})")
    first, *rest = given
    names = [item.metric for item in given]
    if len(set(names)) < len(names):
        raise ObjectiveError(f"objective: each metric can be optimised once (got {names})")
    if any(item.goal is not None for item in rest):
        raise ObjectiveError("objective: only the first of several can have a goal")
    also = [name for item in given for name in item.also if name not in names]
    return replace(first, also=tuple(dict.fromkeys(also)), further=tuple(rest))


def maximize(metric: str, *, goal: float | None = None, also: Sequence[str] = ()) -> Objective:
    """Look for large values; end early when ``goal`` is reached; ``also`` names further metrics to keep."""
    return Objective(metric=metric, type="maximize", goal=goal, also=tuple(also) if not isinstance(also, str) else also)


def minimize(metric: str, *, goal: float | None = None, also: Sequence[str] = ()) -> Objective:
    """Look for small values; end early when ``goal`` is reached; ``also`` names further metrics to keep."""
    return Objective(metric=metric, type="minimize", goal=goal, also=tuple(also) if not isinstance(also, str) else also)
