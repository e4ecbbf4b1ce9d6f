"""How a run ended, as one object and in words."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from builders import experiment, trial
from katib_kfp.outcome import outcome, summary, usable
from katib_kfp.runtime.results import Results

NOW = datetime(2026, 1, 31, 12, 1, tzinfo=timezone.utc)
BASE = experiment("x").double("lr", 0.01, 0.1).int("layers", 1, 5).objective("loss", "minimize")
BEST = {
    "bestTrialName": "x-1",
    "parameterAssignments": [{"name": "lr", "value": "0.02"}, {"name": "layers", "value": "3"}],
    "observation": {"metrics": [{"name": "loss", "min": "0.5", "max": "0.9", "latest": "0.6"}]},
}


def ended(kind="Succeeded", reason="ExperimentGoalReached", message="goal reached", best=True):
    status = {"startTime": "2026-01-31T12:00:00Z", "completionTime": "2026-01-31T12:00:10Z"}
    if best:
        status["currentOptimalTrial"] = BEST
    return BASE.status(**status).condition(kind, reason=reason, message=message).build()


def results(found, **given):
    trials = [trial("x-1").of(found).assign(lr=0.02, layers=3).succeeded(loss=0.5).build(),
              trial("x-2").of(found).assign(lr=0.03, layers=2).failed().build()]  # fmt: skip
    return Results(experiment=found, trials=trials, **given)


def test_the_object_has_types_counts_and_seconds():
    assert outcome(results(ended()), NOW) == {
        "experiment": "x", "namespace": "default", "status": "Succeeded", "reason": "ExperimentGoalReached",
        "message": "goal reached", "bestTrial": "x-1", "bestHyperparameters": {"lr": 0.02, "layers": 3},
        "bestValue": 0.5, "trials": {"Succeeded": 1, "Failed": 1}, "durationSeconds": 10.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(results(ended()), True, id="succeeded with a best trial is usable"),
        pytest.param(results(ended(best=False)), False, id="succeeded without one is not"),
        pytest.param(results(ended("Failed", "ExperimentFailed")), False, id="failed with a best trial is not"),
        pytest.param(results(ended(), timed_out=True), False, id="a timeout is not"),
    ],
)
def test_only_a_success_with_a_best_trial_is_usable(found, expected):
    assert usable(found) is expected


def test_an_experiment_that_goes_on_has_run_until_now():
    running = BASE.status(startTime="2026-01-31T12:00:00Z").condition("Running").build()
    assert outcome(Results(experiment=running, trials=()), NOW)["durationSeconds"] == 60.0


def test_the_words_say_why_it_is_no_success():
    lines = summary(results(ended("Failed", "ExperimentFailed", "too many trials failed")), NOW)
    assert lines[0] == "x: Failed after 10 s (1 Succeeded, 1 Failed)"
    assert "  layers = 3" in lines
    assert lines[-1] == "why: ExperimentFailed: too many trials failed"
