"""The roll-up: the same as counting all Trials anew, at the price of one change."""

from __future__ import annotations

import gc
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import TrialBuilder, experiment, trial
from katib_control.api.conditions import trial_state
from katib_control.api.trial import Trial
from katib_control.reconcile.rollup import LISTED, Rollup

OWNER = experiment("x").build()
NAMES = tuple(f"x-{letter}" for letter in "abcdefgh")


def of_state(name: str, state: str, loss: object) -> Trial:
    made = trial(name).of(OWNER).index(NAMES.index(name))
    built: dict[str, TrialBuilder] = {
        "new": made,
        "pending": made.pending(),
        "running": made.running().observed(loss=loss),
        "succeeded": made.succeeded(loss=loss),
        "failed": made.failed("TrialFailed").observed(loss=loss),
        "disappeared": made.failed("RunDisappeared"),
        "killed": made.killed().observed(loss=loss),
        "early": made.early_stopped(loss=loss),
        "early without value": made.early_stopped(),
        "unavailable": made.metrics_unavailable(),
    }
    return built[state].build()


STATES = ("new", "pending", "running", "succeeded", "failed", "disappeared", "killed", "early", "early without value",
          "unavailable")  # fmt: skip
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from([*STATES, None]),
        st.sampled_from(["1", "2.5", "-3", "0.0", "-0.0", "1e300", "nan", "inf", "good", "unavailable"]),
    ),
    max_size=40,
)


def replay(changes: list[tuple[str, str | None, str]]) -> tuple[Rollup, dict[str, Trial]]:
    rollup, known = Rollup(), {}
    for name, state, loss in changes:
        old = known.get(name)
        new = of_state(name, state, loss) if state else None
        if old is None and new is None:
            continue
        rollup.apply(old, new)
        known[name] = new
        if new is None:
            del known[name]
    return rollup, known


@settings(max_examples=300, deadline=None)
@given(CHANGES)
def test_changes_one_by_one_equal_counting_all_anew(changes: list[tuple[str, str | None, str]]) -> None:
    rollup, known = replay(changes)
    summary = rollup.summary()

    anew = Rollup()
    for item in known.values():
        anew.apply(None, item)
    assert summary.counts == anew.summary().counts
    for field in ("names", "best", "best_value", "unfinished", "next_index", "reasons", "last_unusable", "stalls"):
        assert getattr(summary, field) == getattr(anew.summary(), field)

    states = {name: trial_state(item.status.conditions) for name, item in known.items()}
    assert summary.counts == dict(Counter(states.values()))
    assert summary.total == len(known)
    assert [item.metadata.name for item in rollup.trials()] == sorted(known)
    for state, names in summary.names.items():
        assert list(names) == sorted(name for name in known if states[name] == state)


@settings(max_examples=200, deadline=None)
@given(CHANGES)
def test_the_best_trial_is_the_smallest_number_of_a_trial_that_ended_well(
    changes: list[tuple[str, str | None, str]],
) -> None:
    """A value that is no number wins outright: W-31."""
    rollup, known = replay(changes)
    usable = []
    for name, item in known.items():
        if trial_state(item.status.conditions) in ("Succeeded", "EarlyStopped") and item.status.observation:
            value = item.status.observation.metrics[0].min
            if value not in ("nan", "inf", "good", "unavailable"):
                usable.append((float(value), name))
    best = rollup.summary().best
    assert (best.metadata.name if best else None) == (min(usable)[1] if usable else None)


def test_repeating_a_change_changes_nothing() -> None:
    rollup = Rollup()
    item = of_state("x-a", "succeeded", 1)
    for old in (None, item, None):
        rollup.apply(old, item)
    assert rollup.summary().counts == {"Succeeded": 1}
    assert len(rollup.trials()) == 1


def test_of_equal_values_the_earlier_index_is_the_best() -> None:
    rollup = Rollup()
    for name in ("x-c", "x-b", "x-d"):
        rollup.apply(None, of_state(name, "succeeded", 0.5))
    assert rollup.summary().best is not None
    assert rollup.summary().best.metadata.name == "x-b"  # type: ignore[union-attr]  # asserted above


def test_maximize_takes_the_greatest() -> None:
    owner = experiment("x").objective("acc", "maximize").build()
    rollup = Rollup()
    for index, value in enumerate((0.5, 0.9, 0.7)):
        rollup.apply(None, trial(f"x-{index}").of(owner).index(index).succeeded(acc=value).build())
    assert rollup.summary().best_value == 0.9


def test_name_lists_are_sorted_and_bounded_and_keep_the_latest() -> None:
    """Lists in the random order of a cache: W-5."""
    rollup = Rollup()
    for index in (*range(150, 300), *range(150)):
        rollup.apply(None, trial(f"x-{index:04}").of(OWNER).index(index).succeeded(loss=1).build())
    names = rollup.summary().names["Succeeded"]
    assert list(names) == [f"x-{index:04}" for index in range(300 - LISTED, 300)]
    assert rollup.summary().counts["Succeeded"] == 300


@pytest.mark.parametrize(
    ("made", "stalls"),
    [
        pytest.param(trial("x-a").of(OWNER).running(), (), id="one that runs is no stall"),
        pytest.param(
            trial("x-a").of(OWNER).pending().condition("Running", "PodDoesNotFit", "too big"),
            (("x-a", "too big"),),
            id="one whose Pod does not fit is",
        ),
        pytest.param(
            trial("x-a").of(OWNER).condition("Created", "RunRejected", "no quota"),
            (("x-a", "no quota"),),
            id="one whose run is refused is",
        ),
        pytest.param(
            trial("x-a").of(OWNER).condition("Running", "PodDoesNotFit", "too big").killed(),
            (),
            id="one that has ended is none any more",
        ),
    ],
)
def test_stalls(made: TrialBuilder, stalls: tuple[tuple[str, str], ...]) -> None:
    rollup = Rollup()
    rollup.apply(None, made.build())
    assert rollup.summary().stalls == stalls


def test_look_tells_which_names_are_no_trials() -> None:
    rollup = Rollup()
    rollup.apply(None, of_state("x-a", "running", 1))
    assert rollup.look(["x-a", "x-b"])[1] == {"x-b"}


def test_a_change_costs_as_many_steps_with_thousands_of_trials_as_with_hundreds() -> None:
    """Counted anew on every reconcile: W-4."""

    def steps(size: int) -> int:
        rollup = Rollup()
        for index in range(size):
            rollup.apply(None, trial(f"x-{index:05}").of(OWNER).index(index).succeeded(loss=1).build())
        last = trial(f"x-{size:05}").of(OWNER).index(size)
        before, after = last.running().build(), last.succeeded(loss=2).build()
        counted = 0

        def count(*_: object) -> None:
            nonlocal counted
            counted += 1

        gc.disable()  # whose callbacks would be counted
        sys.setprofile(count)
        try:
            rollup.apply(None, before)
            rollup.summary()
            rollup.apply(before, after)
            rollup.summary()
        finally:
            sys.setprofile(None)
            gc.enable()
        return counted

    steps(10)  # what is prepared at the first use
    assert steps(2000) <= steps(200)
