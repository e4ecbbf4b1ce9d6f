"""Asynchronous successive halving (Li et al., MLSys 2020): promote whoever is among the best of its rung right now.

A configuration of the top 1 / eta of a rung is promoted as soon as there is one, the highest rung first; otherwise a
new one starts with the lowest budget. So it never waits, however many trials run side by side. Where the space has no
new configuration left, the best that were not promoted go on, until all have run with the highest budget.

New configurations are random, as in the paper, but for a share that a model proposes as in BOHB: without it
the best of them would never be better than the best of so many random ones.

State is what the trials' labels say: the rung and the configuration (the bracket is always 0).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import ClassVar

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.algorithm import ONE_OBJECTIVE, Feature, Found, Request, Suggested
from katib_control.suggestion.schedules.beginning import begin
from katib_control.suggestion.schedules.brackets import Endless, Ladder
from katib_control.suggestion.schedules.promising import MODEL_SETTINGS, Model
from katib_control.suggestion.schedules.resource import (
    BUDGET_SETTINGS,
    Resource,
    budgets,
    check_resource,
    opened,
    resource,
)
from katib_control.suggestion.schedules.rungs import Ledger, Seat
from katib_control.suggestion.space import Point, SearchSpace

_DEFAULTS: Mapping[str, object] = {"random_fraction": 0.5, "num_samples": 8, "bandwidth_factor": 4.0}
"""Less sure of itself than BOHB's: there every bracket begins anew, here all begin with the lowest budget."""

_MODEL_SETTINGS = tuple(replace(item, default=_DEFAULTS.get(item.name, item.default)) for item in MODEL_SETTINGS)


class Asha:
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (*BUDGET_SETTINGS, RANDOM_STATE, *_MODEL_SETTINGS)
    supports: ClassVar[frozenset[Feature]] = ONE_OBJECTIVE | {"ownStart"}

    def space(self, space: SearchSpace, settings: Settings) -> SearchSpace:
        """Make room for the budgets."""
        return opened(space, settings)

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Refuse budgets that the resource cannot take."""
        return check_resource(space, settings, spec)

    def ask(self, request: Request) -> Found:
        """Promote, and start new configurations where nobody can be promoted."""
        run: _Run | None = request.memo.get("run")
        if run is None:
            steps, carrier = budgets(request.settings), resource(request.space, request.settings)
            run = request.memo["run"] = _Run(steps, carrier, Ledger(Endless(steps), carrier, "asha"))
        run.ledger.update(request.history())
        points: list[Suggested] = []
        for seat, configuration in run.next(request):
            point = run.resource.point(configuration, seat.rung)
            points.append(Suggested(point, run.ledger.promise(seat, point)))
            if len(points) == request.count:
                break
        return Found(points, exhausted=not points and not run.busy)


@dataclass(frozen=True)
class _Run:
    ladder: Ladder
    resource: Resource
    ledger: Ledger

    @property
    def busy(self) -> bool:
        """Whether a trial runs that might be promoted."""
        return any(self.ledger.standing(0, rung).running for rung in range(self.ladder.rungs))

    def next(self, request: Request) -> Iterator[tuple[Seat, Point]]:
        """Yield who runs where, while it is being promised."""
        model = Model(request, self.resource, self.ledger, request.memo.setdefault("rows", {}))
        yield from self._promotions(self.ladder.eta)
        for seat in (Seat(0, 0, number) for number in self.ledger.standing(0, 0).free(sys.maxsize)):
            configuration = begin(request, self.resource, self.ledger, seat.config, model)
            if configuration is None:
                break
            yield seat, configuration
        yield from self._promotions(1)

    def _promotions(self, share: Fraction | int) -> Iterator[tuple[Seat, Point]]:
        """Yield those of the top 1 / share of each rung that were not promoted, the highest rung first."""
        for rung in reversed(range(self.ladder.s_max)):
            here, above = self.ledger.standing(0, rung), self.ledger.standing(0, rung + 1)
            for config in here.best(math.floor(len(here.ranking) / share)):
                if config not in above.members:
                    yield Seat(0, rung + 1, config), self.resource.configuration(here.record(config).point)
