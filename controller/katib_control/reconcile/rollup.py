"""What an Experiment must know of all its Trials, kept up to date change by change.

A change costs a few binary searches, however many Trials there are. Nothing in here is stored: it is rebuilt from the
informer's first events.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from katib_control.api.conditions import find, trial_state
from katib_control.api.experiment import ObjectiveSpec, Observation
from katib_control.api.names import INDEX_ANNOTATION
from katib_control.api.observation import all_losses, objective_losses, objective_value
from katib_control.api.trial import Trial
from katib_control.reconcile.pareto import Losses, ParetoFront
from katib_control.reconcile.reasons import TRIAL_RUNNING

STATES = ("Pending", "Running", "Succeeded", "Failed", "Killed", "EarlyStopped", "MetricsUnavailable")
UNFINISHED = ("Pending", "Running")
USABLE = ("Succeeded", "EarlyStopped")
LISTED = 100
"""Names per list in an Experiment's status: the latest ones."""
WITHOUT_INDEX = 1 << 40

Place = tuple[int, str]
"""Index of the assignment, name of the Trial: the order of all lists."""


@dataclass(frozen=True)
class _Entry:
    place: Place
    state: str
    score: float | None
    losses: Losses
    reason: str
    stall: str
    completion: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One moment of a roll-up.

    ``names`` are the latest of each state, sorted; ``unfinished`` is in index order; ``next_index`` is one more than
    the highest index that has become a Trial; ``reasons`` counts why Trials have no usable value; ``stalls`` are
    (Trial, message) of Trials that do not get on. ``front`` is the Pareto front where there are several objectives.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    best: Trial | None = None
    best_value: float | None = None
    front: tuple[Trial, ...] = ()
    unfinished: tuple[Trial, ...] = ()
    next_index: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    last_unusable: Trial | None = None
    stalls: tuple[tuple[str, str], ...] = ()
    last_completion: str = ""

    @property
    def total(self) -> int:
        """All Trials that exist."""
        return sum(self.counts.values())

    @property
    def completed(self) -> int:
        """Trials that have ended, in whatever way."""
        return self.total - sum(self.counts.get(state, 0) for state in UNFINISHED)

    @property
    def failed(self) -> int:
        """Trials that have ended without a usable value by their own fault."""
        return self.counts.get("Failed", 0) + self.counts.get("MetricsUnavailable", 0)


def index_of(trial: Trial) -> int:
    """Return the index of the Trial's assignment; a huge one for a Trial that somebody else has made."""
    text = trial.metadata.annotations.get(INDEX_ANNOTATION, "")
    return int(text) if text.isascii() and text.isdigit() else WITHOUT_INDEX


