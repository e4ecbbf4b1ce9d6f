"""For tests of search: any search space (hypothesis), and a loop that tunes a Python function in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from builders import ExperimentBuilder, experiment, trial
from katib_control.api.experiment import Experiment
from katib_control.api.names import trial_name
from katib_control.api.suggestion import Answer, Question, TrialAssignment
from katib_control.api.trial import Trial
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.registry import ALGORITHMS

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


def assert_inside(given_parameters: list[dict[str, Any]], values: dict[str, str]) -> None:
    """Check a point against the parameters as written, in exact arithmetic."""
    for position, item in enumerate(given_parameters):
        text = values[f"p{position}"]
        if "list" in item:
            assert text in item["list"]
            continue
        low, high = Fraction(item["min"]), Fraction(item["max"])
        if item["type"] == "int":
            assert text == str(int(text))
            value = Fraction(text)
        else:
            assert text == repr(float(text)), "a double is its shortest text that reads back"
            # The decimal number written by the shortest text: what a reader sees is on the lattice, not just near it.
            value = Fraction(Decimal(text))
        step = item["step"] or ("1" if item["type"] == "int" else None)
        if step:
            assert (value - low) % Fraction(step) == 0
        assert low <= value <= high


RESOURCE = "epochs"
"""The parameter that an algorithm of rungs hands its budget to: an int from 1 to 9."""

_NEEDED = {
    "r_l": "9", "resource_name": RESOURCE, "eta": "3",
    "n_population": "5", "truncation_threshold": "0.4", "suggestion_trial_dir": "/opt/katib/checkpoints",
}  # fmt: skip
"""Values of settings that some algorithm requires."""

_START_UP = {"n_startup_trials": "2", "n_initial_points": "2", "min_points_in_model": "2"}
"""Settings that make an algorithm use its model early."""


@dataclass(frozen=True)
class Required:
    """What an algorithm needs besides a search space of any kind: settings, and at most one more parameter."""

    settings: dict[str, str] = field(default_factory=dict)
    parameters: tuple[dict[str, Any], ...] = ()


def required_settings(name: str) -> Required:
    """Return what must be said to this algorithm before it can be built on any space."""
    needed = [item.name for item in ALGORITHMS[name].settings if item.required]
    unknown = set(needed) - set(_NEEDED)
    assert not unknown, f"tests/searching.py: say in _NEEDED which value tests give to {unknown}"
    values = {item: _NEEDED[item] for item in needed}
    epochs = {"name": RESOURCE, "type": "int", "min": "1", "max": "9"}
    return Required(values, (epochs,) if RESOURCE in values.values() else ())


def start_up(name: str) -> dict[str, str]:
    """Return the settings that make this algorithm use its model early, if it has any."""
    return {key: value for key, value in _START_UP.items() if key in {item.name for item in ALGORITHMS[name].settings}}


def with_algorithm(built: ExperimentBuilder, name: str, **options: Any) -> ExperimentBuilder:
    """An Experiment with this algorithm, with all that it requires; ``options`` are settings that go before."""
    needs = required_settings(name)
    for item in needs.parameters:
        space = {key: value for key, value in item.items() if key not in ("name", "type")}
        built = built.parameter(item["name"], item["type"], **space)
    return built.algorithm(name, **{**needs.settings, **options})


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
            body = trial(item.name).of(self.owner).assign(**pairs(item)).spec(labels=item.labels).running()
            self.trials.append(body.build())

    def end(self, position: int, loss: float | None) -> None:
        """Let a running Trial succeed with this value of the metric; None lets it fail."""
        old = self.trials[position]
        body = trial(old.metadata.name).of(self.owner).assign(**old.spec.assignments).spec(labels=old.spec.labels)
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
