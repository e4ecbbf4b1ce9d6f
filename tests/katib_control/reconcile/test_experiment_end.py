"""When an Experiment ends, and how."""

from __future__ import annotations

from typing import Any

import pytest

from builders import ExperimentBuilder, SuggestionBuilder, TrialBuilder, experiment, suggestion, trial
from katib_control.api.errors import FieldError
from katib_control.reconcile.experiment_end import find_end, may_restart
from katib_control.reconcile.rollup import Rollup, Summary
from katib_control.reconcile.seen import ExperimentSeen

X = experiment("x")
USED_UP = suggestion("x").condition("Created").condition("Running", "SearchSpaceExhausted")


def trials(*made: TrialBuilder, owner: ExperimentBuilder = X) -> Summary:
    rollup = Rollup()
    for index, item in enumerate(made):
        rollup.apply(None, item._with("metadata.name", f"x-{index}").of(owner.build()).index(index).build())
    return rollup.summary()


def good(loss: float = 1) -> TrialBuilder:
    return trial().succeeded(loss=loss)


def end(owner: ExperimentBuilder, *made: TrialBuilder, of: SuggestionBuilder | None = None, **more: Any) -> Any:
    summary = trials(*made, owner=owner)
    found = of.of(owner.build()).build() if of else None
    ended = find_end(ExperimentSeen(experiment=owner.build(), summary=summary, suggestion=found, **more))
    return (ended.type, ended.reason) if ended else None


@pytest.mark.parametrize(
    ("owner", "made", "expected"),
    [
        pytest.param(X.max_trials(2), [], None, id="nothing has happened"),
        pytest.param(X.max_trials(2), [good(), trial().running()], None, id="one is still missing"),
        pytest.param(X.max_trials(2), [good(), good()], ("Succeeded", "ExperimentMaxTrialsReached"), id="all are done"),
        pytest.param(
            X.max_trials(2),
            [good(), trial().failed()],
            ("Succeeded", "ExperimentMaxTrialsReached"),
            id="all are done and one is good",
        ),
        pytest.param(
            X.max_trials(2),
            [trial().failed(), trial().metrics_unavailable()],
            ("Failed", "ExperimentNoUsableTrial"),
            id="all are done but none is usable",
        ),
        pytest.param(
            X.max_trials(1), [trial().succeeded()], ("Failed", "ExperimentNoUsableTrial"), id="success without a value"
        ),
        pytest.param(
            X.max_trials(2),
            [good(), trial().early_stopped()],
            ("Succeeded", "ExperimentMaxTrialsReached"),
            id="one stopped early without a value counts as done (W-20)",
        ),
        pytest.param(
            X.max_failed(2).max_trials(9),
            [trial().failed(), trial().metrics_unavailable()],
            ("Failed", "ExperimentFailed"),
            id="one without metrics counts as failed",
        ),
        pytest.param(X.max_failed(2), [trial().failed(), trial().killed()], None, id="one killed does not"),
        pytest.param(X.max_failed(0), [good()], None, id="no failure allowed and none there"),
        pytest.param(
            X.max_failed(0), [trial().failed()], ("Failed", "ExperimentFailed"), id="no failure allowed and one there"
        ),
        pytest.param(
            X.objective("loss", goal=0.5), [good(0.5)], ("Succeeded", "ExperimentGoalReached"), id="goal met exactly"
        ),
        pytest.param(X.objective("loss", goal=0.5), [good(0.6)], None, id="goal missed"),
        pytest.param(
            X.objective("loss", goal=0), [good(-1)], ("Succeeded", "ExperimentGoalReached"), id="a goal of 0 is a goal"
        ),
        pytest.param(
            X.objective("loss", "maximize", goal=0.5),
            [good(0.6)],
            ("Succeeded", "ExperimentGoalReached"),
            id="goal of a maximum",
        ),
        pytest.param(
            X.objective("loss", goal=0.5), [trial().running().observed(loss=0.1)], None, id="a running trial is no goal"
        ),
        pytest.param(
            X.objective("loss", goal=0.5), [trial().failed().observed(loss=0.1)], None, id="a failed trial is no goal"
        ),
        pytest.param(
            X.objective("loss", goal=0.5).max_trials(1).max_failed(0),
            [good(0.1), trial().failed()],
            ("Succeeded", "ExperimentGoalReached"),
            id="the goal comes before everything else",
        ),
    ],
)
def test_rules(owner: ExperimentBuilder, made: list[TrialBuilder], expected: Any) -> None:
    assert end(owner, *made) == expected


