"""The ``Suggest`` port in process: finds the algorithm, checks what it is asked, and turns numbers into assignments.

What it keeps per Experiment is a cache: whoever drops it gets the same answers, a little later.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from katib_control.api.errors import FieldError, InvalidObject
from katib_control.api.experiment import AlgorithmSpec, Experiment, ExperimentSpec, ObjectiveSpec
from katib_control.api.suggestion import Answer, Question, TrialAssignment
from katib_control.suggestion.algorithm import Algorithm, Request
from katib_control.suggestion.history import History
from katib_control.suggestion.registry import ALGORITHMS
from katib_control.suggestion.settings import Settings, read_settings, suggest
from katib_control.suggestion.space import SearchSpace, search_space

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
            search = _search(self._algorithms, experiment.spec).inheriting(search)
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
    history: History
    memo: dict[str, Any] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    foreign: int = 0

    def fits(self, spec: ExperimentSpec) -> bool:
        """Whether the spec asks for the same search; trial counts and the like may differ."""
        own = self.spec
        return spec is own or (
            (spec.parameters, spec.algorithm, spec.objective) == (own.parameters, own.algorithm, own.objective)
        )

    def inheriting(self, old: _Search | None) -> _Search:
        """Take over the records of an earlier search that differs in its settings only: an algorithm writes them."""
        if old and (self.spec.parameters, self.spec.objective) == (old.spec.parameters, old.spec.objective):
            self.history, self.lock, self.foreign = old.history, old.lock, old.foreign
        return self

    def ask(self, question: Question) -> Answer:
        """Put the question in numbers and the answer in text."""
        seed = self.settings.get("random_state")
        request = Request(
            space=self.space,
            settings=self.settings,
            spec=question.experiment.spec,
            seed=identity(question.experiment) if seed is None else str(seed),
            index=question.index,
            count=question.count,
            history=lambda: self._records(question),
            memo=self.memo,
        )
        found = self.algorithm.ask(request)
        return Answer(
            assignments=[
                TrialAssignment(parameter_assignments=self.space.assignments(item.point), labels=dict(item.labels))
                for item in found.points
            ],
            exhausted=found.exhausted,
            settings=dict(found.settings),
        )

    def _records(self, question: Question) -> History:
        self.history.update(question.trials, question.pending)
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
    space = SearchSpace(())
    try:
        space = search_space(spec.parameters)
    except InvalidObject as error:
        errors += error.errors
    if algorithm and not errors:
        errors += algorithm.check(space, settings, spec)
    if errors or algorithm is None:
        raise InvalidObject(errors)
    return _Search(spec, algorithm, settings, space, History(space, spec.objective or ObjectiveSpec()))


def _unknown(name: str, algorithms: Mapping[str, Algorithm]) -> FieldError:
    if not name:
        return FieldError(_NAME_FIELD, "must not be empty", None, "FieldValueRequired")
    return FieldError(_NAME_FIELD, f"no such algorithm{suggest(name, algorithms)}", name, "FieldValueNotSupported")
