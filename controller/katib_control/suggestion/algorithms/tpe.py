"""Tree-structured Parzen estimator (Bergstra et al., 2011), each parameter on its own; Optuna's implementation.

Accepts the settings of both Katib services that offer ``tpe``. Until ``n_startup_trials`` trials have a value it is
random search. Running trials and the rest of a batch count as bad ones (constant liar), so that points spread out. A
point that was already made is not made again while the space has others.

Parameters are put to Optuna in coordinates in which their distribution is flat: ranks for lattices, shares of the
distribution for everything else. So steps combine with logarithms, and normal distributions are no special case.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.suggestion.algorithm import ONE_OBJECTIVE, Feature, Found, Request, Suggested
from katib_control.suggestion.dimensions import Dimension
from katib_control.suggestion.distinct import free, next_point
from katib_control.suggestion.history import Record
from katib_control.suggestion.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.space import Point, SearchSpace

_ATTEMPTS = 4
_LARGEST_RANK = 1 << 31
_GOOD_AT_MOST = 25


class TreeParzen:
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            name="gamma", type="float", above=0, below=1,
            help="share of good trials: gamma * sqrt(trials) of them, at most 25; without it a tenth, at most 25",
        ),
        Setting(
            name="prior_weight", type="float", above=0, default=1.0,
            help="weight of the parameter's own distribution against one trial",
        ),
        Setting(
            name="n_ei_candidates", type="int", low=1, default=24, alias="n_EI_candidates",
            help="how many candidates are drawn for the best expected improvement",
        ),
        Setting(
            name="n_startup_trials", type="int", low=0, default=10,
            help="random points until this many trials have a value",
        ),
        RANDOM_STATE,
    )  # fmt: skip
    supports: ClassVar[frozenset[Feature]] = ONE_OBJECTIVE

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Accept every search space."""
        return ()

    def ask(self, request: Request) -> Found:
        """Sample one point per index, each knowing of those before it."""
        history = request.history()
        records = list(history)
        made, busy = history.points(), history.running()
        finished = sum(record.state == "finished" for record in records)
        # At least one: with no trial at all Optuna has nothing to go by either.
        start_up = finished < max(1, request.settings["n_startup_trials"])
        model = None if start_up else _model(request, records)
        points: list[Suggested] = []
        for index in range(request.index, request.index + request.count):
            point = model.propose(request, index, made) if model else None
            point = point or next_point(request.space, request.rng(index), made, busy)
            made.add(point)
            busy.add(point)
            points.append(Suggested(point))
            if model:
                model.add(Record(point, "running"))
        return Found(points)


def _model(request: Request, records: Sequence[Record]) -> _Model:
    model: _Model | None = request.memo.get("model")
    if model is None or not model.catch_up(records):
        model = _Model(request.space)
        model.catch_up(records)
        request.memo["model"] = model
    return model


