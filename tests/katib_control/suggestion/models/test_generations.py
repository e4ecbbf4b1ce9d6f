"""Reading generations from a history: incrementally, backwards, and never more than one stretch."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import experiment, trial
from katib_control.api.trial import Trial
from katib_control.suggestion.algorithm import Request
from katib_control.suggestion.history import History
from katib_control.suggestion.models import generations
from katib_control.suggestion.models.evolution import Axes, Distribution
from katib_control.suggestion.models.generations import RUN_LABEL, STRETCH, Generations, Plan
from katib_control.suggestion.space import search_space

OWNER = experiment().double("x", 0, 1).int("n", 1, 5).build()
SPACE = search_space(OWNER.spec.parameters)
PLAN = Plan(first=4, population=5, step=0.2, restarts="ipop")


def request(history: History) -> Request:
    return Request(
        space=SPACE, settings={}, spec=OWNER.spec, seed="1", index=0, count=1, history=lambda: history
    )  # fmt: skip


def done(number: int, loss: float | None, label: str = "") -> Trial:
    """Trial number so and so: running where it has no loss."""
    built = trial(f"t-{number}").of(OWNER).assign(x=(number * 0.37) % 1, n=number % 5 + 1)
    built = built.spec(labels={RUN_LABEL: label}) if label else built
    return (built.running() if loss is None else built.succeeded(loss=loss)).build()


def read(found: Generations) -> tuple[Any, ...]:
    points = () if found.distribution is None else tuple(found.distribution.sample(seed) for seed in range(3))
    return (*points, dict(found.labels))


def test_there_is_no_distribution_before_enough_points_have_a_loss() -> None:
    history, found = History(SPACE, OWNER.spec.objective), Generations(Axes(SPACE), PLAN)  # type: ignore[arg-type]  # it has one
    history.update([done(number, 1.0 if number < 3 else None) for number in range(9)], [])
    found.update(request(history))
    assert found.distribution is None
    assert not found.labels
    history.update([done(number, 1.0 if number < 4 else None) for number in range(9)], [])
    found.update(request(history))
    assert found.labels == {RUN_LABEL: "0.0"}


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1000), st.integers(1, 4))
def test_what_was_read_piece_by_piece_equals_what_is_read_at_once(seed: int, parts: int) -> None:
    rng = random.Random(seed)
    losses: list[float | None] = [None] * 80
    history, kept = History(SPACE, OWNER.spec.objective), Generations(Axes(SPACE), PLAN)  # type: ignore[arg-type]  # it has one
    trials = [done(number, None) for number in range(80)]
    for step in range(parts):
        for number in range(80):
            # Later points tend to end later; some of the earlier ones change or vanish again.
            if rng.random() < (0.7 if number < 20 * (step + 1) else 0.05):
                losses[number] = rng.choice((rng.random(), rng.random(), None))
                trials[number] = done(number, losses[number])
        history.update(trials, [])
        kept.update(request(history))
        fresh = Generations(Axes(SPACE), PLAN)
        fresh.update(request(history))
        assert read(kept) == read(fresh)


def test_what_is_new_is_told_once_and_a_long_history_is_not_told_from_its_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[int] = []
    tell = Distribution.tell
    monkeypatch.setattr(Distribution, "tell", lambda self, ranked: (told.append(len(ranked)), tell(self, ranked)))
    monkeypatch.setattr(generations, "STRETCH", 300)
    rng = random.Random(1)
    trials = [done(number, rng.random()) for number in range(2 * 300 + 120)]
    plan = Plan(first=4, population=5, step=0.2, restarts="none")
    history, found = History(SPACE, OWNER.spec.objective), Generations(Axes(SPACE), plan)  # type: ignore[arg-type]  # it has one
    history.update(trials, [])
    found.update(request(history))
    assert len(told) == 120 // 5
    told.clear()
    for number in range(10):
        trials.append(done(1000 + number, rng.random()))
        history.update(trials, [])
        found.update(request(history))
    assert len(told) == 2
    assert STRETCH > 300


def test_a_late_result_is_read_in_its_place_without_reading_everything_again(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [done(number, 1 / (number + 1)) for number in range(200)]
    trials[180] = done(180, None)
    plan = Plan(first=4, population=5, step=0.2, restarts="none")
    history, found = History(SPACE, OWNER.spec.objective), Generations(Axes(SPACE), plan)  # type: ignore[arg-type]  # it has one
    history.update(trials, [])
    found.update(request(history))
    told: list[int] = []
    tell = Distribution.tell
    monkeypatch.setattr(Distribution, "tell", lambda self, ranked: (told.append(len(ranked)), tell(self, ranked)))
    trials[180] = done(180, 0.5)
    history.update(trials, [])
    found.update(request(history))
    assert 0 < len(told) < 10


def test_points_of_an_earlier_run_do_not_count_in_a_later_one_whose_trials_are_there() -> None:
    history, found = History(SPACE, OWNER.spec.objective), Generations(Axes(SPACE), PLAN)  # type: ignore[arg-type]  # it has one
    old = [done(number, 1.0 + number, "0.0") for number in range(12)]
    history.update([*old, done(50, 0.1, "0.1"), *(done(number, -1.0, "0.0") for number in range(60, 70))], [])
    found.update(request(history))
    assert found.labels == {RUN_LABEL: "0.1"}
    one = read(found)
    history.update([*old, done(50, 0.1, "0.1"), *(done(number, -9.0, "0.0") for number in range(60, 70))], [])
    found.update(request(history))
    assert read(found) == one
