"""An author's arguments make an Experiment that Katib's API takes; mistakes are told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from katib_control.api.experiment import Experiment as ApiExperiment
from katib_kfp import Categorical, Double, Experiment, Int, maximize, minimize
from katib_kfp.experiment import ExperimentError
from katib_kfp.objective import ObjectiveError
from katib_kfp.runtime import codec
from katib_kfp.space import SpaceError

SPACE = {"lr": Double(min=1e-4, max=0.1, log=True), "opt": Categorical(choices=["sgd", "adam"])}
COMMAND = ["python", "train.py", "--lr=${trialParameters.lr}", "--opt=${trialParameters.opt}"]


def train(lr: float, opt: str, epochs: int = 3) -> float:
    return lr * epochs


def container(made: Experiment) -> dict[str, Any]:
    return dict(made.spec["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"][0])


def test_a_function_makes_a_whole_experiment() -> None:
    made = Experiment.from_function(train, space=SPACE, objective=maximize("accuracy", goal=0.99, also=["loss"]))
    assert made.to_dict()["metadata"] == {"name": "train"}
    spec = dict(made.spec)
    assert {"trialSpec", "primaryContainerName"} < set(spec.pop("trialTemplate"))
    assert [item["name"] for item in spec.pop("parameters")] == ["lr", "opt"]
    assert spec == {
        "objective": {
            "type": "maximize", "objectiveMetricName": "accuracy", "goal": 0.99, "additionalMetricNames": ["loss"],
        },
        "algorithm": {"algorithmName": "tpe"},
        "maxTrialCount": 12, "parallelTrialCount": 3, "maxFailedTrialCount": 3,
    }  # fmt: skip
    assert container(made)["command"][:3] == ["python", "-u", "-c"]
    assert container(made)["args"] == ["{}", "lr=${trialParameters.lr}", "opt=${trialParameters.opt}"]


def test_every_option_has_its_place() -> None:
    made = Experiment.from_command(
        [*COMMAND, "--name=${trialParameters.trialName}"],
        space=SPACE, objective=minimize("loss"), name="my_exp", namespace="team", labels={"a": "b"},
        algorithm="random", algorithm_settings={"random_state": 7, "flag": True},
        early_stopping="medianstop", early_stopping_settings={"start_step": 4},
        max_trial_count=2, max_failed_trial_count=0, resume_policy="LongRunning", metrics_format=["(a)=(b)"],
        image="me/train:1-python3.11", env={"A": 1}, resources={"cpu": 2, "memory": "1Gi"}, trial_timeout_seconds=60,
        retain=False,
    )  # fmt: skip
    assert made.body["metadata"] == {"name": "my-exp", "namespace": "team", "labels": {"a": "b"}}
    spec, template = made.spec, made.spec["trialTemplate"]
    assert spec["algorithm"]["algorithmSettings"] == [
        {"name": "random_state", "value": "7"}, {"name": "flag", "value": "true"},
    ]  # fmt: skip
    assert spec["earlyStopping"]["algorithmSettings"] == [{"name": "start_step", "value": "4"}]
    assert (spec["maxTrialCount"], spec["parallelTrialCount"], spec["maxFailedTrialCount"]) == (2, 2, 0)
    assert spec["resumePolicy"] == "LongRunning"
    assert spec["metricsCollectorSpec"]["source"] == {"filter": {"metricsFormat": ["(a)=(b)"]}}
    assert template["retain"] is False
    assert template["trialSpec"]["spec"]["activeDeadlineSeconds"] == 60
    assert template["trialParameters"][-1] == {"name": "trialName", "reference": "${trialSpec.Name}"}
    found = container(made)
    assert (found["image"], found["env"]) == ("me/train:1-python3.11", [{"name": "A", "value": "1"}])
    assert found["resources"] == {"limits": {"cpu": "2", "memory": "1Gi"}}


def test_settings_of_a_rule_that_is_not_named_are_not_passed_over() -> None:
    made = Experiment.from_command(
        COMMAND, space=SPACE, objective=minimize("loss"), early_stopping_settings={"start_step": 4}
    )
    assert made.spec["earlyStopping"]["algorithmName"] == "", "which the control plane refuses"


def test_what_is_made_is_valid_for_the_control_plane() -> None:
    defaults = pytest.importorskip("katib_control.api.defaults")
    validation = pytest.importorskip("katib_control.api.validation")
    for made in (
        Experiment.from_function(train, space=SPACE, objective=maximize("accuracy"), arguments={"epochs": 2}),
        Experiment.from_command(COMMAND, space=SPACE, objective=minimize("loss")),
    ):
        assert list(validation.validate(defaults.default(ApiExperiment.decode(made.to_dict())))) == []


def test_an_experiment_that_exists_is_taken_in_every_form(tmp_path: Path) -> None:
    made = Experiment.from_command(COMMAND, space=SPACE, objective=minimize("loss"), name="x")
    file = tmp_path / "x.yaml"
    file.write_text(made.to_yaml())
    forms = [made.to_dict(), made.to_yaml(), file, ApiExperiment.decode(made.to_dict())]
    assert [Experiment.from_spec(form).spec for form in forms] == [made.spec] * 4
    assert Experiment.from_spec(made.spec).spec == made.spec
    assert codec.decode(made.for_kfp(), {}) == made.to_dict()
    assert made.name == "x"


def test_what_is_handed_out_may_be_changed() -> None:
    made = Experiment.from_command(COMMAND, space=SPACE, objective=minimize("loss"), name="x")
    made.to_dict()["metadata"]["name"] = "y"
    made.spec["objective"]["type"] = "maximize"
    assert (made.name, made.spec["objective"]["type"]) == ("x", "minimize")


def test_a_space_may_be_used_twice() -> None:
    first = Experiment.from_function(train, space=SPACE, objective=maximize("a"))
    assert Experiment.from_function(train, space=SPACE, objective=maximize("a")) == first


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        pytest.param(lambda: command(max_trials=3), ExperimentError, "did you mean max_trial_count?", id="a typo"),
        pytest.param(lambda: command(colour=3), ExperimentError, "colour: no such option; known: name", id="nonsense"),
        pytest.param(
            lambda: command(max_trial_count=0),
            ExperimentError,
            "max_trial_count: must be an int of at least 1",
            id="no trials",
        ),
        pytest.param(lambda: command(parallel_trial_count=2.0), ExperimentError, "(got 2.0)", id="a float count"),
        pytest.param(
            lambda: command(words="python train.py"), ExperimentError, "must be a list of words", id="one text"
        ),
        pytest.param(
            lambda: command(words=["x", "${trialParameters.lr}"]),
            ExperimentError,
            "never uses ${trialParameters.opt}",
            id="a parameter that is not used",
        ),
        pytest.param(
            lambda: command(words=[*COMMAND, "${trialParameters.depth}"]),
            ExperimentError,
            "${trialParameters.depth} is not in the search space",
            id="a parameter that is not tuned",
        ),
        pytest.param(lambda: command(space={}), SpaceError, "is empty", id="no space"),
        pytest.param(
            lambda: command(objective="accuracy"), ExperimentError, "must be maximize(", id="a bare objective"
        ),
        pytest.param(lambda: maximize("val acc"), ObjectiveError, "'val acc'", id="a metric name with a space"),
        pytest.param(
            lambda: maximize("a", also="b"), ObjectiveError, "must be a list", id="one metric instead of a list"
        ),
        pytest.param(
            lambda: maximize("a", also=["a"]), ObjectiveError, "list of other metrics", id="the objective twice"
        ),
        pytest.param(lambda: Experiment.from_spec("a: [b"), ExperimentError, "spec: must be YAML", id="broken YAML"),
        pytest.param(
            lambda: function(space={**SPACE, "x": Int(min=1, max=2)}),
            ValueError,
            "has no parameter 'x'",
            id="a tuned parameter that the function has not",
        ),
    ],
)
def test_mistakes_are_told_in_one_line(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        make()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def command(words: Any = COMMAND, space: Any = SPACE, objective: Any = None, **options: Any) -> Experiment:
    return Experiment.from_command(words, space=space, objective=objective or minimize("loss"), **options)


def function(space: Any) -> Experiment:
    return Experiment.from_function(train, space=space, objective=maximize("a"))


def test_several_objectives_points_to_begin_with_and_constraints_have_their_fields():
    made = Experiment.from_command(
        COMMAND,
        space=SPACE,
        objective=[maximize("accuracy", goal=0.9, also=["loss"]), minimize("seconds", also=["loss", "accuracy"])],
        initial_points=[{"lr": 0.001}],
        constraints=["lr < 0.05"],
    )
    assert made.spec["objective"] == {
        "type": "maximize", "objectiveMetricName": "accuracy", "goal": 0.9, "additionalMetricNames": ["loss"],
        "additionalObjectives": [{"type": "minimize", "objectiveMetricName": "seconds"}],
    }  # fmt: skip
    assert made.spec["initialPoints"] == [{"parameterAssignments": [{"name": "lr", "value": "0.001"}]}]
    assert made.spec["constraints"] == ["lr < 0.05"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param({"objective": []}, "or a list of them", id="no objective"),
        pytest.param({"objective": [minimize("a"), minimize("a")]}, "optimised once", id="one metric twice"),
        pytest.param({"objective": [minimize("a"), minimize("b", goal=1)]}, "only the first", id="two goals"),
        pytest.param({"initial_points": [{"rate": 1}]}, "rate is not in the search space", id="an unknown parameter"),
        pytest.param({"constraints": "lr < 1"}, "must be a list", id="a constraint instead of a list"),
    ],
)
def test_what_makes_no_search_is_told(options, told):
    with pytest.raises(ExperimentError, match=told):
        Experiment.from_command(COMMAND, **{"space": SPACE, "objective": minimize("loss"), **options})
