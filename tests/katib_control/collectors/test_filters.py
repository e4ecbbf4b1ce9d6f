"""Filters of the Experiment: those that cannot be used are named, and none can hold up the collector."""

from __future__ import annotations

import time

import pytest

from katib_control.collectors import filters
from katib_control.collectors.errors import FilterError
from katib_control.collectors.filters import custom_filter, default_filter, nearly


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("(loss", r"filter '\(loss' does not compile: missing \)", id="a bracket that stays open"),
        pytest.param(r"(\w+)=\d+", "needs two groups: the name and the value", id="one group"),
    ],
)
def test_a_filter_that_cannot_be_used_is_named(text: str, told: str) -> None:
    with pytest.raises(FilterError, match=told):
        custom_filter([r"(\w+) (\d+)", text])


def test_a_filter_that_runs_away_costs_a_bounded_time_and_is_then_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "LINE_SECONDS", 0.02)
    find = custom_filter([r"(x+x+)+y(z)"])
    start = time.perf_counter()
    for _ in range(filters.PATIENCE):
        assert list(find("x" * 5000)) == []
    with pytest.raises(FilterError, match="on each of 6 lines; write it without repeats inside repeats"):
        list(find("x" * 5000))
    assert time.perf_counter() - start < 5


def test_other_filters_still_find_in_a_line_that_one_runs_away_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "LINE_SECONDS", 0.02)
    find = custom_filter([r"(x+x+)+y(z)", r"(loss)=(\d)"])
    assert list(find("x" * 5000 + " loss=1")) == [("loss", "1")]


def test_the_longest_wanted_name_is_taken() -> None:
    assert list(default_filter(["a.b", "a.b.c"])("a.b.c=1")) == [("a.b.c", "1")]


def test_signs_of_regular_expressions_in_a_wanted_name_mean_themselves() -> None:
    find = default_filter(["f1(macro)", "a.b"])
    assert list(find("f1(macro)=1 axb=2")) == [("f1(macro)", "1"), ("axb", "2")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("loss: 0.5", ["loss"], id="a colon"),
        pytest.param('{"loss": 0.5, "acc": "1"}', ["loss", "acc"], id="JSON"),
        pytest.param("val/loss : nan", ["val/loss"], id="not a number"),
        pytest.param("12:30:00 done", [], id="a time of day"),
        pytest.param("note: done", [], id="a word after the colon"),
    ],
)
def test_near_misses(line: str, expected: list[str]) -> None:
    assert nearly(line) == expected
