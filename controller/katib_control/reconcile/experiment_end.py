"""When an Experiment ends, and how: the rules in their order, each a line.

Succeeded means that there is a usable best Trial; without one the end is a failure, whatever else was reached.
"""

from __future__ import annotations

from dataclasses import dataclass

from katib_control.api.conditions import find, is_true
from katib_control.api.experiment import Experiment, ExperimentSpec
from katib_control.api.suggestion import Suggestion
from katib_control.reconcile.reasons import (
    EXPERIMENT_FAILED,
    EXPERIMENT_INVALID,
    GOAL_REACHED,
    MAX_TRIALS_REACHED,
    NO_USABLE_TRIAL,
    SEARCH_SPACE_EXHAUSTED,
    SUGGESTION_END_REACHED,
)
from katib_control.reconcile.rollup import Summary
from katib_control.reconcile.seen import ExperimentSeen

RESTARTABLE = ("LongRunning", "FromVolume")


@dataclass(frozen=True)
class End:
    """How it ended: condition type (Succeeded or Failed), reason, message."""

    type: str
    reason: str
    message: str


def find_end(seen: ExperimentSeen) -> End | None:
    """Return the first rule that fires; None while there is more to do."""
    return (
        _invalid(seen)
        or _goal(seen.experiment.spec, seen.summary)
        or _too_many_failed(seen.experiment.spec, seen.summary)
        or _all_done(seen.experiment.spec, seen.summary)
        or _exhausted(seen)
        or _suggestion_failed(seen.suggestion)
    )


def may_restart(experiment: Experiment, completed: int) -> bool:
    """Tell whether a finished Experiment is to go on.

    It ended by its number of Trials, its policy allows it, its spec was edited since, and the new number is not reached
    yet: so it cannot end again by the same rule at once.
    """
    ended = find(experiment.status.conditions, "Succeeded")
    spec, status = experiment.spec, experiment.status
    if ended is None or ended.status != "True" or ended.reason != MAX_TRIALS_REACHED:
        return False
    if spec.resume_policy not in RESTARTABLE or not _edited(experiment):
        return False
    # One that ended under a controller which records no generation: then the number must exceed its trials.
    known = status.observed_generation is not None
    done = completed if known else max(completed, status.trials)
    return spec.max_trial_count is None or spec.max_trial_count > done


def exhausted(suggestion: Suggestion | None) -> bool:
    """Tell whether the algorithm has said that the search space holds no further point."""
    running = find(suggestion.status.conditions, "Running") if suggestion else None
    return running is not None and running.reason == SEARCH_SPACE_EXHAUSTED


def _edited(experiment: Experiment) -> bool:
    seen = experiment.status.observed_generation
    return seen is None or experiment.metadata.generation > seen


def _invalid(seen: ExperimentSeen) -> End | None:
    if not seen.errors or seen.suggestion is not None:
        return None  # an edit that breaks rules is no end: it waits until it is corrected
    return End("Failed", EXPERIMENT_INVALID, "Experiment is invalid: " + "; ".join(map(str, seen.errors)))


def _goal(spec: ExperimentSpec, summary: Summary) -> End | None:
    objective, best = spec.objective, summary.best_value
    if objective is None or objective.goal is None or best is None or summary.best is None:
        return None
    reached = best >= objective.goal if objective.type == "maximize" else best <= objective.goal
    if not reached:
        return None
    metric = objective.objective_metric_name
    word = "reached" if objective.type == "maximize" else "got down to"
    told = f"Objective goal reached: {metric} of {summary.best.metadata.name} {word} {best!r}, goal {objective.goal!r}"
    return End("Succeeded", GOAL_REACHED, told)


def _too_many_failed(spec: ExperimentSpec, summary: Summary) -> End | None:
    limit = spec.max_failed_trial_count
    if limit is None or not summary.failed or summary.failed < limit:
        return None
    told = f"Max failed count reached: {summary.failed} trials failed, maxFailedTrialCount is {limit}"
    return End("Failed", EXPERIMENT_FAILED, f"{told}; {why_unusable(summary)}")


def _all_done(spec: ExperimentSpec, summary: Summary) -> End | None:
    limit = spec.max_trial_count
    if limit is None or summary.completed < limit:
        return None
    told = f"Max trial count reached: {summary.completed} trials completed, maxTrialCount is {limit}"
    return _usable_or_failed(summary, MAX_TRIALS_REACHED, told)


def _exhausted(seen: ExperimentSeen) -> End | None:
    if not exhausted(seen.suggestion) or seen.unused or seen.summary.unfinished:
        return None
    told = f"Search space used up: {seen.summary.total} trials have tried all of its points"
    return _usable_or_failed(seen.summary, SUGGESTION_END_REACHED, told)


def _suggestion_failed(suggestion: Suggestion | None) -> End | None:
    if suggestion is None or not is_true(suggestion.status.conditions, "Failed"):
        return None
    failed = find(suggestion.status.conditions, "Failed")
    return End("Failed", EXPERIMENT_FAILED, f"Suggestion has failed: {failed.message if failed else ''}")


def _usable_or_failed(summary: Summary, reason: str, told: str) -> End:
    if summary.best is not None:
        return End("Succeeded", reason, told)
    return End("Failed", NO_USABLE_TRIAL, f"{told}, but none has a usable objective value; {why_unusable(summary)}")


def why_unusable(summary: Summary) -> str:
    """Say in one line why Trials have given no value: reasons with their numbers, and the latest one's own words."""
    counted = dict(summary.reasons)
    if killed := summary.counts.get("Killed"):
        counted["Killed"] = killed
    if not counted:
        return "no trial has reported one: look at the trials' conditions"
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(counted.items()))
    last = summary.last_unusable
    words = last.status.conditions[-1].message if last and last.status.conditions else ""
    return f"reasons: {reasons}" + (f"; the latest, {last.metadata.name}: {words}" if last and words else "")
