"""Figures as plain plotly dicts, ``{"data": [...], "layout": {...}}``: the same input gives the same figure. Pure.

At most ``MOST`` trials are drawn, the best one always among them; best-so-far is computed from all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from katib_control.api.experiment import ParameterSpec
from katib_kfp.report.axis import label, objective_axis, parameter_axis
from katib_kfp.report.parallel import parallel
from katib_kfp.report.study import Row, Study
from katib_kfp.report.style import BEST, FAILED, GOAL, INK, POINT, SCALE, Figure, figure, plain

MOST = 1000

__all__ = ["MOST", "Figure", "drawn", "figures"]


def figures(study: Study) -> dict[str, Figure]:
    """Return the figures by name: ``history``, ``parallel``, ``slice:<parameter>``; none where no trial has a value."""
    measured = study.measured
    if not measured:
        return {}
    shown = drawn(study)
    found = {"history": history(study, shown)}
    if study.axes:
        found["parallel"] = parallel(study, shown)
    for parameter in study.axes:
        found[f"slice:{parameter.name}"] = parameter_slice(study, parameter, shown)
    return found


def drawn(study: Study) -> Sequence[tuple[Row, float]]:
    """Return the measured trials to draw: all, or ``MOST`` of them evenly spread, and the best."""
    measured = study.measured
    if len(measured) <= MOST:
        return measured
    chosen = {index * len(measured) // (MOST - 1) for index in range(MOST - 1)}
    chosen |= {index for index, (row, _) in enumerate(measured) if _is_best(study, row)}
    return [measured[index] for index in sorted(chosen)]


def history(study: Study, shown: Sequence[tuple[Row, float]]) -> Figure:
    """Return each trial's value in the order of trials, the best so far, the goal, and which trials failed."""
    name = study.objective.objective_metric_name
    axis = objective_axis(name, [value for _, value in study.measured])
    steps = _best_so_far(study)
    wrong = study.wrong[:MOST]
    data = [
        {
            "type": "scatter", "mode": "markers", "name": "trial", "x": [row.number for row, _ in shown],
            "y": [value for _, value in shown], "text": [_hover(row) for row, _ in shown],
            "hovertemplate": f"%{{text}}<br>{plain(name)} = %{{y:.6g}}<extra></extra>",
            "marker": {"color": POINT, "size": 8, "opacity": 0.75, "symbol": [_symbol(row) for row, _ in shown]},
        },
        {
            "type": "scatter", "mode": "lines", "name": "best so far", "x": [row.number for row, _ in steps],
            "y": [value for _, value in steps], "hoverinfo": "skip",
            "line": {"color": BEST, "width": 2.5, "shape": "hv"},
        },
    ]  # fmt: skip
    if wrong:
        data.append({
            "type": "scatter", "mode": "markers", "name": "without a value", "yaxis": "y2",
            "x": [row.number for row in wrong], "y": [0.02] * len(wrong), "text": [_hover(row) for row in wrong],
            "hovertemplate": "%{text}<extra></extra>", "marker": {"color": FAILED, "size": 8, "symbol": "x-thin-open"},
        })  # fmt: skip
    layout: dict[str, Any] = {
        "xaxis": {"title": {"text": "trial"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": plain(name)}, "type": "log" if axis.log else "linear"},
        "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        "legend": {"orientation": "h", "y": 1.12, "x": 0},
        "hovermode": "closest",
    }
    goal = study.objective.goal
    if goal is not None and not (axis.log and goal <= 0):
        data.append({
            "type": "scatter", "mode": "lines", "name": "goal", "x": [0, len(study.rows)], "y": [goal, goal],
            "line": {"color": GOAL, "dash": "dash", "width": 1.5}, "hoverinfo": "skip",
        })  # fmt: skip
    return figure(data, layout)


def parameter_slice(study: Study, parameter: ParameterSpec, shown: Sequence[tuple[Row, float]]) -> Figure:
    """Return the objective over one parameter; later trials are darker, the best one is marked."""
    points = [(row, value) for row, value in shown if parameter.name in row.trial.parameters]
    axis = parameter_axis(parameter, (row.trial.parameters[parameter.name] for row, _ in points))
    objective = objective_axis(study.objective.objective_metric_name, [value for _, value in study.measured])

    def xs(rows: Sequence[tuple[Row, float]]) -> list[Any]:
        values = [row.trial.parameters[parameter.name] for row, _ in rows]
        return [label(value) for value in values] if axis.categories else values

    best = [(row, value) for row, value in points if _is_best(study, row)]
    hover = f"%{{text}}<br>{plain(study.objective.objective_metric_name)} = %{{y:.6g}}<extra></extra>"
    data = [
        {
            "type": "scatter", "mode": "markers", "name": name, "x": xs(rows), "y": [value for _, value in rows],
            "text": [_hover(row) for row, _ in rows], "hovertemplate": hover, "marker": marker,
        }
        for name, rows, marker in (
            ("trial", points, {
                "size": 7, "opacity": 0.8, "color": [row.number for row, _ in points], "colorscale": SCALE,
                "cmin": 1, "cmax": max(2, len(study.rows)), "line": {"width": 0.5, "color": "white"},
            }),
            ("best", best, {"size": 13, "symbol": "star", "color": BEST, "line": {"width": 1, "color": INK}}),
        )
    ]  # fmt: skip
    xaxis = {"title": {"text": plain(parameter.name)}, **axis.layout}
    yaxis = {"title": {"text": plain(objective.name)}, "type": "log" if objective.log else "linear"}
    return figure(data, {"xaxis": xaxis, "yaxis": yaxis, "showlegend": False, "hovermode": "closest"})


def _best_so_far(study: Study) -> list[tuple[Row, float]]:
    """Return the trials that were better than all before them, and the last trial with the best value."""
    steps: list[tuple[Row, float]] = []
    for row, value in study.measured:
        if not steps or (value < steps[-1][1] if study.minimize else value > steps[-1][1]):
            steps.append((row, value))
    return [*steps, (study.measured[-1][0], steps[-1][1])]


def _is_best(study: Study, row: Row) -> bool:
    return study.best is not None and row.trial.name == study.best.name


def _symbol(row: Row) -> str:
    return "circle-open" if row.trial.state == "EarlyStopped" else "circle"


def _hover(row: Row) -> str:
    lines = [f"<b>#{row.number} {plain(row.trial.name)}</b> ({row.trial.state})"]
    lines += [f"{plain(name)} = {plain(label(value)[:60])}" for name, value in row.trial.parameters.items()]
    return "<br>".join(lines)
