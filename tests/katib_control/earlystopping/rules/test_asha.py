"""Rungs, and who goes on at them."""

from __future__ import annotations

import pytest

from katib_control.earlystopping.rules.asha import is_rung
from racing import Race, owner_of


def race(direction: str = "maximize", **settings: int) -> Race:
    return Race(owner_of("asha", direction, **settings).build())


@pytest.mark.parametrize(
    ("first", "eta", "rungs"),
    [
        pytest.param(1, 3, [1, 3, 9, 27, 81], id="powers of eta"),
        pytest.param(4, 3, [4, 12, 36], id="from another minimum"),
        pytest.param(5, 2, [5, 10, 20, 40, 80], id="that is no power"),
        pytest.param(9, 3, [9, 27, 81], id="that is a power itself"),
    ],
)
def test_rungs(first: int, eta: int, rungs: list[int]) -> None:
    assert [step for step in range(1, 100) if is_rung(step, first, eta)] == rungs


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_at_a_rung_the_best_third_of_all_so_far_goes_on(direction: str) -> None:
    sign = 1 if direction == "maximize" else -1
    made = race(direction, start_step=1, eta=3)
    stopped = [bool(made.report(made.start(), sign * value)) for value in (5, 4, 6, 5.5, 5, 6, 5.9, 5.95, 5.99)]
    # Of 1, 2 and 3 the best one goes on, also of 4 and 5; of 6 to 8 the best two (6 and 6); of 9 the best three.
    assert stopped == [False, True, False, True, True, False, True, True, False]


def test_the_message_has_the_figures() -> None:
    made = race(start_step=2, eta=2)
    for value in (0.61, 0.7, 0.65):
        made.report(made.start(), 0.0, value)
    told = made.report(made.start(), 0.9, 0.42)
    assert told == "asha: accuracy 0.42 at step 2 is below 0.65: of 4 trials at this rung the best 2 go on"


def test_between_rungs_nothing_is_stopped() -> None:
    made = race(start_step=2, eta=3)
    made.report(made.start(), *[0.9] * 5)
    place = made.start()
    assert made.report(place, 0.1, 0.95, 0.1, 0.1, 0.1) == "", "steps 1, 3, 4 and 5 are no rungs"
    assert made.report(place, 0.1) == "", "step 6 is one, but nobody else has been there"


def test_the_last_step_is_no_rung() -> None:
    made = race(start_step=1, eta=3, max_step=9)
    good = made.start()
    made.report(good, *[0.9] * 9)
    assert made.report(made.start(), *[0.9] * 8, 0.0) == ""


@pytest.mark.parametrize("kind", ["Succeeded", "EarlyStopped", "Failed", "Killed", "Running"])
def test_a_value_recorded_at_the_rung_counts_whatever_became_of_the_trial(kind: str) -> None:
    made = race(start_step=1, eta=3)
    place = made.start()
    made.write(place, 0.9)
    if kind != "Running":
        made.end(place, kind)
    assert made.report(made.start(), 0.1) != ""


def test_only_what_was_recorded_before_counts() -> None:
    made = race(start_step=1, eta=3)
    first, second = made.start(), made.start()
    made.write(first, 0.5)
    made.write(second, 0.9)
    assert made.judge(first) == "", "when it came to the rung it was alone"
    assert made.judge(second) == ""
    made.restart()
    assert made.judge(first) == ""
