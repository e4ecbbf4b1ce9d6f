"""Counters, name lists and best Trial of an Experiment's status, from the roll-up of its Trials."""

from __future__ import annotations

from typing import Any

from katib_control.api.conditions import EXPERIMENT_FINAL, final
from katib_control.api.experiment import Experiment, ExperimentStatus, Observation, OptimalTrial
from katib_control.api.observation import objective_value
from katib_control.api.trial import Trial
from katib_control.reconcile.pareto import front_of
from katib_control.reconcile.rollup import LISTED, Summary, losses_of

_FIELDS = {
    "Running": ("trials_running", "running_trial_list"),
    "Pending": ("trials_pending", "pending_trial_list"),
    "Failed": ("trials_failed", "failed_trial_list"),
    "Succeeded": ("trials_succeeded", "succeeded_trial_list"),
    "Killed": ("trials_killed", "killed_trial_list"),
    "EarlyStopped": ("trials_early_stopped", "early_stopped_trial_list"),
    "MetricsUnavailable": ("trial_metrics_unavailable", "metrics_unavailable_trial_list"),
}


def status_of(experiment: Experiment, summary: Summary) -> ExperimentStatus:
    """Return the status with these numbers. Zeros and empty lists are left out, as Katib does."""
    changes: dict[str, Any] = {"trials": summary.total or None}
    for state, (counter, names) in _FIELDS.items():
        changes[counter] = summary.counts.get(state) or None
        changes[names] = list(summary.names.get(state, ())) or None
    changes["current_optimal_trial"] = _best(experiment, summary)
    if experiment.spec.objective and experiment.spec.objective.additional_objectives:
        changes["pareto_front"] = _front(experiment, summary) or None
    return experiment.status.but(**changes)


def _best(experiment: Experiment, summary: Summary) -> OptimalTrial | None:
    """The best Trial; that of a finished Experiment stays on record, even if the Trial itself is deleted."""
    recorded, best = experiment.status.current_optimal_trial, summary.best
    ended = final(experiment.status.conditions, EXPERIMENT_FINAL)
    if best is None:
        return recorded if ended else None
    if ended and recorded and not _better(experiment, summary, recorded):
        return recorded
    return _optimal(best)


def _front(experiment: Experiment, summary: Summary) -> list[OptimalTrial]:
    """The Pareto front, best in the first objective first; what a finished Experiment has on record stays in it."""
    found = {trial.metadata.name: _optimal(trial) for trial in summary.front}
    if final(experiment.status.conditions, EXPERIMENT_FINAL):
        found = {item.best_trial_name: item for item in experiment.status.pareto_front} | found
    losses = {name: losses_of(item.observation, experiment.spec.objective) for name, item in found.items()}
    return [found[name] for name in front_of({name: item for name, item in losses.items() if item})][:LISTED]


def _optimal(trial: Trial) -> OptimalTrial:
    return OptimalTrial(
        best_trial_name=trial.metadata.name,
        parameter_assignments=trial.spec.parameter_assignments,
        observation=trial.status.observation or Observation(),
    )


def _better(experiment: Experiment, summary: Summary, recorded: OptimalTrial) -> bool:
    objective = experiment.spec.objective
    before = objective_value(recorded.observation, objective) if objective else None
    if objective is None or before is None or summary.best_value is None:
        return before is None
    return summary.best_value > before if objective.type == "maximize" else summary.best_value < before
