"""Suggestion: how many points an Experiment wants, and those that were found but are not yet Trials.

Also the question that the control plane puts to an algorithm, and its answer: they cross package borders, so they live
here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import Field

from katib_control.api.experiment import AlgorithmSpec, Experiment
from katib_control.api.model import API_VERSION, Condition, Model, NameValue, ObjectMeta
from katib_control.api.trial import EarlyStoppingRule, Trial


class TrialAssignment(Model):
    """One suggested point, under the name that its Trial will have."""

    name: str = ""
    parameter_assignments: list[NameValue] = Field(default_factory=list)
    early_stopping_rules: list[EarlyStoppingRule] = Field(default_factory=list)
    labels: dict[str, str] = Field(default_factory=dict)


class SuggestionSpec(Model):
    """What the Experiment wants; ``requests`` is a total, not a difference."""

    algorithm: AlgorithmSpec | None = None
    early_stopping: AlgorithmSpec | None = None
    requests: int = 0
    resume_policy: str = ""


class SuggestionStatus(Model):
    """What was found. ``suggestionCount`` counts all points ever made; ``suggestions`` keeps the latest of them."""

    algorithm_settings: list[NameValue] = Field(default_factory=list)
    suggestion_count: int = 0
    suggestions: list[TrialAssignment] = Field(default_factory=list)
    start_time: str | None = None
    completion_time: str | None = None
    last_reconcile_time: str | None = None
    conditions: list[Condition] = Field(default_factory=list)


class Suggestion(Model):
    """The search of one Experiment."""

    api_version: str = API_VERSION
    kind: str = "Suggestion"
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: SuggestionSpec = Field(default_factory=SuggestionSpec)
    status: SuggestionStatus = Field(default_factory=SuggestionStatus)


@dataclass(frozen=True, kw_only=True)
class Question:
    """All that an algorithm may know.

    ``trials`` are the Experiment's Trials in the order of their index (running ones included), ``pending`` the points
    that are suggested but not yet Trials, ``index`` the number of points ever made (so the first wanted point has this
    index, counted from 0), ``count`` how many points are wanted.
    """

    experiment: Experiment
    trials: Sequence[Trial]
    pending: Sequence[TrialAssignment] = ()
    index: int
    count: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The points found (``name`` may stay empty; fewer than asked is allowed).

    ``exhausted`` says that the search space holds no further point. ``settings`` are written back to
    ``Suggestion.status.algorithmSettings``.
    """

    assignments: Sequence[TrialAssignment]
    exhausted: bool = False
    settings: dict[str, str] = field(default_factory=dict)
