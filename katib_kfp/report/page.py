"""The page: what it says in words, around figures and tables. Pure but for the files of this package that it embeds."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from katib_control.api.experiment import ParameterSpec
from katib_kfp.report.axis import label
from katib_kfp.report.figures import MOST, figures
from katib_kfp.report.study import Row, Study
from katib_kfp.report.table import columns
from katib_kfp.runtime.progress import duration, reason, state
from katib_kfp.runtime.results import text

MOST_FAILURES = 20
TAIL = "last log lines: "
"""How a Trial's condition begins the log lines that it quotes; they are joined by `` | ``."""


@dataclass(frozen=True)
class Cell:
    """What a table shows, what it is sorted by, and how it is set."""

    shown: str
    key: str
    numeric: bool = False


@dataclass(frozen=True)
class Failure:
    """A trial that went wrong, why, and the end of its log."""

    row: Row
    reason: str
    message: str
    lines: Sequence[str]


def page(study: Study, logs: Mapping[str, Sequence[str]]) -> str:
    """Return the page; ``logs`` are last log lines by trial name."""
    drawn = figures(study)
    why = reason(study.experiment)
    shown = [column for column in columns(study) if column.name != "completion"]  # start and seconds say it
    template = _environment().get_template("report.html.j2")
    return template.render(
        study=study,
        name=study.experiment.metadata.name,
        status=state(study.experiment),
        reason=why[0],
        message=why[1],
        facts=_facts(study),
        best=_best(study),
        arguments=shlex.join(study.best.arguments) if study.best else "",
        figures=list(drawn),
        figures_json=script_json(drawn),
        limit=MOST,
        headings=["#", *(column.name for column in shown)],
        table=[_cells(row, [column.value(row) for column in shown]) for row in study.rows[:MOST]],
        failures=[_failure(row, logs.get(row.trial.name, ())) for row in study.wrong[:MOST_FAILURES]],
        space=[_dimension(parameter) for parameter in study.axes],
        style=_file("templates/report.css"),
        plotly=_file("vendor/plotly-cartesian.min.js"),
        script=_file("templates/report.js"),
    )


def script_json(value: Any) -> str:
    """Return JSON that can stand inside a script element: nothing in it can end the element or begin a comment."""
    return (
        json.dumps(value, allow_nan=False, separators=(",", ":"))
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(lambda name: _file(f"templates/{name}")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _file(path: str) -> str:
    return resources.files("katib_kfp.report").joinpath(path).read_text(encoding="utf-8")


def _facts(study: Study) -> Sequence[tuple[str, str]]:
    """Return headings and short texts: how many trials, what was optimised, by what."""
    spec = study.experiment.spec
    counts = Counter(row.trial.state for row in study.rows)
    facts = [("Objective", f"{study.objective.type} {study.objective.objective_metric_name}".strip())]
    if study.objective.goal is not None:
        facts.append(("Goal", f"{label(study.objective.goal)} ({_goal(study)})"))
    facts.append(("Trials", ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "none"))
    if spec.algorithm:
        settings = ", ".join(f"{name}={value}" for name, value in spec.algorithm.settings.items())
        facts.append(("Algorithm", spec.algorithm.algorithm_name + (f" ({settings})" if settings else "")))
    if seconds := sum(row.seconds or 0 for row in study.rows):
        facts.append(("Time in trials", duration(seconds)))
    return facts


def _goal(study: Study) -> str:
    goal, value = study.objective.goal, study.best.value if study.best else None
    if goal is None or value is None:
        return "not reached"
    return "reached" if (value <= goal if study.minimize else value >= goal) else "not reached"


def _best(study: Study) -> Sequence[tuple[str, str]]:
    return [(name, text(value)) for name, value in study.best.parameters.items()] if study.best else []


def _cells(row: Row, values: Sequence[Any]) -> Sequence[Cell]:
    return [Cell(str(row.number), str(row.number), numeric=True), *map(_cell, values)]


def _cell(value: Any) -> Cell:
    if value is None:
        return Cell("", "")
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(f"{value:.6g}" if isinstance(value, float) else str(value), str(value), numeric)


def _failure(row: Row, lines: Sequence[str]) -> Failure:
    """Log lines that were read win over those that the condition quotes."""
    message, found, quoted = row.trial.message.partition(TAIL)
    if found and not lines:
        lines = quoted.split(" | ")
    return Failure(row, row.trial.reason, message.rstrip(" ;,.:") if found else message, lines)


def _dimension(parameter: ParameterSpec) -> tuple[str, str, str]:
    """Return name, type and range in words."""
    space = parameter.feasible_space
    if space.choices:
        return parameter.name, parameter.parameter_type, ", ".join(space.choices)
    words = f"{space.min} to {space.max}" + (f", step {space.step}" if space.step else "")
    special = space.distribution if space.distribution not in ("", "uniform", "unknown") else ""
    return parameter.name, parameter.parameter_type, words + (f", {special}" if special else "")
