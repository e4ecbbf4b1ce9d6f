"""What the figures are made of."""

from __future__ import annotations

import math

import pytest

from benchmarks.search import report
from benchmarks.search.loop import Plan
from benchmarks.search.run import Cell, read
from katib_control.suggestion.registry import ALGORITHMS


def test_every_algorithm_is_measured_or_left_out_with_a_reason() -> None:
    measured = {read(name)[0] for name in report.contenders()}
    assert measured | set(report.LEFT_OUT) >= set(ALGORITHMS)
    assert not measured & set(report.LEFT_OUT)
    assert set(report.GOALS) <= set(report.contenders())


def test_figures_stand_beside_their_goals_and_failures_are_told() -> None:
    cells = {
        "sequential": {("levy4", "tpe"): Cell([0.2, 0.4]), ("mixed7", "tpe"): Cell([0.5])},
        "batch_of_4": {("levy4", "tpe"): Cell([0.4]), ("mixed7", "tpe"): Cell(errors=["ValueError: no"])},
    }
    assert report._figures(cells, "tpe", report.GOALS) == {
        "sequential": 0.4, "sequential_goal": 0.42, "sequential_by_problem": {"levy4": 0.3, "mixed7": 0.5},
        "batch_of_4": None, "batch_of_4_goal": 0.45, "batch_of_4_by_problem": {"levy4": 0.4, "mixed7": None},
        "batch_of_4_errors": ["ValueError: no"],
    }  # fmt: skip
    assert math.isnan(Cell([0.1]).error)


@pytest.mark.slow
def test_a_comparison_end_to_end(monkeypatch) -> None:
    monkeypatch.setattr(report, "HELD_OUT", report.HELD_OUT[:2])
    monkeypatch.setattr(report, "contenders", lambda: ["random", "sobol"])
    figures = report.measure(quick=True)
    assert figures["left_out"] == report.LEFT_OUT
    for name in ("random", "sobol"):
        for mode in ("sequential", "batch_of_4"):
            assert 0 <= figures[name][mode] < 10
            assert len(figures[name][f"{mode}_by_problem"]) == 2
    assert Plan().budget == 60
