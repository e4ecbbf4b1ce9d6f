"""Points that are not there yet."""

from __future__ import annotations

import random

from builders import experiment
from katib_control.suggestion.distinct import ENUMERABLE, any_free, draw, free
from katib_control.suggestion.space import search_space

SPACE = search_space(experiment().int("n", 1, 4).build().spec.parameters)
ALL = {("1",), ("2",), ("3",), ("4",)}


def test_a_point_is_drawn_from_the_space() -> None:
    assert {draw(SPACE, random.Random(seed)) for seed in range(50)} == ALL


def test_the_first_free_proposal_is_taken() -> None:
    proposals = iter([("1",), ("2",), ("3",)])
    assert free(SPACE, lambda: next(proposals), {("1",)}, attempts=3) == ("2",)


def test_proposals_that_are_all_taken_give_none() -> None:
    assert free(SPACE, lambda: ("1",), {("1",)}, attempts=3) is None


def test_the_last_free_point_of_a_small_space_is_found() -> None:
    assert any_free(SPACE, random.Random(0), ALL - {("3",)}) == ("3",)


def test_a_full_space_has_no_free_point() -> None:
    assert any_free(SPACE, random.Random(0), ALL) is None


def test_a_large_space_is_not_searched_through() -> None:
    large = search_space(experiment().int("n", 0, ENUMERABLE).build().spec.parameters)
    assert any_free(large, random.Random(0), set()) is None
