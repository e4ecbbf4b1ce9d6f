"""What to optimise: ``maximize("accuracy")``, ``minimize("loss", goal=0.1, also=["accuracy"])``. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
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
        return spec


def maximize(metric: str, *, goal: float | None = None, also: Sequence[str] = ()) -> Objective:
    """Look for large values; end early when ``goal`` is reached; ``also`` names further metrics to keep."""
    return Objective(metric=metric, type="maximize", goal=goal, also=tuple(also) if not isinstance(also, str) else also)


def minimize(metric: str, *, goal: float | None = None, also: Sequence[str] = ()) -> Objective:
    """Look for small values; end early when ``goal`` is reached; ``also`` names further metrics to keep."""
    return Objective(metric=metric, type="minimize", goal=goal, also=tuple(also) if not isinstance(also, str) else also)
