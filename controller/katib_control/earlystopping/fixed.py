"""Rules that a Trial carries itself, ``spec.earlyStoppingRules``: a metric, a value to compare with, a first step.

Katib's services make them. The objective is compared with its best value so far, another metric with its last value;
a rule that was once true stays so, and the Trial is stopped when all of them are.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

from katib_control.api.experiment import ObjectiveSpec
from katib_control.api.observation import MetricLog, number
from katib_control.api.trial import EarlyStoppingRule

_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "less": (operator.lt, "less than"),
    "greater": (operator.gt, "greater than"),
    "equal": (operator.eq, "equal to"),
}


def why_stopped(
    rules: Sequence[EarlyStoppingRule], objective: ObjectiveSpec, read: Callable[[str], Sequence[MetricLog]]
) -> str:
    """Return why the Trial is to be stopped, empty when it is not; ``read`` gives the reports of a metric in order.

    A rule that cannot be read is never true.
    """
    told = []
    for rule in rules:
        words = _fired(rule, objective, read(rule.name))
        if not words:
            return ""
        told.append(words)
    return "; ".join(told)


def _fired(rule: EarlyStoppingRule, objective: ObjectiveSpec, reports: Sequence[MetricLog]) -> str:
    """Say at which report the rule was true first."""
    limit = number(rule.value)
    compare, words = _COMPARISONS.get(rule.comparison.lower(), (None, ""))
    if limit is None or compare is None:
        return ""
    is_objective = rule.name == objective.objective_metric_name
    better = max if objective.type == "maximize" else min
    best: float | None = None
    for step, report in enumerate(reports, start=1):
        value = number(report.value)
        if value is None:
            continue
        best = value if best is None or not is_objective else better(best, value)
        if step >= (rule.start_step or 0) and compare(best, limit):
            return f"{'best ' if is_objective else ''}{rule.name} {best:.6g} at step {step} is {words} {limit:.6g}"
    return ""
