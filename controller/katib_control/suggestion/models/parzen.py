"""The model of the TPE family: Optuna's sampler, shown the part of the history that matters.

Loads Optuna, so it is imported where it is used.
"""

from __future__ import annotations

from optuna.trial import FrozenTrial

from katib_control.suggestion.history import History, Record
from katib_control.suggestion.models.archive import Archive, Generations
from katib_control.suggestion.models.breeding import choose
from katib_control.suggestion.models.estimators import Accept, Sampler, Tuning
from katib_control.suggestion.models.optuna_study import Axes, Shown
from katib_control.suggestion.space import Point, SearchSpace

SHOWN = 400
"""Up to so many finished trials the sampler is shown all of them."""

_BEST, _LATEST = 100, 50
"""Of more trials it is shown so many of the best, so many of those made last, and of the rest an even sample."""

_ATTEMPTS = 4
"""So often candidates are drawn in search of one that can be had."""


class Model:
    """Proposes points for one Experiment; what it keeps is only what the archive would give again."""

    def __init__(self, space: SearchSpace, objectives: int) -> None:
        self._axes = Axes(space)
        self._shown = Shown(self._axes, objectives)
        self._known: dict[int, tuple[Record, FrozenTrial]] = {}
        self._generations = Generations(_LATEST, choose) if objectives > 1 else None
        self._next = 0
        self.finished = 0
        """How many trials have a loss, shown or not."""

    def update(self, history: History, archive: Archive) -> None:
        """Show what matters of the finished trials, and all that run."""
        self.finished = len(archive.finished)
        places = sorted({*self._selected(archive), *archive.running})
        self._known = {place: self._trial(archive, place) for place in places}
        self._shown.trials = [trial for _, trial in self._known.values()]
        self._next = len(history) - len(history.pending)
        for record in history.pending:
            self.add(record.point)

    def add(self, point: Point) -> None:
        """Show a point as a running trial."""
        self._shown.trials.append(self._axes.trial(self._next, point))
        self._next += 1

    def propose(self, tuning: Tuning, accept: Accept, seed: int) -> Point | None:
        """Return the point that promises most among candidates that can be had; None when there was none."""
        sampler = Sampler(tuning, self._axes, accept, seed)
        for _ in range(_ATTEMPTS):
            point = self._shown.propose(sampler, self._next, jointly=True)
            if accept(point):
                return point
        return None

    def _trial(self, archive: Archive, place: int) -> tuple[Record, FrozenTrial]:
        """Return a record as Optuna knows it, made anew only where the record is a new one."""
        record = archive.running.get(place) or archive.finished[place]
        known = self._known.get(place)
        if known and known[0] is record:
            return known
        losses = archive.losses(place) if place in archive.finished else ()
        return record, self._axes.trial(place, record.point, losses)

    def _selected(self, archive: Archive) -> set[int]:
        if len(archive.order) <= SHOWN:
            return set(archive.order)
        best = self._generations.update(archive) if self._generations else archive.best(_BEST)
        found = {*best, *archive.latest(_LATEST)}
        return found | {*archive.sample(SHOWN - len(found))}