class Rollup:
    """The Trials of one Experiment. Changes come from one thread, readers may be many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._places: list[Place] = []
        self._trials: list[Trial] = []
        self._by_state: dict[str, list[Place]] = {state: [] for state in STATES}
        self._scores: list[tuple[float, int, str]] = []
        self._front = ParetoFront[Place]()
        self._stalled: dict[str, str] = {}
        self._reasons: Counter[str] = Counter()
        self._last_completion = ""
        self._names: dict[str, tuple[str, ...]] = {}
        self._summary: Summary | None = None

    def apply(self, old: Trial | None, new: Trial | None) -> None:
        """Take in one change: no ``old`` is an arrival, no ``new`` a departure. Repeating one changes nothing."""
        with self._lock:
            self._summary = None
            known = new or old
            before = self._entries.get(known.metadata.name) if known else None
            after = _entry(new) if new else None
            if before:
                self._leave(before, moved=after is None or after.place != before.place)
            if new and after:
                self._join(after, new)

    def summary(self) -> Summary:
        """Return this moment; the same object until something changes."""
        with self._lock:
            return self._current()

    def look(self, names: Iterable[str]) -> tuple[Summary, frozenset[str]]:
        """Return this moment, and which of the names are no Trials in it."""
        with self._lock:
            return self._current(), frozenset(name for name in names if name not in self._entries)

    def trials(self) -> Sequence[Trial]:
        """Return all Trials in the order of their index (a copy of the list, not of the Trials)."""
        with self._lock:
            return list(self._trials)

    def state(self, name: str) -> str | None:
        """Return the state of the Trial of this name."""
        with self._lock:
            entry = self._entries.get(name)
            return entry.state if entry else None

    @property
    def empty(self) -> bool:
        """Whether no Trial is left."""
        return not self._entries

    def _current(self) -> Summary:
        if self._summary is None:
            self._summary = self._summarise()
        return self._summary

    def _summarise(self) -> Summary:
        best = self._trial(self._scores[0][1:]) if self._scores else None
        unusable = max((self._by_state[state][-1] for state in ("Failed", "MetricsUnavailable")
                        if self._by_state[state]), default=None)  # fmt: skip
        active = sorted(place for state in UNFINISHED for place in self._by_state[state])
        last = next((place for place in reversed(self._places) if place[0] < WITHOUT_INDEX), None)
        return Summary(
            counts={state: len(places) for state, places in self._by_state.items() if places},
            names={state: self._latest(state) for state, places in self._by_state.items() if places},
            best=best,
            best_value=_value(best) if best else None,
            front=tuple(self._trial(place) for place in self._front.members),
            unfinished=tuple(self._trial(place) for place in active),
            next_index=last[0] + 1 if last else 0,
            reasons=dict(self._reasons),
            last_unusable=self._trial(unusable) if unusable else None,
            stalls=tuple(sorted(self._stalled.items())),
            last_completion=self._last_completion,
        )

    def _latest(self, state: str) -> tuple[str, ...]:
        known = self._names.get(state)
        if known is None:
            known = self._names[state] = tuple(sorted(name for _, name in self._by_state[state][-LISTED:]))
        return known

    def _trial(self, place: Place) -> Trial:
        return self._trials[bisect_left(self._places, place)]

    def _leave(self, entry: _Entry, *, moved: bool) -> None:
        index, name = entry.place
        del self._entries[name]
        _remove(self._by_state[entry.state], entry.place)
        self._names.pop(entry.state, None)
        if entry.score is not None:
            _remove(self._scores, (entry.score, index, name))
        self._front.drop(entry.place)
        if entry.reason:
            self._reasons -= Counter((entry.reason,))
        self._stalled.pop(name, None)
        if moved:
            position = bisect_left(self._places, entry.place)
            del self._places[position], self._trials[position]

    def _join(self, entry: _Entry, trial: Trial) -> None:
        index, name = entry.place
        self._entries[name] = entry
        position = bisect_left(self._places, entry.place)
        if position < len(self._places) and self._places[position] == entry.place:
            self._trials[position] = trial
        else:
            self._places.insert(position, entry.place)
            self._trials.insert(position, trial)
        insort(self._by_state[entry.state], entry.place)
        self._names.pop(entry.state, None)
        if entry.score is not None:
            insort(self._scores, (entry.score, index, name))
        if entry.losses:
            self._front.put(entry.place, entry.losses)
        if entry.reason:
            self._reasons[entry.reason] += 1
        if entry.stall:
            self._stalled[name] = entry.stall
        self._last_completion = max(self._last_completion, entry.completion)


def _entry(trial: Trial) -> _Entry:
    conditions = trial.status.conditions
    state = trial_state(conditions)
    score = _value(trial) if state in USABLE else None
    if score is not None and trial.spec.objective and trial.spec.objective.type == "maximize":
        score = -score
    final = find(conditions, state) if state in ("Failed", "MetricsUnavailable") else None
    running = find(conditions, "Running") if state == "Running" else find(conditions, "Created")
    stalled = state in UNFINISHED and running is not None and running.reason not in (TRIAL_RUNNING, "TrialCreated")
    return _Entry(
        place=(index_of(trial), trial.metadata.name),
        state=state,
        score=score,
        losses=losses_of(trial.status.observation, trial.spec.objective) if state in USABLE else (),
        reason=final.reason if final else "",
        stall=running.message if running and stalled else "",
        completion=trial.status.completion_time or "",
    )


def losses_of(observation: Observation | None, objective: ObjectiveSpec | None) -> Losses:
    """Return one number for each of several objectives; nothing where there is only one, or one has no value."""
    return all_losses(objective_losses(observation, objective)) if objective else ()


def _value(trial: Trial) -> float | None:
    objective = trial.spec.objective
    return objective_value(trial.status.observation, objective) if objective else None


def _remove(items: list[tuple[int, str]] | list[tuple[float, int, str]], item: tuple[object, ...]) -> None:
    del items[bisect_left(items, item)]
