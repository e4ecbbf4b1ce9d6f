"""What a surrogate is shown: losses on a scale that outliers cannot stretch, and a bounded part of a long history."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import experiment
from katib_control.api.experiment import ObjectiveSpec
from katib_control.suggestion.algorithm import Request
from katib_control.suggestion.history import History
from katib_control.suggestion.models.evidence import Evidence, evidence, standardized
from katib_control.suggestion.space import search_space
from searching import Search

losses = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40)


def seen(search: Search, most: int) -> Evidence:
    spec = search.owner.spec
    space = search_space(spec.parameters)
    history = History(space, spec.objective or ObjectiveSpec())
    history.update(search.trials, ())
    request = Request(space=space, settings={}, spec=spec, seed="s", index=0, count=1, history=lambda: history)
    return evidence(request, history, most)


def searched(count: int) -> Search:
    one = Search(experiment().double("x", 0, 1).algorithm("random", random_state=1).build())
    one.tune(lambda values: float(values["x"]), count)
    return one


@given(losses)
def test_standardized_losses_keep_their_order_and_stay_small(given_losses: list[float]) -> None:
    found = standardized(given_losses)
    ranked = [value for _, value in sorted(zip(given_losses, found, strict=True))]
    assert all(math.isfinite(value) for value in found)
    assert all(one <= other + 1e-9 for one, other in pairwise(ranked))
    assert all(abs(value) <= math.sqrt(len(found)) + 1e-9 for value in found)


@pytest.mark.parametrize("worst", [10.0, 1e6, 1e300, 1.7e308])
def test_one_loss_out_of_all_proportion_leaves_the_others_apart(worst: float) -> None:
    found = standardized([1.0, 2.0, 3.0, 4.0, worst])
    assert fmean(found) == pytest.approx(0)
    assert pstdev(found) == pytest.approx(1)
    assert found[1] - found[0] > 0.3


def test_losses_that_are_all_the_same_tell_nothing() -> None:
    assert standardized([7.0] * 3) == [0.0] * 3
    assert standardized([]) == []


def test_losses_most_of_which_are_the_best_are_told_apart_from_the_rest() -> None:
    found = standardized([1.0, 1.0, 1.0, 2.0])
    assert found[0] == found[1] == found[2] < found[3]


def test_a_short_history_is_shown_whole_and_in_order() -> None:
    one = searched(12)
    assert [float(point[0]) for point in seen(one, 12).points] == [float(point["x"]) for point in one.points]


def test_of_a_long_history_the_best_and_the_latest_are_shown() -> None:
    one = searched(200)
    values = [float(point["x"]) for point in one.points]
    shown = [float(point[0]) for point in seen(one, 40).points]
    assert len(shown) == 40
    assert set(sorted(values)[:20]) <= set(shown)
    assert set(values[-10:]) <= set(shown)
    assert max(shown) > 0.8


def test_failed_and_running_points_are_shown_apart() -> None:
    one = searched(3)
    one.tune(lambda _: None, 5)
    one.run(one.name(one.ask(2)))
    found = seen(one, 10)
    points = [(point["x"],) for point in one.points]
    assert (found.points, found.failed, found.running) == (points[:3], points[3:5], points[5:])
