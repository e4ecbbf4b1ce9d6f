"""From logged values to the observation of a trial.

Only finite numbers count: ``nan``, ``inf`` and text are kept in the log but never become a value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from katib_control.api.experiment import Metric, ObjectiveSpec, Observation
from katib_control.api.names import UNAVAILABLE


@dataclass(frozen=True, order=True)
class MetricLog:
    """One logged value: RFC 3339 time (UTC, nine digits of fraction at most), metric name, the text as logged."""

    time: str
    name: str
    value: str


@dataclass(frozen=True)
class TrialKey:
    """Whose log it is. The uid keeps apart trials that have had the same name."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What a finished run has told: its log of wanted metrics, which names it printed at all, and its last lines."""

    logs: Sequence[MetricLog] = ()
    names_found: Sequence[str] = ()
    tail: Sequence[str] = ()


def number(text: str) -> float | None:
    """Return the finite number that the text is, else None."""
    if "_" in text:
        return None  # Python reads 1_000, nobody who logs means it
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def observe(logs: Iterable[MetricLog], objective: ObjectiveSpec) -> Observation | None:
    """Condense a log, in its order, to min, max and latest of each wanted metric; None: no objective value counts."""
    seen: dict[str, list[tuple[float, str]]] = {name: [] for name in objective.metric_names}
    for entry in logs:
        if entry.name in seen and (value := number(entry.value)) is not None:
            seen[entry.name].append((value, entry.value))
    if not seen.get(objective.objective_metric_name):
        return None
    return Observation(metrics=[_metric(name, values) for name, values in seen.items()])


def objective_value(observation: Observation | None, objective: ObjectiveSpec) -> float | None:
    """Return the number that stands for the trial under the objective's strategy; None where there is none."""
    return metric_value(observation, objective, objective.objective_metric_name)


def metric_value(observation: Observation | None, objective: ObjectiveSpec, name: str) -> float | None:
    """Return the number that stands for a metric of the trial under its strategy; None where there is none."""
    metric = observation.metric(name) if observation else None
    if metric is None:
        return None
    chosen = getattr(metric, objective.strategy(name))
    return number(metric.latest if chosen == UNAVAILABLE else chosen)


def objective_losses(observation: Observation | None, objective: ObjectiveSpec) -> tuple[float | None, ...]:
    """Return one number for each objective, smaller being better; None where a metric has no value."""
    values = ((metric_value(observation, objective, name), kind) for name, kind in objective.objectives)
    return tuple(None if value is None else -value if kind == "maximize" else value for value, kind in values)


def all_losses(losses: Sequence[float | None]) -> tuple[float, ...]:
    """Return the losses of several objectives; nothing where there is only one, or one has no value."""
    known = tuple(item for item in losses if item is not None)
    return known if 1 < len(losses) == len(known) else ()


def _metric(name: str, values: list[tuple[float, str]]) -> Metric:
    if not values:
        return Metric(name=name)
    return Metric(name=name, min=min(values)[1], max=max(values)[1], latest=values[-1][1])
