"""Why an Experiment does not get on, with the remedy: it stands in its Running condition."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from katib_control.api.conditions import find
from katib_control.api.experiment import Experiment
from katib_control.api.model import Condition
from katib_control.api.times import from_wire
from katib_control.reconcile.reasons import (
    ALGORITHM_ERROR,
    EXPERIMENT_INVALID,
    SUGGESTION_NAME_TAKEN,
    TEMPLATE_ERROR,
    TRIALS_STALLED,
    WAITING_FOR_SUGGESTION,
)
from katib_control.reconcile.seen import ExperimentSeen

STALL_AFTER = timedelta(seconds=20)
"""How long something that may just be slow goes without a word."""

GIVE_UP = timedelta(minutes=10)
"""How long something that is plainly wrong may stay so before the Experiment fails."""


@dataclass(frozen=True)
class Stall:
    """A reason and a message with the remedy; ``fatal`` ones end the Experiment when they last."""

    reason: str
    message: str
    fatal: bool = False


def find_stall(seen: ExperimentSeen, broken_template: str, now: datetime) -> Stall | None:
    """Return what holds the Experiment up, the most basic thing first."""
    if seen.errors:
        told = "; ".join(map(str, seen.errors))
        return Stall(EXPERIMENT_INVALID, f"The edited spec is invalid, nothing new is started: {told}; correct it")
    if seen.name_taken:
        name = seen.experiment.metadata.name
        told = f"A Suggestion {name} belongs to another owner: delete it, or rename the Experiment"
        return Stall(SUGGESTION_NAME_TAKEN, told, fatal=True)
    if seen.unchecked:
        return Stall(ALGORITHM_ERROR, seen.unchecked, fatal=True)
    if broken_template:
        return Stall(TEMPLATE_ERROR, f"No trial can be made of the template: {broken_template}", fatal=True)
    return _algorithm(seen) or _trials(seen) or _waiting(seen, now)


def since(experiment: Experiment, stall: Stall, now: datetime) -> datetime:
    """Return when the Experiment's condition has first told of this stall."""
    told = find(experiment.status.conditions, "Running")
    return _stamp(told) or now if told and told.reason == stall.reason else now


def _stamp(condition: Condition) -> datetime | None:
    return from_wire(condition.last_update_time) if condition.last_update_time else None


def _algorithm(seen: ExperimentSeen) -> Stall | None:
    running = find(seen.suggestion.status.conditions, "Running") if seen.suggestion else None
    if running is None or running.reason != ALGORITHM_ERROR:
        return None
    return Stall(ALGORITHM_ERROR, running.message)


def _trials(seen: ExperimentSeen) -> Stall | None:
    stalls = seen.summary.stalls
    if not stalls:
        return None
    (name, message), count, of = stalls[0], len(stalls), len(seen.summary.unfinished)
    return Stall(TRIALS_STALLED, f"{count} of {of} unfinished trials are stalled; {name}: {message}")


def _waiting(seen: ExperimentSeen, now: datetime) -> Stall | None:
    """Neither Trials nor points to make them of, for longer than a search takes."""
    status = seen.experiment.status
    restarted = find(status.conditions, "Restarting")
    again = restarted.last_update_time if restarted else None
    began = max(status.start_time or "", again or "", seen.summary.last_completion)
    if seen.summary.unfinished or seen.unused or not began or now - from_wire(began) < STALL_AFTER:
        return None
    name = seen.experiment.spec.algorithm.algorithm_name if seen.experiment.spec.algorithm else ""
    told = f"No suggestion from algorithm {name} since {began}: look at the conditions of Suggestion"
    return Stall(WAITING_FOR_SUGGESTION, f"{told} {seen.experiment.metadata.name} and at the controller's log")
