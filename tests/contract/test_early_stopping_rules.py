"""What every early stopping rule of the registry must do; a new one is tested unasked."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import experiment
from katib_control.api.settings import Setting
from katib_control.earlystopping.curves import Book, Curve, View
from katib_control.earlystopping.engine import StoppingEngine
from katib_control.earlystopping.registry import RULES
from katib_control.earlystopping.rule import Case
from katib_control.observations.store import ObservationStore
from racing import Race, owner_of, ramp

NAMES = sorted(RULES)
DIRECTIONS = ["maximize", "minimize"]

few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

reports = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(repr), st.integers(-5, 5).map(str), st.just("unavailable")
)
races = st.lists(
    st.tuples(
        st.lists(reports, max_size=12), st.sampled_from(["Succeeded", "EarlyStopped", "Failed", "Killed", "Running"])
    ),
    max_size=8,
)


def early(name: str) -> dict[str, Any]:
    """Settings that make a rule begin early."""
    known = {item.name for item in RULES[name].settings}
    return {key: 1 for key in ("start_step", "min_trials_required") if key in known}


def race(name: str, direction: str = "maximize", **options: Any) -> Race:
    return Race(owner_of(name, direction, **options).build())


def wild(seed: int, steps: int = 12) -> list[float]:
    """A curve that goes up and down."""
    return [((seed * 7 + step * 3) % 11) / 10 for step in range(1, steps + 1)]


def field(tops: list[float], direction: str) -> list[list[float]]:
    """Curves that grow to these tops, or fall to their opposites."""
    sign = 1 if direction == "maximize" else -1
    return [[sign * value for value in ramp(top)] for top in tops]


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_a_hopeless_trial_is_stopped_and_told_why(name: str, direction: str) -> None:
    made = race(name, direction)
    for curve in field([0.7, 0.8, 0.9, 0.75, 0.85, 0.8], direction):
        made.run(*curve)
    place = made.start()
    told = made.report(place, *field([0.1], direction)[0])
    assert told.startswith(f"{name}: ")
    assert "accuracy" in told
    assert " at step " in told
    assert ("below" if direction == "maximize" else "above") in told


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_the_best_trial_is_never_stopped(name: str, direction: str) -> None:
    made = race(name, direction, **early(name))
    for curve in field([0.7, 0.8, 0.75, 0.79], direction):
        made.run(*curve)
    assert made.report(made.start(), *field([0.9], direction)[0]) == ""


@pytest.mark.parametrize("name", NAMES)
def test_equal_trials_are_all_kept(name: str) -> None:
    made = race(name, **early(name))
    for _ in range(6):
        made.run(*[0.5] * 12)
    assert made.told == {}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_stopped_before_start_step(name: str) -> None:
    made = race(name, **(early(name) | {"start_step": 7}))
    for top in (0.7, 0.8, 0.9):
        made.run(*[top] * 12)
    place = made.start()
    assert made.report(place, *[0.1] * 6) == ""
    assert "step 7" in made.report(place, 0.1)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_trial_has_nothing_to_be_compared_with(name: str) -> None:
    made = race(name, **early(name))
    assert made.report(made.start(), *[0.1] * 12) == ""


@pytest.mark.parametrize("name", NAMES)
@few
@given(others=races, own=st.lists(reports, max_size=12))
def test_any_curves_at_all_are_judged(name: str, others: Any, own: list[str]) -> None:
    made = race(name, **early(name))
    for values, kind in others:
        place = made.start()
        made.write(place, *values)
        if kind != "Running":
            made.end(place, kind)
    told = made.report(made.start(), *own)
    assert "nan" not in told


@pytest.mark.parametrize("name", NAMES)
@few
@given(
    tops=st.lists(st.integers(1, 20), min_size=3, max_size=7), order=st.randoms(use_true_random=False),
    lost=st.sets(st.integers(0, 60)),
)  # fmt: skip
def test_an_engine_that_lost_everything_now_and_then_stops_the_same_trials(
    name: str, tops: list[int], order: random.Random, lost: set[int]
) -> None:
    """Trials run side by side; the judge is killed between any two reports."""
    kept, killed = race(name, **early(name)), race(name, **early(name))
    turns = [place for place in range(len(tops)) for _ in range(9)]
    order.shuffle(turns)
    for made in (kept, killed):
        made.start(len(tops))
        done = [0] * len(tops)
        for turn, place in enumerate(turns):
            if made is killed and turn in lost:
                made.restart()
                for other in range(len(tops)):
                    if other not in made.told and done[other] < 9:
                        made.judge(other)
            done[place] += 1
            if place not in made.told:
                made.report(place, wild(tops[place])[done[place] - 1])
                if done[place] == 9 and place not in made.told:
                    made.end(place)
    assert killed.told == kept.told


@pytest.mark.parametrize("name", NAMES)
@few
@given(tops=st.lists(st.integers(1, 20), min_size=2, max_size=6), chunk=st.integers(2, 12))
def test_several_reports_between_two_looks_are_judged_one_by_one(name: str, tops: list[int], chunk: int) -> None:
    each, some = race(name, **early(name)), race(name, **early(name))
    for made in (each, some):
        for top in tops[1:]:
            place = made.start()
            made.write(place, *wild(top))
            made.end(place)
    each.report(each.start(), *wild(tops[0]))
    place = some.start()
    for start in range(0, 12, chunk):
        some.write(place, *wild(tops[0])[start : start + chunk])
        if some.judge(place):
            break
    assert some.told == each.told


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", NAMES)
@few
@given(tops=st.lists(st.integers(1, 30), min_size=2, max_size=9, unique=True), own=st.integers(0, 31))
def test_the_limit_told_beforehand_is_the_one_judged_by(name: str, direction: str, tops: list[int], own: int) -> None:
    rule = RULES[name]
    values = {item.name: item.default for item in rule.settings} | early(name)
    sign = 1.0 if direction == "minimize" else -1.0
    book = Book()
    for top in tops:
        curve = Curve()
        curve.losses.append(sign * top)
        curve.times.append(0)
        book.ended(f"uid-{top}", curve, 0)
    view = View(book)
    limit = rule.limit(values, view)
    if limit is None:
        assert len(tops) < 3, "three trials are enough with these settings"
        return
    loss = sign * own
    case = Case(step=limit.step, value=loss, best=loss, settings=values, others=view)
    stopped = rule.judge(case) is not None
    if loss > limit.value and rule.peers == "ended":
        assert stopped
    if stopped:
        assert loss > limit.value or rule.peers == "all"


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_explained_and_its_default_is_allowed(name: str) -> None:
    for setting in RULES[name].settings:
        assert len(setting.help) > 15
        assert setting.default is None or setting.read(str(setting.default)) == setting.default


def wrong_values(setting: Setting) -> list[str]:
    """Values of a number that it cannot take."""
    found = ["", "many", "nan", "1_0"]
    found += [str(limit - 1) for limit in (setting.low,) if math.isfinite(limit)]
    found += [str(limit + 1) for limit in (setting.high,) if math.isfinite(limit)]
    found += [str(limit) for limit in (setting.above, setting.below) if math.isfinite(limit)]
    return [*found, "1.5"] if setting.type == "int" else found


@pytest.mark.parametrize(
    ("name", "setting"), [(name, item) for name in NAMES for item in RULES[name].settings], ids=lambda item: str(
        item.name if isinstance(item, Setting) else item
    ),
)  # fmt: skip
def test_each_invalid_setting_is_refused_by_name(name: str, setting: Setting) -> None:
    engine = StoppingEngine(ObservationStore())
    assert list(engine.validate(experiment().early_stopping(name).build())) == []
    for value in wrong_values(setting):
        errors = engine.validate(experiment().early_stopping(name, **{setting.name: value}).build())
        assert [item.field for item in errors] == ["spec.earlyStopping.algorithmSettings[0].value"]
        assert setting.name in errors[0].rule


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_setting_is_refused_with_the_known_ones(name: str) -> None:
    engine = StoppingEngine(ObservationStore())
    errors = engine.validate(experiment().early_stopping(name, start_stepp=3).build())
    assert [item.field for item in errors] == ["spec.earlyStopping.algorithmSettings[0].name"]
    assert "did you mean start_step" in errors[0].rule
