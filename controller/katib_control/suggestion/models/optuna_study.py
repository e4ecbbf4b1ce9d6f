"""A search space and its records in Optuna's terms, and any of its samplers asked for a point.

Loads Optuna (0.2 s), so it is imported where it is used. Nothing is stored here: a sampler sees exactly the trials it
is shown, which is what keeps an answer a function of the history, and cheap where only a part of it matters.

Parameters are put to Optuna in coordinates in which their distribution is flat: ranks for lattices, shares of the
distribution for everything else. So steps combine with logarithms, and normal distributions are no special case.
"""

from __future__ import annotations

import datetime
import logging
import threading
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from katib_control.suggestion.dimensions import Dimension
from katib_control.suggestion.space import Point, SearchSpace

# Above this many values neighbours cannot be told apart by a model: the coordinate is a number like any other.
_LARGEST_RANK = 1 << 31
_SOME_TIME = datetime.datetime(2000, 1, 1)


class Axis:
    """One parameter in Optuna's terms. ``distribution`` is None where there is nothing to choose."""

    def __init__(self, dimension: Dimension) -> None:
        size = dimension.size
        self.name = dimension.name
        self._dimension = dimension
        self._ranked = size is not None and dimension.uniform and size <= _LARGEST_RANK
        self.distribution: BaseDistribution | None = FloatDistribution(0.0, 1.0)
        if size == 1:
            self.distribution = None
        elif dimension.kind == "categorical":
            self.distribution = CategoricalDistribution(range(size or 0))
        elif self._ranked and size is not None:
            self.distribution = IntDistribution(0, size - 1)

    def encode(self, value: str) -> float | int:
        """Return the coordinate of a value."""
        return self._dimension.rank(value) if self._ranked else self._dimension.to_unit(value)

    def decode(self, number: Any) -> str:
        """Return the value at a coordinate; None stands for the only value there is."""
        if number is None:
            return self._dimension.at(0)
        # Samplers may answer in numpy's types, whose texts are not those of a number.
        return self._dimension.at(int(number)) if self._ranked else self._dimension.from_unit(float(number))


class Axes:
    """All parameters. ``distributions`` has those that can be chosen, by name."""

    def __init__(self, space: SearchSpace) -> None:
        self._axes = [Axis(dimension) for dimension in space.dimensions]
        self.distributions = {axis.name: axis.distribution for axis in self._axes if axis.distribution is not None}

    def encode(self, point: Point) -> dict[str, Any]:
        """Return the point's coordinates by name."""
        return {
            axis.name: axis.encode(value)
            for axis, value in zip(self._axes, point, strict=True)
            if axis.distribution is not None
        }

    def decode(self, coordinates: Mapping[str, Any]) -> Point:
        """Return the point at these coordinates."""
        return tuple(axis.decode(coordinates.get(axis.name)) for axis in self._axes)

    def trial(self, number: int, point: Point, losses: Sequence[float] = ()) -> FrozenTrial:
        """Return a trial as samplers see it: finished with these losses (all minimised), or running without.

        Samplers take ``number`` for the order of the trials.
        """
        return _frozen(number, self.encode(point), self.distributions, losses)


class Shown:
    """Asks samplers. They see the trials of ``trials``, in ascending order of their numbers, and no others."""

    def __init__(self, axes: Axes, objectives: int = 1) -> None:
        self._axes = axes
        self._storage = _Storage()
        with quiet():
            self._storage.create_new_study([StudyDirection.MINIMIZE] * objectives, _NAME)
        self.trials: list[FrozenTrial] = []

    def propose(self, sampler: BaseSampler, number: int, *, jointly: bool) -> Point:
        """Return the point that the sampler wants for the trial of this number; it may be one of those shown.

        ``jointly``: all parameters at once, rather than one by one.
        """
        study = self.study(sampler)
        trial = _frozen(number, {}, {}, ())
        found = dict(sampler.sample_relative(study, trial, self._axes.distributions)) if jointly else {}
        for name, distribution in self._axes.distributions.items():
            if name not in found:
                found[name] = sampler.sample_independent(study, trial, name, distribution)
        return self._axes.decode(found)

    def study(self, sampler: BaseSampler) -> optuna.Study:
        """Return a study of these trials. It remembers what it has read, so it is good for one question."""
        self._storage.shown = self.trials
        return optuna.Study(_NAME, self._storage, sampler)


class _Storage(InMemoryStorage):  # type: ignore[misc]  # mypy does not follow Optuna
    """Has the trials that it is given."""

    shown: Sequence[FrozenTrial] = ()

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return [trial for trial in self.shown if states is None or trial.state in states]

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Keep nothing: samplers leave notes on the trial that is asked for, for processes that ask meanwhile."""


def _frozen(
    number: int, params: dict[str, Any], distributions: dict[str, BaseDistribution], losses: Sequence[float]
) -> FrozenTrial:
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=TrialState.COMPLETE if losses else TrialState.RUNNING,
        value=None,
        values=losses or None,
        datetime_start=_SOME_TIME,
        datetime_complete=_SOME_TIME if losses else None,
        params=params,
        distributions=distributions,
        user_attrs={},
        system_attrs={},
        intermediate_values={},
    )


class _Quiet(logging.Filter):
    """Drops what is logged by the thread that is inside ``quiet``; the user's own studies keep their log lines."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(self.thread, "quiet", False)


_NAME = "katib"
_FILTER = _Quiet()


@contextmanager
def quiet(name: str = "optuna.storages._in_memory") -> Iterator[None]:
    """Drop what this thread logs inside by the logger of this name."""
    logging.getLogger(name).addFilter(_FILTER)
    _FILTER.thread.quiet = True
    try:
        yield
    finally:
        _FILTER.thread.quiet = False
