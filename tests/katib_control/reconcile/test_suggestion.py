"""Suggestion: when to ask, and what becomes of the answer."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from builders import SuggestionBuilder, experiment, suggestion, trial
from katib_control.api.names import trial_name
from katib_control.api.suggestion import Answer, Suggestion, TrialAssignment
from katib_control.reconcile.rollup import Rollup, Summary
from katib_control.reconcile.seen import SuggestionSeen
from katib_control.reconcile.suggestion import GIVE_UP, RECENT, accept, pending, plan, refuse, wanted
from katib_control.reconcile.suggestion import with_settings_written_back as written_back
from katib_control.runtime.plan import Plan

NOW = datetime(2026, 1, 31, 12, 0, 30, tzinfo=timezone.utc)
X = experiment("x").algorithm("random", seed=1)
UID = X.build().metadata.uid
BASE = suggestion("x").of(X.build())
ENDED = X.condition("Succeeded", "ExperimentMaxTrialsReached")


def look(builder: SuggestionBuilder, owner: Any = X, **more: Any) -> SuggestionSeen:
    return SuggestionSeen(suggestion=builder.build(), experiment=owner.build() if owner else None, **more)


def point(value: float, **labels: str) -> TrialAssignment:
    return TrialAssignment.decode({"parameterAssignments": [{"name": "lr", "value": repr(value)}], "labels": labels})


def running() -> Summary:
    rollup = Rollup()
    rollup.apply(None, trial("x-a").of(X.build()).index(4).running().build())
    return rollup.summary()


def state(done: Plan) -> tuple[str, str, str]:
    assert done.status is not None
    last = done.status["conditions"][-1]
    return last["type"], last["status"], last["reason"]


@pytest.mark.parametrize(
    ("seen", "count"),
    [
        pytest.param(look(BASE), 0, id="nothing is requested"),
        pytest.param(look(BASE.requests(3)), 3, id="all of it at the beginning"),
        pytest.param(look(BASE.requests(3).points({"lr": 1})), 2, id="what is missing of the total"),
        pytest.param(
            look(BASE.requests(3), summary=running()), 0, id="trials tell how many there were (count was lost)"
        ),
        pytest.param(look(BASE.requests(3), None), 0, id="no Experiment"),
        pytest.param(
            look(BASE.requests(3), X.metadata(deletionTimestamp="x")), 0, id="the Experiment is being deleted"
        ),
        pytest.param(look(BASE.requests(3), ENDED), 0, id="the Experiment has ended"),
        pytest.param(
            look(BASE.requests(3).condition("Running", "SearchSpaceExhausted")),
            0,
            id="there is no further point (W-23)",
        ),
        pytest.param(look(BASE.requests(3).condition("Failed")), 0, id="it has failed"),
        pytest.param(
            look(BASE.requests(3).condition("Running", "AlgorithmError", status="False")), 3, id="error: again"
        ),
    ],
)
def test_wanted(seen: SuggestionSeen, count: int) -> None:
    assert wanted(seen) == count


def test_points_are_stored_under_the_names_their_trials_will_have() -> None:
    seen = look(BASE.requests(3).points({"lr": 1}))
    done = accept(seen, Answer(assignments=[point(2, pbt="a"), point(3)]), NOW)
    assert done.status is not None
    assert done.status["suggestionCount"] == 3
    assert [item["name"] for item in done.status["suggestions"]] == [trial_name("x", UID, index) for index in range(3)]
    assert done.status["suggestions"][1]["labels"] == {"pbt": "a"}
    assert [item["type"] for item in done.status["conditions"]] == ["Created", "Running"]


def test_more_points_than_asked_are_left_out() -> None:
    done = accept(look(BASE.requests(1)), Answer(assignments=[point(1), point(2)]), NOW)
    assert done.status is not None
    assert done.status["suggestionCount"] == 1


def test_fewer_points_than_asked_are_no_error() -> None:
    """An exact number or an endless error: W-23."""
    done = accept(look(BASE.requests(3)), Answer(assignments=[point(1)], exhausted=True), NOW)
    assert done.status is not None
    assert done.status["suggestionCount"] == 1
    assert state(done) == ("Running", "True", "SearchSpaceExhausted")


def test_no_point_now_is_fine_while_trials_run() -> None:
    done = accept(look(BASE.requests(9), summary=running()), Answer(assignments=[]), NOW)
    assert state(done) == ("Running", "True", "SuggestionRunning")


def test_no_point_and_nothing_running_is_an_error() -> None:
    done = accept(look(BASE.requests(3)), Answer(assignments=[]), NOW)
    assert state(done) == ("Running", "False", "AlgorithmError")


def test_an_error_is_told_once_tried_again_and_given_up_in_the_end() -> None:
    first = refuse(look(BASE.requests(3)), "boom", NOW)
    assert state(first) == ("Running", "False", "AlgorithmError")
    assert [item.type for item in first.events] == ["Warning"]
    body = {**BASE.requests(3).to_dict(), "status": first.status}
    later = SuggestionSeen(suggestion=Suggestion.decode(body), experiment=X.build())

    again = refuse(later, "boom", NOW + timedelta(seconds=20))
    assert (again.status, again.events, again.requeue_after) == (None, [], 20)
    end = refuse(later, "boom", NOW + GIVE_UP)
    assert state(end) == ("Failed", "True", "SuggestionFailed")
    assert "boom" in end.status["conditions"][-1]["message"]  # type: ignore[index]  # state() was not None
    well = accept(later, Answer(assignments=[point(1)]), NOW)
    assert state(well) == ("Running", "True", "SuggestionRunning")


def names(*indexes: int) -> frozenset[str]:
    return frozenset(trial_name("x", UID, index) for index in indexes)


def test_what_may_still_be_needed_is_kept_and_the_latest_of_the_rest() -> None:
    """Every assignment for ever in one object: W-1."""
    total = RECENT + 30
    held = BASE.requests(total).points(*({"lr": index} for index in range(total)))
    missing, unfinished = names(2), names(1)
    seen = look(held, missing=missing, final=names(*range(total)) - missing - unfinished)
    done = plan(seen, NOW)
    assert done.status is not None
    kept = [item["name"] for item in done.status["suggestions"]]
    assert len(kept) == RECENT + 2
    assert kept[:2] == [trial_name("x", UID, 1), trial_name("x", UID, 2)]
    assert kept[-1] == trial_name("x", UID, total - 1)
    assert done.status["suggestionCount"] == total
    assert [item.name for item in pending(seen)] == list(missing)


def test_the_point_of_a_trial_that_is_deleted_by_hand_is_given_up() -> None:
    """Silently run again under the same name: W-32."""
    held = BASE.requests(2).points({"lr": 1}, {"lr": 2})
    done = plan(look(held, taken=names(0)), NOW)
    assert done.status is not None
    assert [item["name"] for item in done.status["suggestions"]] == list(names(1))
    assert done.status["suggestionCount"] == 2


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param("Never", ("Succeeded", "True", "ExperimentEnded"), id="Never"),
        pytest.param("FromVolume", ("Succeeded", "True", "ExperimentEnded"), id="FromVolume"),
        pytest.param("LongRunning", ("Running", "True", "SuggestionRunning"), id="LongRunning stays open"),
    ],
)
def test_when_the_experiment_has_ended(policy: str, expected: tuple[str, str, str]) -> None:
    """Reasons of free text, success told of failures: W-29."""
    closed = plan(look(BASE.running().spec(resumePolicy=policy), ENDED), NOW)
    assert state(closed) == expected


def test_a_restart_opens_it_again() -> None:
    closed = BASE.spec(resumePolicy="FromVolume").running().condition("Succeeded", "ExperimentEnded")
    done = plan(look(closed), NOW)
    assert state(done) == ("Running", "True", "SuggestionRunning")
    assert done.status is not None
    assert "Succeeded" not in [item["type"] for item in done.status["conditions"]]


def test_settings_written_back_override_the_given_ones_in_the_next_question() -> None:
    done = accept(look(BASE.requests(1)), Answer(assignments=[point(1)], settings={"seed": "2", "more": "3"}), NOW)
    body = {**BASE.to_dict(), "status": done.status}
    later = SuggestionSeen(suggestion=Suggestion.decode(body), experiment=X.build())
    algorithm = written_back(later).spec.algorithm
    assert algorithm is not None
    assert algorithm.settings == {"seed": "2", "more": "3"}


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(look(BASE), id="new"),
        pytest.param(look(BASE.running().requests(1).points({"lr": 1}), missing=names(0)), id="running"),
        pytest.param(look(BASE.running(), ENDED), id="ended"),
        pytest.param(look(BASE.running().condition("Succeeded")), id="restarted"),
    ],
)
def test_a_plan_applied_twice_changes_nothing(seen: SuggestionSeen) -> None:
    done = plan(seen, NOW)
    body = {**seen.suggestion.to_dict(), "status": done.status or seen.suggestion.status.to_dict()}
    later = SuggestionSeen(suggestion=Suggestion.decode(body), experiment=seen.experiment, missing=seen.missing)
    again = plan(later, NOW + timedelta(seconds=5))
    assert again.empty
