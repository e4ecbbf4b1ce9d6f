"""The ``Suggest`` port in process: finds the algorithm, checks what it is asked, and turns numbers into assignments.

What it keeps per Experiment is a cache: whoever drops it gets the same answers, a little later.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from katib_control.api.errors import FieldError, InvalidObject
from katib_control.api.experiment import AlgorithmSpec, Experiment, ExperimentSpec, ObjectiveSpec
from katib_control.api.settings import Settings, read_settings, suggest
from katib_control.api.suggestion import Answer, Question, TrialAssignment
from katib_control.suggestion.algorithm import Algorithm, Feature, Found, OwnSpace, Request, Suggested
from katib_control.suggestion.distinct import completed
from katib_control.suggestion.history import History
from katib_control.suggestion.registry import ALGORITHMS
from katib_control.suggestion.space import Point, SearchSpace, initial_points, search_space

logger = logging.getLogger(__name__)

_NAME_FIELD = "spec.algorithm.algorithmName"


class Engine:
    """Answers for any number of Experiments; safe to use from several threads.

    ``capacity`` bounds how many Experiments are kept in the cache, the least recently asked one going first.
    """

    def __init__(self, algorithms: Mapping[str, Algorithm] = ALGORITHMS, *, capacity: int = 64) -> None:
        self._algorithms = algorithms
        self._capacity = capacity
        self._searches: OrderedDict[str, _Search] = OrderedDict()
        self._lock = threading.Lock()

    def validate(self, experiment: Experiment) -> Sequence[FieldError]:
        """Return all that stands in the way of the first point."""
        try:
            _search(self._algorithms, experiment.spec)
        except InvalidObject as error:
            return error.errors
        return ()

    def ask(self, question: Question) -> Answer:
        """Return up to ``count`` new points; raise InvalidObject where ``validate`` finds errors."""
        if question.count <= 0:
            return Answer(assignments=())
        search = self._find(question.experiment)
        with search.lock:
            return search.ask(question)

    def forget(self, uid: str) -> None:
        """Drop the cache of an Experiment."""
        with self._lock:
            self._searches.pop(uid, None)

    def _find(self, experiment: Experiment) -> _Search:
        key = identity(experiment)
        with self._lock:
            search = self._searches.pop(key, None)
        if search is None or not search.fits(experiment.spec):
            search = _search(self._algorithms, experiment.spec)
        with self._lock:
            self._searches[key] = search
            while len(self._searches) > self._capacity:
                self._searches.popitem(last=False)
        return search


def identity(experiment: Experiment) -> str:
    """Return what tells Experiments apart: the uid, or namespace and name of one that was never stored."""
    meta = experiment.metadata
    return meta.uid or f"{meta.namespace}/{meta.name}"


@dataclass
class _Search:
    """One Experiment's search space, settings and records, as long as its spec asks for the same search."""

    spec: ExperimentSpec
    algorithm: Algorithm
    settings: Settings
    space: SearchSpace
    initial: Sequence[Mapping[str, str]]
    history: History
    memo: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    foreign: int = 0

    def fits(self, spec: ExperimentSpec) -> bool:
        """Whether the spec asks for the same search; trial counts and the like may differ."""
        return spec is self.spec or self._asked(spec) == self._asked(self.spec)

    def ask(self, question: Question) -> Answer:
        """Put the question in numbers and the answer in text; points to begin with come first."""
        given = self.settings.get("random_state")
        seed = identity(question.experiment) if given is None else str(given)
        initial = self._start(seed)
        first = [] if "ownStart" in self.algorithm.supports else initial[question.index :][: question.count]
        request = Request(
            space=self.space,
            settings=self.settings,
            spec=question.experiment.spec,
            seed=seed,
            index=question.index + len(first),
            count=question.count - len(first),
            history=lambda: self._records(question, first),
            memo=self.memo,
            initial=initial,
        )
        found = self.algorithm.ask(request) if request.count else Found(())
        points = [*map(Suggested, first), *found.points]
        return Answer(
            assignments=[
                TrialAssignment(parameter_assignments=self.space.assignments(item.point), labels=dict(item.labels))
                for item in points
            ],
            exhausted=found.exhausted,
            settings=dict(found.settings),
        )

    def _asked(self, spec: ExperimentSpec) -> tuple[object, ...]:
        """Return what makes a search; what the algorithm itself has written back does not."""
        written = {item.name for item in self.algorithm.settings if item.written}
        asked = spec.algorithm or AlgorithmSpec()
        settings = {name: value for name, value in asked.settings.items() if name not in written}
        return spec.parameters, spec.constraints, spec.initial_points, spec.objective, asked.algorithm_name, settings

    def _start(self, seed: str) -> list[Point]:
        """Return the points to begin with; what they leave open is drawn at random."""
        found = []
        for position, values in enumerate(self.initial):
            rng = random.Random(f"{seed}/initial/{position}")
            if len(values) == len(self.space.dimensions):
                found.append(tuple(values[dimension.name] for dimension in self.space.dimensions))
            else:
                found.append(completed(self.space, rng, values))
        return found

    def _records(self, question: Question, first: Sequence[Point]) -> History:
        fresh = [TrialAssignment(parameter_assignments=self.space.assignments(point)) for point in first]
        self.history.update(question.trials, [*question.pending, *fresh])
        foreign = self.history.foreign
        if foreign > self.foreign:
            logger.warning(
                "experiment %s: %d trials are not counted, their values are outside the search space",
                question.experiment.metadata.name, foreign,
            )  # fmt: skip
        self.foreign = foreign
        return self.history


