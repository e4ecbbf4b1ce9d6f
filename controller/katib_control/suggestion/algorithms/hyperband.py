"""Hyperband (Li et al., JMLR 2018): many configurations with a low budget, the best of them again with a higher one.

Each bracket is a race in rungs: when all trials of a rung have ended, the best ones are promoted to the next. Where
more trials may run than a rung has left, the next bracket starts early; where fewer may, the rung is served in parts.
Trials that failed are not promoted, and a rung in which all failed ends its bracket. One iteration over all brackets
is the whole search, as in Katib, unless ``maxTrialCount`` leaves room for more.

State is what the trials' labels say: the bracket (counted over all iterations), the rung and the configuration.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import ClassVar

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.algorithm import ONE_OBJECTIVE, Feature, Found, Request, Suggested
from katib_control.suggestion.schedules.beginning import begin
from katib_control.suggestion.schedules.brackets import Brackets, Rung
from katib_control.suggestion.schedules.promising import Model
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

WRITTEN = tuple(
    Setting(name=name, type="text", written=True, help=f"{told}; written by the service, for people to see")
    for name, told in (
        ("s_max", "how often a configuration can be promoted at most"),
        ("b_l", "the budget of a bracket: (s_max + 1) * r_l"),
        ("n", "configurations that the present bracket starts with"),
        ("r", "the budget that the present bracket starts with"),
        ("current_s", "the present bracket, from s_max down to 0; -1 at the end"),
        ("current_i", "the present rung of that bracket, from 0"),
        ("evaluating_trials", "trials of that rung"),
    )
)
"""Katib's own bookkeeping. Ours is in the labels."""


class Hyperband:
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (*BUDGET_SETTINGS, RANDOM_STATE, *WRITTEN)
    supports: ClassVar[frozenset[Feature]] = ONE_OBJECTIVE | {"ownStart"}
    name: ClassVar[str] = "hyperband"

    def space(self, space: SearchSpace, settings: Settings) -> SearchSpace:
        """Make room for the budgets."""
        return opened(space, settings)

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Refuse budgets that the resource cannot take."""
        return check_resource(space, settings, spec)

    def ask(self, request: Request) -> Found:
        """Serve the rungs that are open, the oldest bracket first."""
        race = self._race(request)
        race.ledger.update(request.history())
        model = self.model(request, race)
        points = _points(request, race, model)
        # Rungs in which trials have failed are shorter than planned: maxTrialCount is still to be used.
        while not points and race.present is None and request.index < (request.spec.max_trial_count or 0):
            race.count += race.brackets.ladder.rungs
            points = _points(request, race, model)
            if not race.begun(race.count - 1):
                break
        ended = not points and race.present is None
        return Found(points, exhausted=ended, settings=_written(race, request.settings))

    def model(self, request: Request, race: Race) -> Model | None:
        """Return what proposes new configurations; None draws them at random."""
        return None

    def _race(self, request: Request) -> Race:
        race: Race | None = request.memo.get("race")
        if race is None:
            brackets = Brackets(budgets(request.settings))
            carrier = resource(request.space, request.settings)
            race = Race(brackets, carrier, Ledger(brackets, carrier, self.name))
            request.memo["race"] = race
        # maxTrialCount may be raised in the middle of an Experiment.
        iterations = max(1, math.ceil((request.spec.max_trial_count or 0) / race.brackets.trials))
        race.count = iterations * race.brackets.ladder.rungs
        return race


@dataclass
class Race:
    """How far the first ``count`` brackets are."""

    brackets: Brackets
    resource: Resource
    ledger: Ledger
    count: int = 0

    @property
    def present(self) -> int | None:
        """The first bracket that has not ended; None where all have."""
        return next(self.open(), None)

    def open(self) -> Iterator[int]:
        """Yield the brackets that have not ended."""
        return (bracket for bracket in range(self.count) if bracket not in self.ledger.settled)

    def begun(self, bracket: int) -> bool:
        """Whether a bracket has configurations."""
        return bool(self.ledger.standing(bracket, 0).members)

    def level(self, seat: Seat) -> int:
        """Return the level of a seat's budget."""
        return self.brackets.rungs(seat.bracket)[seat.rung].level

    def promoted(self, seat: Seat) -> Point:
        """Return the configuration that had this number one rung below."""
        below = self.ledger.standing(seat.bracket, seat.rung - 1)
        return self.resource.configuration(below.record(seat.config).point)

    def number(self, seat: Seat) -> int:
        """Return the number of a new configuration, counted over all brackets."""
        iteration, bracket = divmod(seat.bracket, self.brackets.ladder.rungs)
        return iteration * self._starts[-1] + self._starts[bracket] + seat.config

    def seats(self, bracket: int) -> Iterator[Seat]:
        """Yield the free seats of a bracket's open rung, while they are being promised.

        Where all are taken and nothing will follow the bracket is settled.
        """
        for position, rung in enumerate(self.brackets.rungs(bracket)):
            standing = self.ledger.standing(bracket, position)
            size, numbers = self._entrants(bracket, position, rung)
            yield from (Seat(bracket, position, config) for config in numbers)
            if standing.running or len(standing.members) < size:
                return
        self.ledger.settled.add(bracket)

    def _entrants(self, bracket: int, position: int, rung: Rung) -> tuple[int, Iterator[int]]:
        """Return how many configurations a rung will have, and the numbers of those that are not in it yet."""
        here = self.ledger.standing(bracket, position)
        if position == 0:
            size = min(rung.size, len(here.members) + self.ledger.open_to(rung.level))
            return size, here.free(size)
        below = self.ledger.standing(bracket, position - 1)
        best = below.best(rung.size)
        missing = [config for config in best if config not in here.members]
        return len(best), iter(missing[: max(0, len(best) - len(here.members))])

    @cached_property
    def _starts(self) -> Sequence[int]:
        """How many configurations start before each bracket of an iteration, and in all of it."""
        sizes = (self.brackets.rungs(bracket)[0].size for bracket in range(self.brackets.ladder.rungs))
        return [0, *accumulate(sizes)]


