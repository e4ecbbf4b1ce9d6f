"""Parallel coordinates, drawn with lines on normalised axes: plotly's cartesian bundle has no trace for them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from katib_kfp.report.axis import Axis, cut, objective_axis, parameter_axis
from katib_kfp.report.study import Row, Study
from katib_kfp.report.style import BEST, INK, Figure, figure, plain

GROUPS = ((1.0, "the rest", "#cbd2d9", 0.55), (0.5, "best half", "#7fb3e6", 0.7), (0.1, "best tenth", "#1a4f8b", 0.95))
"""From behind to front: the share of the trials up to which a group goes, name, colour, opacity."""


def parallel(study: Study, shown: Sequence[tuple[Row, float]]) -> Figure:
    """Return a line per trial through its parameters to its value; better trials lie on top."""
    axes = [
        parameter_axis(item, (row.trial.parameters[item.name] for row, _ in shown if item.name in row.trial.parameters))
        for item in study.axes
    ]
    axes.append(objective_axis(study.objective.objective_metric_name, [value for _, value in study.measured]))
    ranked = sorted(shown, key=lambda item: (item[1] if study.minimize else -item[1], item[0].number))
    data = []
    for (share, name, colour, opacity), below in zip(GROUPS, [*[group[0] for group in GROUPS[1:]], 0.0], strict=True):
        group = ranked[_count(below, ranked) : _count(share, ranked)]
        if group:
            data.append(_trace(name, group, axes, {"color": colour, "width": 1.5}, opacity))
    best = [item for item in shown if study.best and item[0].trial.name == study.best.name]
    if best:
        data.append(_trace("best", best, axes, {"color": BEST, "width": 3}, 1.0))
    return figure(data, _layout(axes))


def _count(share: float, ranked: Sequence[Any]) -> int:
    """A tenth of three trials is one trial, not none."""
    return math.ceil(share * len(ranked))


def _trace(
    name: str, group: Sequence[tuple[Row, float]], axes: Sequence[Axis], line: dict[str, Any], opacity: float
) -> dict[str, Any]:
    xs: list[float | None] = []
    ys: list[float | None] = []
    texts: list[str | None] = []
    for row, value in group:
        values = [*(row.trial.parameters.get(axis.name) for axis in axes[:-1]), value]
        places = [axis.place(item) for axis, item in zip(axes, values, strict=True)]
        xs += [*map(float, range(len(axes))), None]
        ys += [*places, None]
        told = [f"{plain(axis.name)} = {plain(str(item)[:60])}" for axis, item in zip(axes, values, strict=True)]
        texts += [*[f"<b>#{row.number} {plain(row.trial.name)}</b><br>{'<br>'.join(told)}"] * len(axes), None]
    return {
        "type": "scatter", "mode": "lines+markers", "name": name, "x": xs, "y": ys, "text": texts, "line": line,
        "marker": {"size": 4, "color": line["color"]}, "opacity": opacity, "hovertemplate": "%{text}<extra></extra>",
        "connectgaps": False,
    }  # fmt: skip


def _layout(axes: Sequence[Axis]) -> dict[str, Any]:
    last = len(axes) - 1
    lines = [
        {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "layer": "below", "line": {"color": INK, "width": 1}}
        for at in range(len(axes))
    ]
    ticks = [
        {
            "x": at, "y": place, "text": plain(cut(text)), "showarrow": False, "xanchor": "right", "xshift": -5,
            "font": {"size": 11, "color": INK}, "bgcolor": "rgba(255,255,255,0.75)", "borderpad": 1,
        }
        for at, axis in enumerate(axes)
        for place, text in axis.ticks
    ]  # fmt: skip
    names = [f"<b>{plain(axis.name)}</b>{'<br>(log)' if axis.log else ''}" for axis in axes]
    return {
        "xaxis": {
            "tickvals": list(range(len(axes))), "ticktext": names, "range": [-0.35, last + 0.12], "showgrid": False,
            "fixedrange": True, "ticks": "", "showline": False,
        },
        "yaxis": {"visible": False, "range": [-0.05, 1.05], "fixedrange": True},
        "shapes": lines,
        "margin": {"l": 24 + 7 * max(len(cut(text)) for _, text in axes[0].ticks), "r": 24, "t": 16, "b": 48},
        "annotations": ticks,
        "legend": {"orientation": "h", "y": 1.12, "x": 0, "traceorder": "reversed"},
        "hovermode": "closest",
    }  # fmt: skip