def test_a_used_up_search_space_waits_for_running_trials() -> None:
    """The end that Katib's code can never reach: W-22."""
    assert end(X, good(), trial().running(), of=USED_UP) is None
    assert end(X, good(), of=USED_UP) == ("Succeeded", "ExperimentSuggestionEndReached")


def test_a_used_up_search_space_without_a_usable_trial_is_a_failure() -> None:
    assert end(X, trial().failed(), of=USED_UP) == ("Failed", "ExperimentNoUsableTrial")


def test_points_that_are_no_trials_yet_are_not_used_up() -> None:
    found = USED_UP.of(X.build()).points({"lr": 0.1}).build()
    seen = ExperimentSeen(experiment=X.build(), suggestion=found, summary=trials(good()),
                          unused=found.status.suggestions)  # fmt: skip
    assert find_end(seen) is None


def test_a_failed_suggestion_fails_the_experiment_with_its_words() -> None:
    failed = suggestion("x").condition("Failed", "SuggestionFailed", "no such study").of(X.build()).build()
    ended = find_end(ExperimentSeen(experiment=X.build(), suggestion=failed))
    assert ended is not None
    assert (ended.type, "no such study" in ended.message) == ("Failed", True)


def test_an_invalid_experiment_fails_with_all_errors() -> None:
    errors = [FieldError("spec.a", "must not be"), FieldError("spec.b", "is too big", 7)]
    ended = find_end(ExperimentSeen(experiment=X.build(), errors=errors))
    assert ended is not None
    assert (ended.type, ended.reason) == ("Failed", "ExperimentInvalid")
    assert "spec.a" in ended.message
    assert "spec.b: is too big (got 7)" in ended.message


def test_an_edit_that_breaks_rules_is_no_end() -> None:
    assert end(X, of=suggestion("x"), errors=[FieldError("spec.a", "must not be")]) is None


def test_the_failure_says_why_no_trial_is_usable() -> None:
    summary = trials(trial().failed("RunDisappeared"), trial().failed(), trial().metrics_unavailable("names: acc"))
    ended = find_end(ExperimentSeen(experiment=X.max_trials(3).build(), summary=summary))
    assert ended is not None
    assert "1 MetricsUnavailable, 1 RunDisappeared, 1 TrialFailed" in ended.message
    assert "x-2: names: acc" in ended.message


DONE = X.max_trials(3).resume("LongRunning").condition("Succeeded", "ExperimentMaxTrialsReached")
EDITED = DONE.metadata(generation=2).status(observedGeneration=1, trials=3)


@pytest.mark.parametrize(
    ("owner", "completed", "expected"),
    [
        pytest.param(EDITED.max_trials(4), 3, True, id="a higher number"),
        pytest.param(EDITED.max_trials(4).resume("FromVolume"), 3, True, id="a higher number from a volume"),
        pytest.param(EDITED.max_trials(4).resume("Never"), 3, False, id="a policy that forbids it"),
        pytest.param(EDITED.max_trials(3), 3, False, id="an edit of something else"),
        pytest.param(EDITED.spec(maxTrialCount=None), 3, True, id="no number any more"),
        pytest.param(
            DONE.max_trials(4).status(observedGeneration=1, trials=3), 2, False, id="a trial deleted, nothing edited"
        ),
        pytest.param(
            DONE.spec(maxTrialCount=None).status(observedGeneration=1, trials=3),
            3,
            False,
            id="no number, no edit (W-2)",
        ),
        pytest.param(
            EDITED.max_trials(4).status(conditions=[]).condition("Succeeded", "ExperimentGoalReached"),
            3,
            False,
            id="ended by its goal",
        ),
        pytest.param(
            EDITED.spec(maxTrialCount=None).status(conditions=[]).condition("Failed", "ExperimentFailed"),
            3,
            False,
            id="failed without a number (W-2)",
        ),
        pytest.param(DONE.max_trials(4).status(trials=3), 2, True, id="ended under another controller, higher number"),
        pytest.param(DONE.status(trials=3), 2, False, id="ended under another controller, same number"),
    ],
)
def test_restart(owner: ExperimentBuilder, completed: int, expected: bool) -> None:
    assert may_restart(owner.build(), completed) is expected
