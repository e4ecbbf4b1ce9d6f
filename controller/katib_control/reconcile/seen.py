"""What a plan is made from: one moment of the cluster, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from katib_control.api.errors import FieldError
from katib_control.api.experiment import Experiment, Observation
from katib_control.api.observation import Collected
from katib_control.api.suggestion import Suggestion, TrialAssignment
from katib_control.api.trial import Trial
from katib_control.reconcile.rollup import Summary

Fate = Literal["goes-on", "ended", "gone"]


@dataclass(frozen=True, kw_only=True)
class ExperimentSeen:
    """An Experiment, its Suggestion, and the moment of its Trials.

    ``unused`` are assignments that are not Trials (yet, or any more because parallelism was lowered). ``errors`` are
    the rules that the Experiment breaks, ``unchecked`` why some could not be checked. ``template`` is the text of a
    template in a ConfigMap, ``template_error`` why it cannot be read. ``name_taken`` says that another owner's
    Suggestion has the name. ``status_due`` is False while a status that differs in numbers alone shall wait, to be
    written together with later changes.
    """

    experiment: Experiment
    suggestion: Suggestion | None = None
    summary: Summary = field(default_factory=Summary)
    unused: Sequence[TrialAssignment] = ()
    errors: Sequence[FieldError] = ()
    unchecked: str = ""
    template: str | None = None
    template_error: str = ""
    name_taken: bool = False
    status_due: bool = True


@dataclass(frozen=True, kw_only=True)
class SuggestionSeen:
    """A Suggestion, its Experiment (None: gone) and the moment of its Trials.

    ``missing`` are names of assignments that are no Trials; ``final`` names of those whose Trials have ended, ``taken``
    those whose Trials are being deleted by hand.
    """

    suggestion: Suggestion
    experiment: Experiment | None = None
    summary: Summary = field(default_factory=Summary)
    missing: frozenset[str] = frozenset()
    final: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Verdict:
    """What a run object's conditions say; ``broken`` when they cannot be evaluated."""

    state: Literal["running", "succeeded", "failed", "broken"]
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class Refusal:
    """The API server's no to a run object; ``fatal`` when asking again cannot help."""

    message: str
    fatal: bool


@dataclass(frozen=True, kw_only=True)
class TrialSeen:
    """A Trial, its run object and Pods.

    ``fate`` is the Experiment's. ``run`` is None when there is none that belongs to this Trial; ``run_vanished`` says
    that there was one, and that a live read confirms it is gone. ``verdict`` is of ``run``; ``ended_since`` when it was
    first seen to have ended. ``collected`` is what the ended run has told, or ``collect_error`` why it cannot be read.
    ``live`` is the observation so far of a run that goes on. ``stop`` says why it is to be stopped early; ``collected``
    is then what it has told until now. ``released``: the Suggestion holds the assignment no more.
    ``log_deleted``: whether the observation log could be removed, for a Trial that is being deleted.
    """

    trial: Trial
    fate: Fate = "goes-on"
    run: dict[str, Any] | None = None
    run_vanished: bool = False
    name_taken: bool = False
    refusal: Refusal | None = None
    pods: Sequence[dict[str, Any]] = ()
    events: Sequence[dict[str, Any]] = ()
    verdict: Verdict = Verdict("running")
    ended_since: datetime | None = None
    collected: Collected | None = None
    collect_error: str = ""
    live: Observation | None = None
    stop: str = ""
    released: bool = True
    log_deleted: bool = True
