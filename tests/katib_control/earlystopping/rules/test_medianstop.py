"""The median of running averages at the same step."""

from __future__ import annotations

import pytest

from racing import Race, owner_of, ramp


def race(direction: str = "maximize", **settings: int) -> Race:
    return Race(owner_of("medianstop", direction, **settings).build())


def test_a_trial_below_the_median_is_stopped_with_the_figures_in_the_message() -> None:
    made = race(min_trials_required=3, start_step=4)
    for top in (0.3, 0.9, 0.6):
        made.run(*[top] * 6)
    place = made.start()
    assert made.report(place, 0.1, 0.2, 0.2) == ""
    told = made.report(place, 0.42)
    assert told == "medianstop: best accuracy 0.42 at step 4 is below the median 0.6 of 3 trials"


def test_it_is_the_median_and_not_the_mean() -> None:
    """Katib compares with the arithmetic mean: one outlier would stop every trial."""
    made = race(min_trials_required=3, start_step=1)
    for value in (0.1, 0.2, 60.0):
        made.run(value)
    assert made.report(made.start(), 0.21) == ""
    assert "median 0.2 of 3" in made.report(made.start(), 0.19)


def test_an_even_number_of_trials_has_the_mean_of_the_middle_two() -> None:
    made = race("minimize", min_trials_required=4, start_step=1)
    for value in (4.0, 3.0, 2.0, 1.0):
        made.run(value)
    assert made.report(made.start(), 2.5) == ""
    assert "best accuracy 2.6 at step 1 is above the median 2.5 of 4 trials" in made.report(made.start(), 2.6)


def test_others_count_with_the_average_until_the_step_and_the_trial_with_its_best() -> None:
    made = race(min_trials_required=1, start_step=2)
    made.run(0.0, 0.2, 0.7)
    assert made.report(made.start(), 0.09, 0.1) == "", "the average of 0 and 0.2 is 0.1, the best is 0.1: as good"
    assert "step 3" in made.report(made.start(), 0.29, 0.0, 0.1), "0.29 is worse than (0 + 0.2 + 0.7) / 3"


def test_a_lucky_early_value_saves_a_trial_that_has_become_bad() -> None:
    made = race("minimize", min_trials_required=1, start_step=1)
    made.run(*[1.0] * 5)
    assert made.report(made.start(), 0.5, 9.0, 9.0, 9.0, 9.0) == ""


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        pytest.param(["Succeeded"] * 3, True, id="succeeded trials count"),
        pytest.param(["Succeeded", "Succeeded", "EarlyStopped"], True, id="one stopped early counts as far as it got"),
        pytest.param(["Succeeded", "Succeeded", "Failed"], False, id="a failed one does not"),
        pytest.param(["Succeeded", "Succeeded", "Killed"], False, id="a killed one does not"),
        pytest.param(["Succeeded", "Succeeded", "MetricsUnavailable"], False, id="one without metrics does not"),
    ],
)
def test_which_trials_count(ended: list[str], expected: bool) -> None:
    made = race(min_trials_required=3, start_step=1)
    for kind in ended:
        place = made.start()
        made.write(place, 0.5)
        made.end(place, kind)
    assert bool(made.report(made.start(), 0.1)) == expected


def test_curves_that_do_not_reach_the_step_do_not_count() -> None:
    made = race(min_trials_required=2, start_step=1)
    made.run(0.5, 0.5, 0.5)
    made.run(0.5)
    assert made.report(made.start(), 0.6, 0.1) == "", "only one trial has reported step 2"


def test_running_trials_do_not_count() -> None:
    made = race(min_trials_required=1, start_step=1)
    made.report(made.start(), 0.9)
    assert made.report(made.start(), 0.1) == ""


def test_a_slow_starter_is_kept_until_start_step() -> None:
    made = race(start_step=10)
    for top in (0.5, 0.6, 0.7):
        made.run(*ramp(top))
    assert made.report(made.start(), *[0.0] * 9) == ""
