"""What is known of an Experiment's points: its Trials and pending assignments as numbers.

An algorithm always minimises ``loss``; the sign is turned here for ``maximize``, in one place for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from katib_control.api.changes import changed
from katib_control.api.conditions import trial_state
from katib_control.api.experiment import ObjectiveSpec, Observation
from katib_control.api.observation import all_losses, objective_losses
from katib_control.api.suggestion import TrialAssignment
from katib_control.api.trial import Trial
from katib_control.suggestion.space import Point, SearchSpace

State = Literal["finished", "running", "failed"]
_LIVE = ("Pending", "Running")
_VALUED = ("Succeeded", "EarlyStopped")


@dataclass(frozen=True)
class Record:
    """One point and what became of it.

    ``finished`` means that it has a loss; ``running`` that it has none yet (a pending assignment too); ``failed`` that
    it will never have one: failed, killed, or ended without a usable value. ``observation`` has the other
    metrics, ``labels`` what the algorithm once wrote on the assignment, ``name`` the Trial's. ``losses`` has one number
    for each objective, the first being ``loss``; empty where there is only one objective, or one has no value.
    """

    point: Point
    state: State
    loss: float | None = None
    early_stopped: bool = False
    labels: Mapping[str, str] | None = None
    observation: Observation | None = None
    name: str = ""
    losses: tuple[float, ...] = ()


class History:
    """The records of one Experiment, in the order in which the points were made.

    Brought up to date by what changed: Trials are immutable, so one that is still the same object is still the same.
    A Trial whose values are not in the search space (it was made by hand, or under another space) is left out and
    counted in ``foreign``.
    """

    def __init__(self, space: SearchSpace, objective: ObjectiveSpec) -> None:
        self._space = space
        self._objective = objective
        self._changes: list[int] = []
        self._trials: list[Trial] = []
        self._of_trials: list[Record | None] = []
        self._pending: list[Record] = []
        self._tried: Counter[Point] = Counter()
        self._running: Counter[Point] = Counter()
        self._foreign = 0

    def update(self, trials: Sequence[Trial], pending: Sequence[TrialAssignment]) -> None:
        """Take in the present Trials, in the order of their index, and the assignments that are not yet Trials."""
        for position in changed(self._trials, trials):
            self._changes.append(position)
            self._put(position, self._record(trials[position]) if position < len(trials) else None)
        self._foreign -= self._of_trials[len(trials) :].count(None)
        del self._of_trials[len(trials) :]
        self._trials = list(trials)
        points = ((item, self._space.read({pair.name: pair.value for pair in item.parameter_assignments}))
                  for item in pending)  # fmt: skip
        self._pending = [
            Record(point, "running", labels=item.labels, name=item.name) for item, point in points if point is not None
        ]

    def __iter__(self) -> Iterator[Record]:
        yield from (record for record in self._of_trials if record is not None)
        yield from self._pending

    def __len__(self) -> int:
        return len(self._of_trials) + len(self._pending)

    @property
    def pending(self) -> Sequence[Record]:
        """The points that are not yet Trials."""
        return self._pending

    def changes(self, cursor: int = 0) -> tuple[Sequence[tuple[int, Record | None]], int]:
        """Return what has changed among the Trials since a cursor, and the cursor of now; 0 asks for everything.

        A change is a position (counted from 0 in the order of the points) and its present record: None for one that
        is gone or left out. It costs as much as has changed, however long the history is.
        """
        changed = dict.fromkeys(self._changes[cursor:]) if cursor else range(len(self._of_trials))
        count = len(self._of_trials)
        found = [(place, self._of_trials[place] if place < count else None) for place in changed]
        return found, len(self._changes)

    @property
    def foreign(self) -> int:
        """How many Trials are left out because their values are not in the search space."""
        return self._foreign

    def tried(self, point: Point) -> int:
        """Return how many Trials and pending assignments have this point."""
        return self._tried[point] + sum(record.point == point for record in self._pending)

    def points(self) -> set[Point]:
        """Return every point that was ever made, once."""
        return {*self._tried, *(record.point for record in self._pending)}

    def running(self) -> set[Point]:
        """Return the points that are being tried right now."""
        return {*self._running, *(record.point for record in self._pending)}

    def made(self) -> Made:
        """Return every point that was ever made, to which others can be added; it costs nothing to make."""
        return Made(self._tried, (record.point for record in self._pending))

    def _put(self, position: int, record: Record | None) -> None:
        if position == len(self._of_trials):
            self._of_trials.append(None)
            self._foreign += 1
        old = self._of_trials[position]
        self._of_trials[position] = record
        self._foreign += (record is None) - (old is None)
        for item, change in ((record, 1), (old, -1)):
            if item is not None:
                _count(self._tried, item.point, change)
                if item.state == "running":
                    _count(self._running, item.point, change)

    def _record(self, trial: Trial) -> Record | None:
        point = self._space.read(trial.spec.assignments)
        if point is None:
            return None
        state = trial_state(trial.status.conditions)
        labels, observation, name = trial.spec.labels, trial.status.observation, trial.metadata.name
        if state in _LIVE:
            return Record(point, "running", labels=labels, observation=observation, name=name)
        losses = objective_losses(observation, self._objective) if state in _VALUED else ()
        loss = losses[0] if losses else None
        ending: State = "failed" if loss is None else "finished"
        return Record(point, ending, loss, state == "EarlyStopped", labels, observation, name, all_losses(losses))


class Made(Collection[Point]):
    """A set of points that is looked at through what it is made of, so that none is ever copied."""

    def __init__(self, counted: Mapping[Point, int] = MappingProxyType({}), more: Iterable[Point] = ()) -> None:
        self._counted = counted
        self._more = set(more)

    def add(self, point: Point) -> None:
        """Count another point as made."""
        self._more.add(point)

    def __contains__(self, point: object) -> bool:
        return point in self._counted or point in self._more

    def __iter__(self) -> Iterator[Point]:
        yield from self._counted
        yield from (point for point in self._more if point not in self._counted)

    def __len__(self) -> int:
        return len(self._counted) + sum(point not in self._counted for point in self._more)


def _count(counter: Counter[Point], point: Point, change: int) -> None:
    counter[point] += change
    if not counter[point]:
        del counter[point]