def _search(algorithms: Mapping[str, Algorithm], spec: ExperimentSpec) -> _Search:
    """Check everything; raise InvalidObject with all that is wrong."""
    asked = spec.algorithm or AlgorithmSpec()
    errors: list[FieldError] = []
    algorithm = algorithms.get(asked.algorithm_name)
    if algorithm is None:
        errors.append(_unknown(asked.algorithm_name, algorithms))
    settings, wrong = read_settings(algorithm.settings, asked) if algorithm else ({}, [])
    errors += wrong
    if spec.nas_config is not None:
        rule = f"algorithm {asked.algorithm_name} searches parameters, not network architectures"
        errors.append(FieldError("spec.nasConfig", rule, None, "FieldValueForbidden"))
    if algorithm:
        errors += _unsupported(algorithm, spec)
    space, initial = SearchSpace(()), []
    try:
        space = search_space(spec.parameters, spec.constraints)
        if isinstance(algorithm, OwnSpace) and not errors:
            space = algorithm.space(space, settings)
        initial = initial_points(space, spec.initial_points)
    except InvalidObject as error:
        errors += error.errors
    if algorithm and not errors:
        errors += algorithm.check(space, settings, spec)
    if errors or algorithm is None:
        raise InvalidObject(errors)
    return _Search(spec, algorithm, settings, space, initial, History(space, spec.objective or ObjectiveSpec()))


def _unsupported(algorithm: Algorithm, spec: ExperimentSpec) -> Iterator[FieldError]:
    asked: dict[Feature, tuple[str, object]] = {
        "initialPoints": ("spec.initialPoints", spec.initial_points),
        "constraints": ("spec.constraints", spec.constraints),
        "additionalObjectives": (
            "spec.objective.additionalObjectives", spec.objective.additional_objectives if spec.objective else [],
        ),
    }  # fmt: skip
    name = spec.algorithm.algorithm_name if spec.algorithm else ""
    for feature, (path, value) in asked.items():
        if value and feature not in algorithm.supports:
            able = ", ".join(sorted(known for known, item in ALGORITHMS.items() if feature in item.supports))
            rule = f"algorithm {name} cannot work with {feature}; those that can: {able}"
            yield FieldError(path, rule, None, "FieldValueForbidden")


def _unknown(name: str, algorithms: Mapping[str, Algorithm]) -> FieldError:
    if not name:
        return FieldError(_NAME_FIELD, "must not be empty", None, "FieldValueRequired")
    return FieldError(_NAME_FIELD, f"no such algorithm{suggest(name, algorithms)}", name, "FieldValueNotSupported")
