"""The search for the highest score: it gets there on every kind of parameter, and stays on accepted points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import experiment
from katib_control.suggestion.models.acquisition import Coordinates, Hunt, Matrix
from katib_control.suggestion.space import SearchSpace, search_space
from searching import parameters, with_parameters


def space_of(built: Any) -> SearchSpace:
    return search_space(built.build().spec.parameters)


def mixed() -> SearchSpace:
    built = experiment().double("x", 0, 1).double("y", "1e-5", 1, None, "logUniform").int("n", 0, 300)
    return space_of(built.categorical("c", "a", "b", "c").double("z", 0, 10, "0.5"))


def hunt(space: SearchSpace, *, accept: Any = lambda _: True, climb: bool = False, seed: int = 0) -> Hunt:
    coordinates = Coordinates(space)
    rng = np.random.default_rng(seed)
    return Hunt(coordinates, accept, coordinates.draw(3, rng), rng, climb=climb)


def near(target: list[float]) -> Any:
    return lambda rows: -((rows - np.array(target)) ** 2).sum(axis=1)


@settings(max_examples=40, deadline=None)
@given(given_parameters=parameters(), scale=st.sampled_from([0.001, 0.1, 3.0]))
def test_drawn_and_moved_rows_are_points_that_have_these_rows(given_parameters: list, scale: float) -> None:
    space = space_of(with_parameters(given_parameters))
    coordinates = Coordinates(space)
    rng = np.random.default_rng(1)
    drawn = coordinates.draw(20, rng)
    moved = coordinates.moved(drawn, scale, rng)
    for rows in (drawn, moved):
        assert ((rows >= 0) & (rows <= 1)).all()
        again = coordinates.rows([coordinates.point(row) for row in rows])
        for place, dimension in enumerate(space.dimensions):
            assert again[:, place] == pytest.approx(rows[:, place], abs=1e-12 if dimension.size else 1e-6)


def test_every_move_changes_the_point() -> None:
    coordinates = Coordinates(mixed())
    rng = np.random.default_rng(1)
    rows = coordinates.draw(200, rng)
    assert (coordinates.moved(rows, 1e-4, rng) != rows).any(axis=1).all()


@pytest.mark.parametrize("climb", [False, True])
def test_the_highest_score_is_found(climb: bool) -> None:
    target = [0.123, 0.9, 0.3, 0.5, 0.75]
    found = hunt(mixed(), climb=climb).best(near(target))
    assert found is not None
    assert found[0] == pytest.approx(target, abs=0.03)


def test_climbing_ends_nearer_to_a_smooth_maximum() -> None:
    space = space_of(experiment().double("a", 0, 1).double("b", 0, 1).double("c", 0, 1).double("d", 0, 1))
    target = [0.2, 0.9, 0.4, 0.6]
    rough, fine = (hunt(space, climb=climb).best(near(target)) for climb in (False, True))
    assert rough is not None
    assert fine is not None
    assert np.abs(fine[0] - target).max() < 1e-4 < np.abs(rough[0] - target).max()


def test_only_accepted_points_are_returned() -> None:
    found = hunt(mixed(), accept=lambda point: float(point[0]) > 0.5).best(near([0.1, 0.5, 0.5, 0.5, 0.5]))
    assert found is not None
    assert 0.5 < found[0][0] < 0.55


def test_where_nothing_is_accepted_nothing_is_found() -> None:
    assert hunt(mixed(), accept=lambda _: False).best(near([0.5] * 5)) is None


def test_a_small_space_is_looked_through_completely() -> None:
    space = space_of(experiment().int("n", 0, 40).categorical("c", "a", "b", "c"))
    scores: list[int] = []

    def score(rows: Matrix) -> Matrix:
        scores.append(len(rows))
        return rows[:, 0]

    taken = {("40", "a"), ("40", "b")}
    found = hunt(space, accept=lambda point: point not in taken).best(score)
    assert scores == [123]
    assert found is not None
    assert Coordinates(space).point(found[0]) == ("40", "c")


def test_the_same_numbers_find_the_same_row() -> None:
    one, again, other = (hunt(mixed(), seed=seed).best(near([0.3] * 5)) for seed in (1, 1, 2))
    assert one is not None
    assert (one == again).all()
    assert (one != other).any()
