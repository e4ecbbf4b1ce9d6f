"""For tests of search: any search space (hypothesis), and a loop that tunes a Python function in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from builders import ExperimentBuilder, experiment, trial
from katib_control.api.experiment import Experiment
from katib_control.api.names import trial_name
from katib_control.api.suggestion import Answer, Question, TrialAssignment
from katib_control.api.trial import Trial
from katib_control.suggestion.engine import Engine

DISTRIBUTIONS = ("uniform", "logUniform", "normal", "logNormal")
FACTORS = Decimal("0.001"), Decimal("0.01"), Decimal("0.1"), Decimal("0.25"), Decimal(1), Decimal(3)


def pairs(assignment: TrialAssignment) -> dict[str, str]:
    return {item.name: item.value for item in assignment.parameter_assignments}


@st.composite
def numeric(draw: st.DrawFn, kind: str, stepped: bool | None = None) -> dict[str, Any]:
    """An int or double: short decimal bounds, any distribution, with or without a step."""
    distribution = draw(st.sampled_from(DISTRIBUTIONS))
    unit = Decimal(1) if kind == "int" else draw(st.sampled_from(FACTORS))
    lowest = 1 if distribution.startswith("log") else -1000
    low = draw(st.integers(lowest, 1000))
    high = low + draw(st.integers(1, 2000))
    step = draw(st.integers(1, 50)) if (draw(st.booleans()) if stepped is None else stepped) else None
    space = {"min": str(low * unit), "max": str(high * unit), "distribution": distribution}
    return {"type": kind, **space, "step": None if step is None else str(step * unit)}


@st.composite
def listed(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    numbers = st.integers(-50, 50).map(str) | st.sampled_from(["0.5", "1e-3", "2.50", "7.0"])
    values = numbers if kind == "discrete" else st.text("abcxyz-_ =.", min_size=1, max_size=6)
    return {"type": kind, "list": draw(st.lists(values, min_size=1, max_size=5, unique=True))}


def parameters(*, finite: bool = False) -> st.SearchStrategy[list[dict[str, Any]]]:
    """One to four parameters; ``finite`` gives doubles a step."""
    one = (
        numeric("int")
        | numeric("double", stepped=True if finite else None)
        | listed("discrete")
        | listed("categorical")
    )
    return st.lists(one, min_size=1, max_size=4)


def with_parameters(given: Sequence[Mapping[str, Any]], name: str = "x") -> ExperimentBuilder:
    """An Experiment of parameters made by ``parameters``: p0, p1, ..."""
    built = experiment(name)
    for position, item in enumerate(given):
        space = {key: value for key, value in item.items() if key != "type"}
        built = built.parameter(f"p{position}", item["type"], **space)
    return built


class Search:
    """Tunes in memory: each Trial is made, named and ended as the controllers do it."""

    def __init__(self, owner: Experiment, engine: Engine | None = None) -> None:
        self.owner = owner
        self.engine = engine or Engine()
        self.trials: list[Trial] = []
        self.index = 0

    def ask(self, count: int = 1, pending: Sequence[TrialAssignment] = ()) -> Answer:
        question = Question(
            experiment=self.owner, trials=tuple(self.trials), pending=pending, index=self.index, count=count
        )
        return self.engine.ask(question)

    def name(self, answer: Answer) -> list[TrialAssignment]:
        """Count the points of an answer as made, and name them."""
        meta = self.owner.metadata
        named = [
            item.but(name=trial_name(meta.name, meta.uid, self.index + offset))
            for offset, item in enumerate(answer.assignments)
        ]
        self.index += len(named)
        return named

    def run(self, assignments: Sequence[TrialAssignment]) -> None:
        """Make running Trials of the points."""
        for item in assignments:
            body = trial(item.name).of(self.owner).assign(**pairs(item)).running()
            self.trials.append(body.build())

    def end(self, position: int, loss: float | None) -> None:
        """Let a running Trial succeed with this value of the metric; None lets it fail."""
        values = self.trials[position].spec.assignments
        body = trial(self.trials[position].metadata.name).of(self.owner).assign(**values)
        self.trials[position] = (body.failed() if loss is None else body.succeeded(loss=loss)).build()

    def tune(self, function: Callable[[dict[str, str]], float | None], trials: int, parallel: int = 1) -> list[dict]:
        """Make and end so many trials, batch by batch, and return all points; ends early when the space is used up."""
        while self.index < trials:
            start = len(self.trials)
            self.run(self.name(self.ask(min(parallel, trials - self.index))))
            if len(self.trials) == start:
                break
            for position in range(start, len(self.trials)):
                self.end(position, function(self.trials[position].spec.assignments))
        return self.points

    @property
    def points(self) -> list[dict[str, str]]:
        return [item.spec.assignments for item in self.trials]
