"""Trials as records: their states, signs and points, brought up to date by what changed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import TrialBuilder, experiment, suggestion, trial
from katib_control.api.experiment import ObjectiveSpec
from katib_control.api.trial import Trial
from katib_control.suggestion.history import History, Record
from katib_control.suggestion.space import search_space

OWNER = experiment().int("n", 0, 9).build()
SPACE = search_space(OWNER.spec.parameters)


def history(direction: str = "minimize") -> History:
    return History(SPACE, ObjectiveSpec(type=direction, objective_metric_name="loss"))


def at(value: object) -> TrialBuilder:
    return trial(f"t-{value}").of(OWNER).assign(n=value)


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        pytest.param(at(1), ("running", None, False), id="just created"),
        pytest.param(at(1).running(), ("running", None, False), id="running"),
        pytest.param(at(1).succeeded(loss=2), ("finished", 2.0, False), id="succeeded"),
        pytest.param(at(1).early_stopped(loss=2), ("finished", 2.0, True), id="stopped early with a value"),
        pytest.param(at(1).early_stopped(), ("failed", None, True), id="stopped early without a value"),
        pytest.param(at(1).succeeded(other=2), ("failed", None, False), id="succeeded without the objective"),
        pytest.param(at(1).succeeded(loss="nan"), ("failed", None, False), id="a value that is no number"),
        pytest.param(at(1).failed().observed(loss=2), ("failed", None, False), id="failed after it had a value"),
        pytest.param(at(1).killed(), ("failed", None, False), id="killed"),
        pytest.param(at(1).metrics_unavailable(), ("failed", None, False), id="without metrics"),
    ],
)
def test_what_became_of_a_trial(built: TrialBuilder, expected: tuple[str, float | None, bool]) -> None:
    found = history()
    found.update([built.build()], [])
    (record,) = found
    assert (record.state, record.loss, record.early_stopped) == expected
    assert record.point == ("1",)


def test_maximising_turns_the_sign() -> None:
    found = history("maximize")
    found.update([at(1).succeeded(loss=2).build()], [])
    assert [record.loss for record in found] == [-2.0]


def test_labels_and_other_metrics_come_along() -> None:
    found = history()
    found.update([at(1).spec(labels={"rung": "2"}).succeeded(loss=2, size=7).build()], [])
    (record,) = found
    assert record.labels == {"rung": "2"}
    assert record.observation is not None
    assert record.observation.metric("size") is not None


def test_pending_points_are_running_ones() -> None:
    found = history()
    found.update([at(1).running().build()], suggestion().points({"n": 5}, {"n": 99}).build().status.suggestions)
    assert [(record.point, record.state) for record in found] == [(("1",), "running"), (("5",), "running")]
    assert found.points() == found.running() == {("1",), ("5",)}


def test_points_can_be_added_to_those_that_were_made_without_touching_the_history() -> None:
    found = history()
    found.update([at(1).running().build()], suggestion().points({"n": 5}).build().status.suggestions)
    made = found.made()
    for value in ("1", "7", "7"):
        made.add((value,))
    assert sorted(made) == [("1",), ("5",), ("7",)]
    assert len(made) == 3
    assert ("7",) in made
    assert len(found.made()) == 2


def test_values_outside_the_space_are_counted_but_are_no_records() -> None:
    found = history()
    found.update([at(1).build(), at(99).build(), at("x").build()], [])
    assert [record.point for record in found] == [("1",)]
    assert found.foreign == 2


def test_a_trial_that_did_not_change_is_not_read_again() -> None:
    found = history()
    trials = [at(1).succeeded(loss=1).build(), at(2).running().build()]
    found.update(trials, [])
    before = list(found)
    found.update([trials[0], at(2).succeeded(loss=3).build()], [])
    after = list(found)
    assert after[0] is before[0]
    assert after[1] == Record(("2",), "finished", 3.0, labels={}, observation=after[1].observation, name="t-2")


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(range(12)), max_size=6), max_size=6))
def test_brought_up_to_date_equals_made_anew(steps: list[list[int]]) -> None:
    pool = [_POOL[number % len(_POOL)] for number in range(12)]
    kept = history()
    for numbers in steps:
        trials = [pool[number] for number in numbers]
        fresh = history()
        fresh.update(trials, [])
        kept.update(trials, [])
        assert list(kept) == list(fresh)
        assert kept.points() == fresh.points()
        assert kept.foreign == fresh.foreign
        assert kept.running() == fresh.running() == {item.point for item in kept if item.state == "running"}
        assert set(kept.made()) == set(fresh.made()) == kept.points()
        assert [kept.tried(point) for point in sorted(kept.points())] == [
            fresh.tried(point) for point in sorted(fresh.points())
        ]


_POOL: list[Trial] = [
    at(1).build(), at(1).succeeded(loss=1).build(), at(2).running().build(), at(2).failed().build(),
    at(99).build(), at(3).succeeded(loss=0).build(),
]  # fmt: skip
