"""The arithmetic of Hyperband's brackets, compared with the paper's table and with its formulas in exact numbers."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_control.suggestion.schedules.brackets import MOST_RUNGS, Brackets, Endless, ladder


def sizes_and_budgets(top: float, eta: float, bracket: int) -> list[tuple[int, float]]:
    steps = ladder(top, eta)
    return [(rung.size, float(steps.budget(rung.level))) for rung in Brackets(steps).rungs(bracket)]


@pytest.mark.parametrize(
    ("top", "eta", "s_max"),
    [
        (1, 3, 0), (2, 3, 0), (3, 3, 1), (9, 3, 2), (81, 3, 4), (243, 3, 5), (242.99, 3, 4), (3**20, 3, 20),
        (1000, 10, 3), (999.9, 10, 2), (5**12, 5, 12), (2, 2, 1), (0.5, 3, 0), (27, 2.5, 3), (1.21, 1.1, 2),
    ],
)  # fmt: skip
def test_s_max_is_exact_where_a_logarithm_of_doubles_is_not(top: float, eta: float, s_max: int) -> None:
    assert ladder(top, eta).s_max == s_max


def test_81_by_3_are_the_five_brackets_of_the_paper() -> None:
    assert [sizes_and_budgets(81, 3, bracket) for bracket in range(5)] == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ]


def test_243_by_3_are_six_brackets() -> None:
    assert [sizes_and_budgets(243, 3, bracket) for bracket in range(6)] == [
        [(243, 1), (81, 3), (27, 9), (9, 27), (3, 81), (1, 243)],
        [(98, 3), (32, 9), (10, 27), (3, 81), (1, 243)],
        [(41, 9), (13, 27), (4, 81), (1, 243)],
        [(18, 27), (6, 81), (2, 243)],
        [(9, 81), (3, 243)],
        [(6, 243)],
    ]


def test_after_the_last_bracket_comes_the_first_again() -> None:
    brackets = Brackets(ladder(9, 3))
    assert [brackets.s(bracket) for bracket in range(7)] == [2, 1, 0, 2, 1, 0, 2]
    assert brackets.rungs(4) == brackets.rungs(1)
    assert brackets.trials == (9 + 3 + 1) + (5 + 1) + 3


def test_the_lowest_budget_is_not_below_the_least_one_wanted() -> None:
    assert [float(ladder(1, 3, 0.1).budget(level)) for level in range(3)] == [1 / 9, 1 / 3, 1.0]
    assert ladder(81, 3, 9).s_max == 2
    assert ladder(81, 3, 9.01).s_max == 1
    assert ladder(5, 3, 7).s_max == 0


def test_a_ladder_of_an_eta_next_to_1_ends_somewhere() -> None:
    assert ladder(1e9, 1.0000001).rungs == MOST_RUNGS + 1


@given(top=st.integers(1, 10**6), eta=st.integers(6, 36).map(lambda quarters: Fraction(quarters, 4)))
def test_sizes_and_budgets_are_those_of_the_formulas(top: int, eta: Fraction) -> None:
    steps = ladder(float(top), float(eta))
    s_max = steps.s_max
    assert eta**s_max <= top < eta ** (s_max + 1)
    for bracket in range(s_max + 1):
        s = s_max - bracket
        first = math.ceil((s_max + 1) * eta**s / Fraction(s + 1))
        for i, rung in enumerate(Brackets(steps).rungs(bracket)):
            assert rung.size == math.floor(first / eta**i) >= 1
            assert steps.budget(rung.level) == Fraction(top) * eta ** (i - s)


def test_brackets_that_start_at_a_level_are_one_in_each_iteration() -> None:
    brackets = Brackets(ladder(9, 3))
    for level in range(3):
        found = list(islice(brackets.starting_at(level), 3))
        assert found == [level, level + 3, level + 6]
        assert {brackets.rungs(bracket)[0].level for bracket in found} == {level}


def test_an_endless_bracket_has_a_rung_for_each_budget_and_starts_at_the_lowest() -> None:
    shape = Endless(ladder(9, 3))
    assert [rung.level for rung in shape.rungs(0)] == [0, 1, 2]
    assert shape.rungs(1) == ()
    assert list(shape.starting_at(0)) == [0]
    assert not list(shape.starting_at(1))
