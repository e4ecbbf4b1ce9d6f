"""Results have the types of the search space, and only finite numbers."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from builders import experiment, trial
from fake_api import FakeClient
from katib_control.api.experiment import Experiment
from katib_kfp.runtime import outputs, results
from katib_kfp.runtime.results import Results


def tuned(best: str | None = "0.97", state: str = "Succeeded", **assignments: str) -> Experiment:
    built = (
        experiment("x").objective("acc", "maximize", additional=["loss"]).double("lr", 0.0001, 0.1).int("layers", 1, 9)
        .discrete("batch", 16, 32).discrete("rate", 0.5, 1).categorical("opt", "sgd", "adam")
        .condition(state, reason="Why", message="because")
    )  # fmt: skip
    values = {"opt": "sgd", "batch": "32", "layers": "3", "lr": "1", "rate": "1"} | assignments
    if best is not None:
        metrics = [
            {"name": "acc", "max": best, "min": "0.1", "latest": best},
            {"name": "loss", "max": "nan", "latest": "0.3"},
        ]
        built = built.status(
            currentOptimalTrial={
                "bestTrialName": "x-1",
                "parameterAssignments": [{"name": name, "value": value} for name, value in values.items()],
                "observation": {"metrics": metrics},
            },
            trials=4, trialsSucceeded=3, trialsFailed=1,
        )  # fmt: skip
    return built.build()


def test_best_parameters_have_their_declared_types_in_the_order_of_the_space() -> None:
    best = results.best_trial(tuned())
    assert best is not None
    assert json.dumps(best.parameters) == '{"lr": 1.0, "layers": 3, "batch": 32, "rate": 1.0, "opt": "sgd"}'
    assert (best.name, best.value, best.metrics) == ("x-1", 0.97, {"acc": 0.97, "loss": 0.3})


def test_arguments_and_json_are_exact() -> None:
    best = results.best_trial(tuned(lr="1e-05", layers=str(2**60)))
    assert best is not None
    assert best.arguments == ["--lr=1e-05", f"--layers={2**60}", "--batch=32", "--rate=1.0", "--opt=sgd"]
    assert json.loads(best.json)["layers"] == 2**60


def test_a_name_that_has_its_dashes_gets_no_more() -> None:
    best = results.BestTrial(name="x", parameters={"--lr": 0.5, "-n": 2, "opt": "sgd"}, value=1.0)
    assert best.arguments == ["--lr=0.5", "-n=2", "--opt=sgd"]


def test_what_the_space_does_not_describe_stays_text() -> None:
    best = results.best_trial(tuned(architecture="[[1]]", layers="odd"))
    assert best is not None
    assert (best.parameters["architecture"], best.parameters["layers"]) == ("[[1]]", "odd")


@pytest.mark.parametrize("value", [None, "nan", "inf", "unavailable"])
def test_without_a_finite_value_there_is_no_best(value: str | None) -> None:
    assert results.best_trial(tuned(value)) is None


@pytest.mark.parametrize(
    ("found", "status", "failure"),
    [
        pytest.param(Results(experiment=tuned(), trials=()), "Succeeded", "", id="a success"),
        pytest.param(
            Results(experiment=tuned(state="Failed"), trials=()),
            "Failed",
            "Experiment default/x failed (Why: because)",
            id="a failure says why",
        ),
        pytest.param(
            Results(experiment=tuned(None), trials=()),
            "Succeeded",
            "Experiment default/x succeeded without a best trial",
            id="no best trial is no success",
        ),
        pytest.param(
            Results(experiment=tuned(state="Running"), trials=(), timed_out=True),
            "TimedOut",
            "Experiment default/x did not finish in time; its results so far are in the outputs",
            id="a timeout",
        ),
    ],
)
def test_how_it_ended(found: Results, status: str, failure: str) -> None:
    assert (found.status, found.failure) == (status, failure)


def test_a_trial_tells_what_became_of_it() -> None:
    owner = tuned()
    built = trial("x-1").of(owner).assign(lr="0.5", layers="2").succeeded(acc="0.8").build()
    found = results.trial_result(built, owner)
    assert (found.state, found.parameters, found.value, found.metrics) == (
        "Succeeded", {"lr": 0.5, "layers": 2}, 0.8, {"acc": 0.8},
    )  # fmt: skip
    failed = results.trial_result(trial("x-2").of(owner).failed("Why", "because").build(), owner)
    assert (failed.state, failed.value, failed.reason, failed.message) == ("Failed", None, "Why", "because")


def test_trials_come_in_the_order_of_their_suggestion() -> None:
    client = FakeClient()
    made = [trial(f"x-{name}").index(index).to_dict() for name, index in (("b", 10), ("a", 2), ("c", 0))]
    client.items["trials"] = made
    assert [item.metadata.name for item in results.read_trials(client, tuned())] == ["x-c", "x-a", "x-b"]


def test_outputs_are_what_every_kfp_accepts() -> None:
    values = outputs.parameters(Results(experiment=tuned(), trials=()))
    assert tuple(values) == outputs.PARAMETERS
    assert [type(value) for value in values.values()] == [dict, str, list, float, str, str, str, str]


@pytest.mark.parametrize("value", [None, "nan", "inf"])
def test_without_a_best_trial_outputs_are_empty_and_finite(value: str | None) -> None:
    values = outputs.parameters(Results(experiment=tuned(value), trials=()))
    assert list(values.values())[:5] == [{}, "{}", [], 0.0, ""]
    json.dumps(values, allow_nan=False)


def test_metadata_are_finite_numbers() -> None:
    assert outputs.metric_metadata(Results(experiment=tuned(), trials=())) == {
        "best_acc": 0.97, "best_loss": 0.3, "trials": 4, "trials_succeeded": 3, "trials_failed": 1,
        "trials_early_stopped": 0,
    }  # fmt: skip


def test_a_failing_step_leaves_its_outputs_where_the_executor_would(tmp_path: Any) -> None:
    asked = {
        "outputs": {
            "outputFile": str(tmp_path / "out" / "executor_output.json"),
            "artifacts": {"metrics": {"artifacts": [{"name": "m", "uri": "/m", "metadata": {}}]}},
        }
    }
    artifact = SimpleNamespace(path="", metadata={"best_acc": 0.9})
    artifacts = outputs.Artifacts(trials=artifact, metrics=artifact, report=artifact)
    outputs.write_before_failing({"status": "Failed"}, artifacts, ["x", "--executor_input", json.dumps(asked)])
    assert json.loads((tmp_path / "out" / "executor_output.json").read_text()) == {
        "parameterValues": {"status": "Failed"},
        "artifacts": {"metrics": {"artifacts": [{"name": "m", "uri": "/m", "metadata": {"best_acc": 0.9}}]}},
    }
