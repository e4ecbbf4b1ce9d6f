import pytest

from builders import ExperimentBuilder, experiment
from katib_control.api.defaults import default
from katib_control.api.validation import validate

STORED = experiment().parallel(3).max_trials(10).max_failed(3).status(trials=6)
ENDED = STORED.resume("LongRunning").condition("Succeeded", "ExperimentMaxTrialsReached")


def errors(old: ExperimentBuilder, new: ExperimentBuilder) -> list[str]:
    return [item.field for item in validate(default(new.build()), old=default(old.build()))]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(STORED, STORED.parallel(5), id="parallelism up"),
        pytest.param(STORED, STORED.parallel(1), id="parallelism down"),
        pytest.param(STORED, STORED.max_trials(20), id="more trials"),
        pytest.param(STORED, STORED.max_trials(7), id="fewer trials, but more than there are"),
        pytest.param(STORED, STORED.max_failed(5), id="more failures"),
        pytest.param(STORED.status(trials=10), STORED.parallel(1), id="parallelism when all trials are there"),
        pytest.param(STORED.condition("Running"), STORED.parallel(5), id="while it runs"),
        pytest.param(ENDED, ENDED.max_trials(20), id="more trials of one that may go on"),
        pytest.param(STORED, STORED.labels({"a": "b"}), id="labels"),
        pytest.param(
            experiment("Bad_Name").parallel(0), experiment("Bad_Name").parallel(0).finalizers(), id="metadata"
        ),
        pytest.param(STORED.spec(later=1), STORED.spec(later=1).labels({"a": "b"}), id="labels beside unknown fields"),
        pytest.param(STORED, STORED.objective("loss", additional=[]), id="an empty list for none"),
        pytest.param(STORED.algorithm("gone"), STORED.algorithm("gone").parallel(2), id="the rest is not judged again"),
    ],
)
def test_accepts(old: ExperimentBuilder, new: ExperimentBuilder) -> None:
    assert errors(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "fields"),
    [
        pytest.param(STORED, STORED.algorithm("tpe"), ["spec.algorithm"], id="the algorithm"),
        pytest.param(STORED, STORED.int("n", 1, 2), ["spec.parameters", "spec.trialTemplate"], id="the search space"),
        pytest.param(STORED, STORED.resume("FromVolume"), ["spec.resumePolicy"], id="the resume policy"),
        pytest.param(STORED, STORED.spec(later=1), ["spec.later"], id="a field that nobody knows"),
        pytest.param(STORED, STORED.parallel(0), ["spec.parallelTrialCount"], id="a count that is wrong"),
        pytest.param(STORED, STORED.parallel(11), ["spec.parallelTrialCount"], id="more at a time than in all"),
        pytest.param(STORED, STORED.max_trials(6), ["spec.maxTrialCount"], id="no more trials than there are"),
        pytest.param(
            STORED, STORED.algorithm("tpe").max_trials(0), ["spec.algorithm", "spec.maxTrialCount"], id="two at once"
        ),
        pytest.param(
            STORED.condition("Succeeded", "ExperimentGoalReached"),
            STORED.max_trials(20),
            ["spec.resumePolicy"],
            id="ended",
        ),
        pytest.param(
            STORED.condition("Succeeded", "ExperimentMaxTrialsReached"),
            STORED.max_trials(20),
            ["spec.resumePolicy"],
            id="ended, and its policy is Never",
        ),
        pytest.param(
            STORED.resume("LongRunning").condition("Failed", "ExperimentFailed"),
            STORED.resume("LongRunning").max_trials(20),
            ["spec.resumePolicy"],
            id="failed",
        ),
    ],
)
def test_refuses(old: ExperimentBuilder, new: ExperimentBuilder, fields: list[str]) -> None:
    assert errors(old, new) == fields