class _Model:
    """An Optuna study with the records told so far. Only the order and the values of its trials matter."""

    def __init__(self, space: SearchSpace) -> None:
        import optuna  # takes 0.2 s, and only this algorithm needs it

        self._optuna = optuna
        self._axes = [_Axis(optuna, dimension) for dimension in space.dimensions]
        self._distributions = {axis.name: axis.distribution for axis in self._axes if axis.distribution}
        self._known: list[Record] = []
        self._numbers: list[int | None] = []
        self._told = 0
        with _quiet():
            self._study = optuna.create_study(direction="minimize")

    def catch_up(self, records: Sequence[Record]) -> bool:
        """Take in what is new; return False where the past has changed, so that this model is of no more use."""
        if len(records) < len(self._known):
            return False
        for position, old in enumerate(self._known):
            new = records[position]
            if new is not old and not self._change(position, old, new):
                return False
        for new in records[len(self._known) :]:
            self.add(new)
        return True

    def _change(self, position: int, old: Record, new: Record) -> bool:
        number = self._numbers[position]
        if new.point != old.point:
            return False
        if (new.state, new.loss) != (old.state, old.loss):
            if old.state != "running" or number is None:
                return False
            failed = self._optuna.trial.TrialState.FAIL if new.loss is None else None
            self._study.tell(number, new.loss, state=failed)
        self._known[position] = new
        return True

    def add(self, record: Record) -> None:
        """Append one record; failed ones are remembered but not told."""
        self._known.append(record)
        if record.state == "failed":
            self._numbers.append(None)
            return
        states = self._optuna.trial.TrialState
        trial = self._optuna.trial.create_trial(
            state=states.RUNNING if record.loss is None else states.COMPLETE,
            value=record.loss,
            params={
                axis.name: axis.encode(value)
                for axis, value in zip(self._axes, record.point, strict=True)
                if axis.distribution
            },
            distributions=self._distributions,
        )
        self._study.add_trial(trial)
        self._numbers.append(self._told)
        self._told += 1

    def propose(self, request: Request, index: int, taken: set[Point]) -> Point | None:
        """Return a point that is not taken; None when the sampler insists on one that is."""
        space = request.space
        if space.size is not None and len(taken) >= space.size:
            return self._sample(self._sampler(request, index))
        sampler = self._sampler(request, index)
        return free(space, lambda: self._sample(sampler), taken, _ATTEMPTS)

    def _sample(self, sampler: Any) -> Point:
        self._study.sampler = sampler
        trial = self._study.ask(self._distributions)
        self._told += 1
        # Values are snapped to the space before they are told, so what was asked is put aside.
        self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        return tuple(axis.decode(trial.params.get(axis.name)) for axis in self._axes)

    def _sampler(self, request: Request, index: int) -> Any:
        settings = request.settings
        sampler = self._optuna.samplers.TPESampler(
            n_startup_trials=0,
            n_ei_candidates=settings["n_ei_candidates"],
            multivariate=False,
            constant_liar=True,
            # numpy's legacy seeds have 32 bits.
            seed=request.number(index, "tpe") >> 32,
        )
        # Optuna warns when these two are given to the constructor, and warnings cannot be silenced for one thread.
        if settings["gamma"] is not None:
            sampler._gamma = good_trials(settings["gamma"])
        estimator = sampler._parzen_estimator_parameters
        sampler._parzen_estimator_parameters = estimator._replace(prior_weight=settings["prior_weight"])
        return sampler


class _Axis:
    """One parameter in Optuna's terms; no distribution where there is nothing to choose."""

    def __init__(self, optuna: Any, dimension: Dimension) -> None:
        kinds, size = optuna.distributions, dimension.size
        self.name = dimension.name
        self._dimension = dimension
        self._ranked = size is not None and dimension.uniform and size <= _LARGEST_RANK
        self.distribution: Any = kinds.FloatDistribution(0.0, 1.0)
        if size == 1:
            self.distribution = None
        elif dimension.kind == "categorical":
            self.distribution = kinds.CategoricalDistribution(range(size or 0))
        elif self._ranked and size is not None:
            self.distribution = kinds.IntDistribution(0, size - 1)

    def encode(self, value: str) -> float | int:
        return self._dimension.rank(value) if self._ranked else self._dimension.to_unit(value)

    def decode(self, number: Any) -> str:
        if number is None:
            return self._dimension.at(0)
        return self._dimension.at(number) if self._ranked else self._dimension.from_unit(number)


def good_trials(gamma: float) -> Callable[[int], int]:
    """Return hyperopt's rule: how many of n trials are good ones."""
    return lambda n: min(math.ceil(gamma * math.sqrt(n)), _GOOD_AT_MOST)


class _Quiet(logging.Filter):
    """Drops what is logged by the thread that is inside ``_quiet``; the user's own studies keep their log lines."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(self.thread, "quiet", False)


_FILTER = _Quiet()


@contextmanager
def _quiet() -> Iterator[None]:
    logging.getLogger("optuna.storages._in_memory").addFilter(_FILTER)
    _FILTER.thread.quiet = True
    try:
        yield
    finally:
        _FILTER.thread.quiet = False
