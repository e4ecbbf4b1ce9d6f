"""The best p percent of the values at the same step."""

from __future__ import annotations

import pytest

from racing import Race, owner_of


def race(direction: str = "maximize", **settings: float) -> Race:
    return Race(owner_of("percentile", direction, **settings).build())


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
@pytest.mark.parametrize(
    ("percent", "value", "stopped"),
    [
        pytest.param(25, 5, False, id="the best quarter of 1 to 5 ends at 4: 5 is in it"),
        pytest.param(25, 4, False, id="as good as the limit is good enough"),
        pytest.param(25, 3.9, True, id="worse than the limit is not"),
        pytest.param(50, 3, False, id="50 is the median"),
        pytest.param(50, 2.9, True, id="worse than the median"),
        pytest.param(0, 4.9, True, id="0 keeps only what is as good as the best"),
        pytest.param(100, 1, False, id="100 keeps what is as good as the worst"),
        pytest.param(100, 0.9, True, id="100 stops what is worse than every other"),
        pytest.param(37.5, 3.4, True, id="between two values the limit is interpolated: 3.5"),
    ],
)
def test_what_is_kept(direction: str, percent: float, value: float, stopped: bool) -> None:
    sign = 1 if direction == "maximize" else -1
    made = race(direction, percentile=percent, start_step=1, min_trials_required=5)
    for other in (1, 2, 3, 4, 5):
        place = made.start()
        made.write(place, sign * other)
        made.end(place)
    assert bool(made.report(made.start(), sign * value)) == stopped


def test_the_message_has_the_figures() -> None:
    made = race(percentile=25, start_step=2, min_trials_required=1)
    made.run(0.1, 0.61)
    told = made.report(made.start(), 0.42, 0.3)
    assert told == "percentile: best accuracy 0.42 at step 2 is below 0.61, the limit of the best 25 % of 1 trials"


def test_others_count_with_their_value_at_the_step() -> None:
    made = race(percentile=50, start_step=2, min_trials_required=1)
    made.run(0.0, 0.5, 0.1)
    assert made.report(made.start(), 0.4) == ""
    assert "0.5" in made.report(made.start(), 0.1, 0.4)
    assert made.report(made.start(), 0.1, 0.5, 0.0) == "", "its best is better than 0.1, the value at step 3"


def test_nothing_is_stopped_while_too_few_have_reported_the_step() -> None:
    made = race(start_step=1, min_trials_required=3)
    made.run(0.9)
    made.run(0.9)
    assert made.report(made.start(), 0.1) == ""
