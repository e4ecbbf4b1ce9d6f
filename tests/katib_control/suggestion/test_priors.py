"""Distributions over bounds: inverses of each other, and of the shape that Katib documents."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from katib_control.suggestion.priors import prior

BOUNDS = {"uniform": (-2.0, 6.0), "logUniform": (1e-4, 10.0), "normal": (-2.0, 6.0), "logNormal": (1e-4, 10.0)}


@pytest.mark.parametrize("name", BOUNDS)
@settings(deadline=None)
@given(unit=st.floats(0, 1))
def test_the_share_below_a_value_leads_back_to_the_value(name: str, unit: float) -> None:
    shape = prior(name, *BOUNDS[name])
    assert shape.unit(shape.value(unit)) == pytest.approx(unit, abs=1e-9)


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("unit", [0.0, 1e-300, 1e-17, 0.5, 1 - 1e-16, 1.0])
def test_no_value_leaves_the_bounds(name: str, unit: float) -> None:
    low, high = BOUNDS[name]
    assert low <= prior(name, low, high).value(unit) <= high


@pytest.mark.parametrize("name", BOUNDS)
def test_the_bounds_are_the_values_of_0_and_1(name: str) -> None:
    low, high = BOUNDS[name]
    shape = prior(name, low, high)
    assert (shape.value(0.0), shape.value(1.0)) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize("unit", [0.01, 0.2, 0.5, 0.77, 0.99])
def test_a_normal_distribution_has_its_mean_in_the_middle_and_its_bounds_at_three_sigmas(unit: float) -> None:
    expected = stats.truncnorm(-3, 3, loc=2.0, scale=8.0 / 6).ppf(unit)
    assert prior("normal", -2.0, 6.0).value(unit) == pytest.approx(expected)


@pytest.mark.parametrize("unit", [0.01, 0.2, 0.5, 0.77, 0.99])
def test_a_log_normal_distribution_is_normal_in_the_logarithm(unit: float) -> None:
    low, high = math.log(1e-4), math.log(10.0)
    expected = stats.truncnorm(-3, 3, loc=(low + high) / 2, scale=(high - low) / 6).ppf(unit)
    assert prior("logNormal", 1e-4, 10.0).value(unit) == pytest.approx(math.exp(expected))


def test_bounds_at_the_ends_of_the_doubles_do_not_overflow() -> None:
    shape = prior("uniform", -1.7e308, 1.7e308)
    assert shape.value(0.5) == 0.0
    assert shape.unit(0.0) == 0.5


@pytest.mark.parametrize("name", BOUNDS)
def test_with_a_step_the_outer_cells_are_whole_cells(name: str) -> None:
    shape = prior(name, 1.0, 5.0, 1.0)
    shares = [shape.unit(edge) for edge in (1.5, 2.5, 3.5, 4.5)]
    assert 0 < shares[0] < shares[1] < shares[2] < shares[3] < 1


def test_uniform_cells_are_all_alike() -> None:
    shape = prior("uniform", 1.0, 5.0, 1.0)
    assert [shape.unit(edge) for edge in (1.5, 2.5, 3.5, 4.5)] == pytest.approx([0.2, 0.4, 0.6, 0.8])
