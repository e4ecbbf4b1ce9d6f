"""Trials as rows: typed columns for programs and people. Pure."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from katib_kfp.report.study import Row, Study

FRONT = ("name", "status")
BACK = ("start", "completion", "seconds")


@dataclass(frozen=True)
class Column:
    """A heading, and the value of a row under it (None: empty)."""

    name: str
    value: Callable[[Row], Any]
    numeric: bool = False


def columns(study: Study) -> Sequence[Column]:
    """Return name, status, parameters, metrics, start, completion, seconds.

    A parameter or metric whose name is taken is called ``parameter.<name>`` or ``metric.<name>``.
    """
    names = Counter([*FRONT, *BACK, *study.parameter_names, *study.metric_names])

    def free(sort: str, name: str) -> str:
        return name if names[name] == 1 else f"{sort}.{name}"

    return [
        Column("name", lambda row: row.trial.name),
        Column("status", lambda row: row.trial.state),
        *(Column(free("parameter", name), _parameter(name), _is_number(study, name)) for name in study.parameter_names),
        *(Column(free("metric", name), _metric(name), numeric=True) for name in study.metric_names),
        Column("start", lambda row: row.trial.started),
        Column("completion", lambda row: row.trial.finished),
        Column("seconds", lambda row: row.seconds, numeric=True),
    ]


def csv_text(study: Study) -> str:
    """Return the trials as CSV (RFC 4180, line feeds): numbers as they are, nothing where there is no value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    shown = columns(study)
    writer.writerow([column.name for column in shown])
    for row in study.rows:
        values = [column.value(row) for column in shown]
        writer.writerow(["" if value is None else repr(value) if _real(value) else value for value in values])
    return out.getvalue()


def _real(value: Any) -> bool:
    return isinstance(value, float)


def _parameter(name: str) -> Callable[[Row], Any]:
    return lambda row: row.trial.parameters.get(name)


def _metric(name: str) -> Callable[[Row], Any]:
    return lambda row: row.trial.metrics.get(name)


def _is_number(study: Study, name: str) -> bool:
    kinds = {parameter.name: parameter.parameter_type for parameter in study.axes}
    return kinds.get(name) in ("int", "double", "discrete")
