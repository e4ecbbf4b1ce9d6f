"""Random points of the same space: all of them where the algorithm needs too long, the rest where it gives too few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from katib_control.api.errors import FieldError
from katib_control.api.experiment import AlgorithmSpec, Experiment, ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.api.suggestion import Answer, Question
from katib_control.pb import api_pb2 as pb
from katib_control.suggestion.algorithm import ANY_OBJECTIVE, Feature, Found, Request, Suggested
from katib_control.suggestion.asked import Asked
from katib_control.suggestion.distinct import next_point
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.space import Point, SearchSpace

_NAME = "random"


def cheap_answer(asked: Asked) -> Answer:
    """Return random points of these indices that keep the constraints and are none of those made before.

    Points to begin with come first, as ever. Depends on the question alone.
    """
    experiment = _at_random(asked.experiment)
    question = Question(experiment=experiment, trials=(), index=asked.index, count=asked.count)
    return Engine({_NAME: _Random(asked)}).ask(question)


def filled(asked: Asked, answer: Answer) -> Answer:
    """Return the answer with as many random points as it has too few."""
    given = answer.assignments
    rest = replace(
        asked, pending=[*asked.pending, *given], index=asked.index + len(given), count=asked.count - len(given)
    )
    return replace(answer, assignments=[*given, *cheap_answer(rest).assignments])


def _at_random(experiment: Experiment) -> Experiment:
    """Return the Experiment with random search and the same seed."""
    given = experiment.spec.algorithm.algorithm_settings if experiment.spec.algorithm else []
    settings = [item for item in given if item.name == RANDOM_STATE.name]
    algorithm = AlgorithmSpec(algorithm_name=_NAME, algorithm_settings=settings)
    return experiment.but(spec=experiment.spec.but(algorithm=algorithm))


def _made(asked: Asked, spec: ExperimentSpec) -> set[Point]:
    """Return the points of all Trials as they were suggested; another spelling of a value does not matter here."""
    names = [parameter.name for parameter in spec.parameters]
    made = set()
    for raw in asked.trials:
        trial = pb.Trial.FromString(raw)
        values = {item.name: item.value for item in trial.spec.parameter_assignments.assignments}
        made.add(tuple(values.get(name, "") for name in names))
    for item in asked.pending:
        values = {pair.name: pair.value for pair in item.parameter_assignments}
        made.add(tuple(values.get(name, "") for name in names))
    return made


class _Random:
    """Random search that looks at the request itself instead of a history."""

    settings: ClassVar[tuple[Setting, ...]] = (RANDOM_STATE,)
    supports: ClassVar[frozenset[Feature]] = ANY_OBJECTIVE

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Accept every search space."""
        return ()

    def ask(self, request: Request) -> Found:
        """Draw one point per index."""
        # In a continuous space no point is drawn twice, and a long history takes its time.
        made = _made(self._asked, request.spec) if request.space.size is not None else set()
        batch: list[Point] = []
        for index in range(request.index, request.index + request.count):
            batch.append(next_point(request.space, request.rng(index), made, batch))
            made.add(batch[-1])
        return Found([Suggested(point) for point in batch])
