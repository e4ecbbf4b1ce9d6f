"""The search distribution: coordinates of points, and what it learns from a generation."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import experiment
from katib_control.suggestion.models.evolution import Axes, Coordinates, Distribution
from katib_control.suggestion.space import Point, SearchSpace, search_space
from searching import parameters, with_parameters


def space(built: object) -> SearchSpace:
    return search_space(built.build().spec.parameters)  # type: ignore[attr-defined]  # a builder


MIXED = space(
    experiment().double("x", 0, 1).categorical("c", "a", "b", "d").int("n", 1, 9).discrete("two", 1, 2).int("one", 4, 4)
)


@settings(deadline=None, max_examples=60)
@given(parameters(), st.data())
def test_a_points_coordinates_give_the_point_again(given_parameters: list[dict], data: st.DataObject) -> None:
    tested = space(with_parameters(given_parameters))
    axes = Axes(tested)
    point = tested.point([data.draw(st.floats(0, 1)) for _ in tested.dimensions])
    found = axes.read(point)
    again = axes.point(found.numbers, found.categories)
    for item, one, other in zip(tested.dimensions, point, again, strict=True):
        if item.size is None:
            assert item.to_unit(other) == pytest.approx(item.to_unit(one), abs=1e-9)
        else:
            assert one == other


@settings(deadline=None)
@given(st.floats(-50, 50), st.floats(-50, 50))
def test_numbers_outside_the_space_come_back_inside(x: float, n: float) -> None:
    value = Axes(MIXED).point([x, n], [0, 0])
    assert 0 <= float(value[0]) <= 1
    assert value[2] in {str(number) for number in range(1, 10)}


def test_mirrored_at_the_bounds_is_as_far_inside_as_it_was_outside() -> None:
    axes = Axes(MIXED)
    assert [float(axes.point([x, 0.5], [0, 0])[0]) for x in (-0.25, 1.25, 2.25)] == pytest.approx([0.25, 0.75, 0.25])


def sampled(distribution: Distribution, count: int = 300) -> list[Point]:
    return [distribution.sample(seed) for seed in range(count)]


def test_it_begins_around_what_it_is_given() -> None:
    around = [(0.75, Coordinates((0.2, 0.5), (1, 0))), (0.25, Coordinates((0.4, 0.5), (1, 0)))]
    points = sampled(Distribution(Axes(MIXED), 6, 0.02, around))
    assert sum(float(point[0]) for point in points) / len(points) == pytest.approx(0.25, abs=0.01)
    counts = Counter(point[1] for point in points)
    assert counts["b"] / len(points) == pytest.approx(1 / 6 + 0.5, abs=0.08)
    assert set(counts) == {"a", "b", "d"}, "no category is out of reach"


def test_it_moves_and_turns_to_where_the_best_are() -> None:
    axes = Axes(MIXED)
    distribution = Distribution(axes, 10, 1 / 6, [])
    for generation in range(40):
        points = [distribution.sample(100 * generation + number) for number in range(10)]
        ranked = sorted(points, key=lambda item: abs(float(item[0]) - 0.8) + abs(int(item[2]) - 8) + (item[1] != "d"))
        distribution.tell([axes.read(point) for point in ranked])
    points = sampled(distribution, 100)
    assert all(abs(float(point[0]) - 0.8) < 0.1 for point in points)
    assert Counter(point[1] for point in points).most_common(1)[0][0] == "d"
    assert Counter(point[2] for point in points).most_common(1)[0][0] == "8"
    assert distribution.width < 0.05


def test_a_wider_spread_reaches_what_is_further_away() -> None:
    distribution = Distribution(Axes(MIXED), 6, 0.01, [(1.0, Coordinates((0.5, 0.5), (0, 0)))])
    near, far = ([float(distribution.sample(seed, spread)[0]) for seed in range(100)] for spread in (1.0, 20.0))
    assert max(near) - min(near) < 0.2 < max(far) - min(far)


def test_a_far_point_does_not_throw_it_off() -> None:
    axes = Axes(MIXED)
    distribution = Distribution(axes, 6, 0.001, [(1.0, Coordinates((0.1, 0.5), (0, 0)))])
    near = [axes.read(distribution.sample(seed)) for seed in range(5)]
    distribution.tell([Coordinates((0.9, 0.5), (0, 0)), *near])
    assert distribution.width < 0.05


def test_a_copy_learns_apart() -> None:
    axes = Axes(MIXED)
    one = Distribution(axes, 6, 0.1, [])
    other = one.copy()
    before = sampled(one, 5)
    other.tell([axes.read(point) for point in sampled(other, 6)])
    assert sampled(one, 5) == before != sampled(other, 5)
