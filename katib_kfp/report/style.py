"""Colours and layout that all figures share. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Figure = dict[str, Any]

INK, GRID = "#1f2933", "#e4e7eb"
POINT, BEST, FAILED, GOAL = "#2b6cb0", "#dd6b20", "#c53030", "#2f855a"
SCALE = [[0, "#bcd7f0"], [0.5, "#4a90d9"], [1, "#173f73"]]
"""From early to late trials."""

_AXIS = {
    "gridcolor": GRID,
    "linecolor": "#9aa5b1",
    "zeroline": False,
    "automargin": True,
    "ticks": "outside",
    "exponentformat": "e",
}


def figure(data: Sequence[dict[str, Any]], layout: dict[str, Any]) -> Figure:
    """Return a figure in the house's style; what ``layout`` says of an axis is added to it."""
    axes = {name: {**_AXIS, **value} for name, value in layout.items() if name in ("xaxis", "yaxis")}
    base = {
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "font": {"family": "system-ui, -apple-system, Segoe UI, Roboto, sans-serif", "size": 13, "color": INK},
        "margin": {"l": 64, "r": 16, "t": 16, "b": 48},
    }
    return {"data": list(data), "layout": {**base, **layout, **axes}}


def plain(text: str) -> str:
    """Return the text so that plotly, which knows some HTML, shows it as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
