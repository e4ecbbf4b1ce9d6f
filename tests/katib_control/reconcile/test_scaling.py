"""How many Trials there should be."""

from __future__ import annotations

from typing import Any

import pytest

from builders import ExperimentBuilder, SuggestionBuilder, TrialBuilder, experiment, suggestion, trial
from katib_control.api.names import trial_name
from katib_control.reconcile.reasons import SCALED_DOWN_ANNOTATION
from katib_control.reconcile.rollup import Rollup
from katib_control.reconcile.scaling import scale
from katib_control.reconcile.seen import ExperimentSeen

X = experiment("x").parallel(3).max_trials(10)


def seen(
    owner: ExperimentBuilder, made: dict[int, TrialBuilder], points: int, found: SuggestionBuilder | None = None
) -> ExperimentSeen:
    """Trials by index; ``points`` is how many were ever suggested, all of them still held."""
    built, rollup = owner.build(), Rollup()
    for index, item in made.items():
        name = trial_name("x", built.metadata.uid, index)
        rollup.apply(None, item._with("metadata.name", name).of(built).index(index).build())
    held = (found or suggestion("x")).of(built).requests(points)
    held = held.points(*({"lr": index} for index in range(points)))
    ours = held.build()
    summary, missing = rollup.look(item.name for item in ours.status.suggestions)
    unused = [item for item in ours.status.suggestions if item.name in missing]
    return ExperimentSeen(experiment=built, suggestion=ours, summary=summary, unused=unused)


RUN, OK, BAD, NO_METRIC, EARLY = (
    trial().running(), trial().succeeded(loss=1), trial().failed(), trial().metrics_unavailable(),
    trial().early_stopped(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("made", "points", "start", "requests"),
    [
        pytest.param({}, 0, [], 3, id="at the beginning, as many as may run"),
        pytest.param({}, 3, [0, 1, 2], 3, id="points become trials, none is asked for"),
        pytest.param({0: RUN, 1: RUN, 2: RUN}, 3, [], 3, id="all places are taken"),
        pytest.param({0: OK, 1: RUN, 2: RUN}, 3, [], 4, id="one is free: one more point"),
        pytest.param({0: OK, 1: RUN, 2: RUN}, 4, [3], 4, id="it has come"),
        pytest.param({index: OK for index in range(8)}, 8, [], 10, id="near the end only what is missing"),
        pytest.param({index: OK for index in range(10)}, 10, [], 10, id="none after the last"),
        pytest.param(
            {**dict.fromkeys(range(7), OK), **dict.fromkeys(range(7, 9), NO_METRIC)},
            9,
            [],
            10,
            id="one without metrics counts as done here as in the end rule (W-19)",
        ),
        pytest.param(
            dict.fromkeys(range(9), EARLY), 9, [], 10, id="trials stopped early without a value starve nothing (W-20)"
        ),
        pytest.param({0: OK, 2: OK, 3: RUN}, 4, [1], 5, id="a point that was taken back is used again first"),
        pytest.param({2: OK, 3: RUN, 4: RUN}, 5, [0], 5, id="in the order of the index"),
        pytest.param({0: BAD, 1: RUN, 2: RUN}, 3, [], 4, id="a failed one is replaced by another point"),
    ],
)
def test_scale(made: dict[int, TrialBuilder], points: int, start: list[int], requests: int) -> None:
    found = scale(seen(X, made, points))
    assert [index for index, _ in found.start] == start
    assert found.requests == requests
    assert found.take_back == ()


@pytest.mark.parametrize(
    ("made", "taken"),
    [
        pytest.param({0: OK, 1: OK, 2: OK, 3: OK}, [], id="finished ones are never taken back (W-18)"),
        pytest.param({0: RUN, 1: OK, 2: RUN, 3: OK}, [2], id="the newest unfinished one"),
        pytest.param({0: RUN, 1: RUN, 2: RUN, 3: RUN}, [3, 2, 1], id="newest first"),
        pytest.param(
            {0: RUN, 1: RUN.annotations({SCALED_DOWN_ANNOTATION: "true"})}, [], id="not again what is already leaving"
        ),
        pytest.param(
            {0: RUN, 1: RUN.metadata(deletionTimestamp="2026-01-31T12:00:00Z")}, [], id="nor what somebody deletes"
        ),
    ],
)
def test_parallelism_lowered_to_one(made: dict[int, TrialBuilder], taken: list[int]) -> None:
    owner = X.parallel(1)
    found = scale(seen(owner, made, 4))
    names = [trial_name("x", owner.build().metadata.uid, index) for index in taken]
    assert [item.metadata.name for item in found.take_back] == names
    assert found.start == []


def test_requests_never_go_down() -> None:
    assert scale(seen(X.parallel(1), {0: RUN}, 9)).requests == 9


def test_no_more_is_asked_of_a_search_space_that_is_used_up() -> None:
    used_up: Any = suggestion("x").condition("Running", "SearchSpaceExhausted")
    assert scale(seen(X, {0: OK}, 1, used_up)).requests == 1


def test_a_trial_on_its_way_out_still_occupies_its_place() -> None:
    leaving = RUN.metadata(deletionTimestamp="2026-01-31T12:00:00Z")
    assert scale(seen(X, {0: RUN, 1: RUN, 2: leaving}, 3)).requests == 3


def test_a_suggestion_that_was_lost_begins_after_the_trials_there_are() -> None:
    built = seen(X, {0: OK, 1: RUN, 2: OK}, 3)
    lost = ExperimentSeen(experiment=built.experiment, suggestion=None, summary=built.summary)
    assert scale(lost).requests == 5
