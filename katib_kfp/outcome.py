"""How a run ended: the one object that `-o json` prints, and the words for a terminal. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from katib_control.api.times import from_wire
from katib_kfp.runtime.progress import duration, reason
from katib_kfp.runtime.results import Results, text, trial_result

STATES = ("Succeeded", "EarlyStopped", "Failed", "MetricsUnavailable", "Killed", "Running", "Pending")


def outcome(results: Results, now: datetime) -> dict[str, Any]:
    """Return experiment, namespace, status, reason, best trial with typed hyperparameters, trials by state, seconds.

    With several objectives also the Pareto front.
    """
    metadata, best = results.experiment.metadata, results.best
    found: dict[str, Any] = {
        "experiment": metadata.name,
        "namespace": metadata.namespace,
        "status": results.status,
        "reason": reason(results.experiment)[0],
        "message": reason(results.experiment)[1],
        "bestTrial": best.name if best else None,
        "bestHyperparameters": dict(best.parameters) if best else None,
        "bestValue": best.value if best else None,
        "trials": trials_by_state(results),
        "durationSeconds": round(seconds(results, now), 3),
    }
    if results.front:
        found["paretoFront"] = [
            {"trial": item.name, "hyperparameters": dict(item.parameters), "metrics": dict(item.metrics)}
            for item in results.front
        ]
    return found


def usable(results: Results) -> bool:
    """Whether the Experiment has succeeded with a best trial: the only case of exit code 0."""
    return results.status == "Succeeded" and results.best is not None


def trials_by_state(results: Results) -> dict[str, int]:
    """Return how many trials are in each state; states without trials are left out."""
    counts = Counter(trial_result(trial, results.experiment).state for trial in results.trials)
    return {state: counts[state] for state in STATES if counts[state]}


def seconds(results: Results, now: datetime) -> float:
    """Return how long the Experiment has run: until its end, or until now."""
    status = results.experiment.status
    if not status.start_time:
        return 0.0
    end = from_wire(status.completion_time) if status.completion_time else now
    return max(0.0, (end - from_wire(status.start_time)).total_seconds())


def summary(results: Results, now: datetime) -> Sequence[str]:
    """Return a few lines for people: how it ended, the best point, what went wrong."""
    found = outcome(results, now)
    counts = ", ".join(f"{count} {state}" for state, count in found["trials"].items()) or "no trials"
    lines = [f"{found['experiment']}: {found['status']} after {duration(found['durationSeconds'])} ({counts})"]
    if results.best:
        metric = results.experiment.spec.objective
        lines.append(f"best: {metric.objective_metric_name if metric else 'value'}={results.best.value:.6g}")
        lines += [f"  {name} = {text(value)}" for name, value in results.best.parameters.items()]
    if results.front:
        lines.append(f"Pareto front ({len(results.front)}):")
        lines += [f"  {item.name}: {_assigned(item.metrics)} at {_assigned(item.parameters)}" for item in results.front]
    if not usable(results) and found["message"]:
        lines.append(f"why: {found['reason']}: {found['message']}")
    return lines


def _assigned(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={text(value)}" for name, value in values.items())