def _points(request: Request, race: Race, model: Model | None) -> list[Suggested]:
    points: list[Suggested] = []
    for seat, configuration in _served(request, race, model):
        point = race.resource.point(configuration, race.level(seat))
        points.append(Suggested(point, race.ledger.promise(seat, point)))
        if len(points) == request.count:
            break
    return points


def _served(request: Request, race: Race, model: Model | None) -> Iterator[tuple[Seat, Point]]:
    """Yield who runs next, the oldest bracket first, while it is being promised."""
    for bracket in race.open():
        for seat in race.seats(bracket):
            configuration = race.promoted(seat) if seat.rung else _new(request, race, seat, model)
            if configuration is None:
                break  # what is left may still be promoted by an earlier bracket
            yield seat, configuration


def _new(request: Request, race: Race, seat: Seat, model: Model | None) -> Point | None:
    """Return a configuration for the first rung of a bracket; where all were made, one that can be made there again."""
    number = race.number(seat)
    found = begin(request, race.resource, race.ledger, number, model)
    return found or race.ledger.again(request.rng(number), seat.bracket, race.level(seat))


def _written(race: Race, settings: Settings) -> Mapping[str, str]:
    """Return Katib's bookkeeping, in its formats: the first bracket that has not ended, and -1 after the last."""
    rungs = race.brackets.ladder
    present = race.present
    bracket = race.count - 1 if present is None else present
    filled = [at for at in range(race.brackets.s(bracket) + 1) if race.ledger.standing(bracket, at).members]
    current = filled[-1] if filled and present is not None else 0
    first = race.brackets.rungs(bracket)[0]
    trials = 0 if present is None else len(race.ledger.standing(bracket, current).members)
    return {
        "eta": str(settings["eta"]),
        "s_max": str(rungs.s_max),
        "r_l": str(settings["r_l"]),
        "b_l": str((rungs.s_max + 1) * settings["r_l"]),
        "n": str(first.size),
        "r": str(float(rungs.budget(first.level))),
        "current_s": str(-1 if present is None else race.brackets.s(bracket)),
        "current_i": str(current),
        "resource_name": settings["resource_name"],
        "evaluating_trials": str(trials),
    }
