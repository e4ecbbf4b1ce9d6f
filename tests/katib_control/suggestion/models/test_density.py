"""Kernel densities, compared with their formulas computed point by point."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from katib_control.api.experiment import FeasibleSpace, ParameterSpec
from katib_control.suggestion.models.density import Kernels, categories, kernels, most_promising
from katib_control.suggestion.space import SearchSpace, search_space


@pytest.fixture
def space() -> SearchSpace:
    number = FeasibleSpace(min="0", max="1")
    listed = FeasibleSpace(choices=["a", "b", "c"])
    return search_space([
        ParameterSpec(name="x", parameter_type="double", feasible_space=number),
        ParameterSpec(name="c", parameter_type="categorical", feasible_space=listed),
    ])  # fmt: skip


def slow(found: Kernels, row: list[float]) -> float:
    """The density of one row: the mean over the kernels of the product over the parameters."""
    total = 0.0
    for centre, widths in zip(found.centres, found.widths, strict=True):
        part = 1.0
        for at, middle, width, size in zip(row, centre, widths, found.sizes, strict=True):
            if size == 0:
                part *= math.exp(-0.5 * ((at - middle) / width) ** 2) / width
            else:
                part *= 1 - width if math.isclose(at, middle) else width / (size - 1)
        total += part
    return total / len(found.centres)


def test_only_categories_are_counted(space: SearchSpace) -> None:
    assert categories(space) == [0, 3]


def test_the_density_is_the_mean_of_products_of_kernels() -> None:
    found = kernels([[0.1, 1 / 6], [0.5, 0.5], [0.9, 0.5]], [0, 3])
    rows = [[0.2, 1 / 6], [0.2, 5 / 6], [0.7, 0.5], [1.0, 0.5]]
    expected = [math.log(slow(found, row)) for row in rows]
    assert found.log_density(np.array(rows)) == pytest.approx(expected)


def test_far_away_the_density_is_small_but_a_number() -> None:
    found = kernels([[0.01]] * 200, [0])
    assert np.isfinite(found.log_density(np.array([[1.0]]))).all()


def test_widths_follow_the_normal_reference_rule_and_have_a_floor() -> None:
    points = [[0.0, 0.5], [1.0, 0.5], [0.0, 0.5], [1.0, 0.5]]
    found = kernels(points, [0, 0])
    assert found.widths[0, 0] == pytest.approx(1.06 * 0.5 * 4 ** (-1 / 6))
    assert found.widths[0, 1] == pytest.approx(1 / 5)
    assert found.widths[-1].tolist() == [1.0, 1.0], "the last kernel covers everything"


def test_a_category_has_the_share_it_was_seen_with_and_a_little_of_every_other() -> None:
    found = kernels([[1 / 6]] * 3, [3])
    shares = np.exp(found.log_density(np.array([[1 / 6], [3 / 6], [5 / 6]])))
    assert shares.sum() == pytest.approx(1)
    # Three observations, each spread like 3 to 1 with an even one, and the kernel that covers everything.
    assert shares[1] == pytest.approx((3 * (1 / 4) / 3 + 1 / 3) / 4)


def test_draws_stay_inside_and_are_about_the_centres() -> None:
    found = kernels([[0.02, 0.9]] * 50, [0, 0])
    rows = found.draw(2000, 1.0, np.random.default_rng(1))
    assert ((rows >= 0) & (rows <= 1)).all()
    assert abs(np.median(rows[:, 1]) - 0.9) < 0.02
    assert rows[:, 1].min() < 0.5, "some come from the kernel that covers everything"


def test_a_wider_factor_draws_more_categories_that_were_not_seen() -> None:
    found = kernels([[1 / 8]] * 20, [4])

    def others(factor: float) -> int:
        counted = Counter(found.draw(4000, factor, np.random.default_rng(1))[:, 0].round(3).tolist())
        assert set(counted) == {0.125, 0.375, 0.625, 0.875}
        return 4000 - counted[0.125]

    assert 100 < others(1) < 0.6 * others(3)


def test_one_category_alone_is_always_drawn() -> None:
    found = kernels([[0.5, 0.2], [0.5, 0.4]], [1, 0])
    assert (found.draw(50, 3.0, np.random.default_rng(1))[:, 0] == 0.5).all()
    assert np.isfinite(found.log_density(np.array([[0.5, 0.3]]))).all()


def test_the_most_promising_point_is_where_good_ones_are_and_bad_ones_are_not(space: SearchSpace) -> None:
    sizes = categories(space)
    good = kernels([[0.2, 1 / 6], [0.25, 1 / 6], [0.8, 0.5], [0.85, 0.5]] * 3, sizes)
    bad = kernels([[0.2, 1 / 6], [0.25, 1 / 6], [0.3, 5 / 6]] * 5, sizes)
    found = list(most_promising(space, good, bad, samples=64, factor=3.0, rng=np.random.default_rng(1)))
    assert len(found) == 64
    x, category = found[0]
    assert float(x) > 0.6
    assert category == "b"
