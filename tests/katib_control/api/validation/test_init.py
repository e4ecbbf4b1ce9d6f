from typing import Any

import pytest

from builders import ExperimentBuilder, experiment
from katib_control.api.defaults import default
from katib_control.api.experiment import Experiment
from katib_control.api.validation import Installed, validate


def errors(builder: ExperimentBuilder, **options: Any) -> list[tuple[str, str]]:
    found = validate(default(builder.build()), **options)
    return [(item.field, item.reason.removeprefix("FieldValue")) for item in found]


SPACE = {"name": "n", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "0"}}
NAS: dict[str, Any] = {
    "graphConfig": {"numLayers": 8, "inputSizes": [32], "outputSizes": [10]},
    "operations": [{"operationType": "convolution", "parameters": [{**SPACE, "feasibleSpace": {"min": 1, "max": 2}}]}],
}


@pytest.mark.parametrize(
    "builder",
    [
        pytest.param(experiment(), id="the builder's"),
        pytest.param(experiment("a"), id="a name of one letter"),
        pytest.param(experiment("a" * 40), id="the longest name"),
        pytest.param(experiment("").metadata(generateName="tune-"), id="a generated name"),
        pytest.param(experiment().parallel(2).max_trials(2).max_failed(0), id="counts at their limits"),
        pytest.param(experiment().max_trials(2), id="fewer trials than are started by default"),
        pytest.param(experiment().max_failed(5), id="a failure limit without a trial limit"),
        pytest.param(experiment().algorithm("tpe", n_startup_trials=5), id="settings"),
        pytest.param(experiment().spec(nasConfig=NAS).trial_template(trialParameters=[]).command("true"), id="NAS"),
        pytest.param(experiment().early_stopping("medianstop"), id="early stopping"),
    ],
)
def test_accepts(builder: ExperimentBuilder) -> None:
    assert errors(builder) == []


@pytest.mark.parametrize(
    ("builder", "expected"),
    [
        pytest.param(experiment(""), [("metadata.name", "Required")], id="no name"),
        pytest.param(experiment("Tune"), [("metadata.name", "Invalid")], id="a capital letter"),
        pytest.param(experiment("1tune"), [("metadata.name", "Invalid")], id="a digit in front"),
        pytest.param(experiment("tune_me"), [("metadata.name", "Invalid")], id="an underscore further on"),
        pytest.param(experiment("tune-"), [("metadata.name", "Invalid")], id="a dash at the end"),
        pytest.param(experiment("a" * 41), [("metadata.name", "Invalid")], id="a long name"),
        pytest.param(
            experiment("").metadata(generateName="Tune-"), [("metadata.generateName", "Invalid")], id="a bad prefix"
        ),
        pytest.param(
            experiment("").metadata(generateName="a" * 36), [("metadata.generateName", "Invalid")], id="a long prefix"
        ),
        pytest.param(experiment().max_trials(0), [("spec.maxTrialCount", "Invalid")], id="no trials"),
        pytest.param(experiment().parallel(0), [("spec.parallelTrialCount", "Invalid")], id="none at a time"),
        pytest.param(experiment().max_failed(-1), [("spec.maxFailedTrialCount", "Invalid")], id="failures below 0"),
        pytest.param(experiment().max_trials(2**31), [("spec.maxTrialCount", "Invalid")], id="more than an int32"),
        pytest.param(
            experiment().max_trials(2).parallel(3).max_failed(4),
            [("spec.parallelTrialCount", "Invalid"), ("spec.maxFailedTrialCount", "Invalid")],
            id="more than there may be",
        ),
        pytest.param(experiment().spec(algorithm=None), [("spec.algorithm", "Required")], id="no algorithm"),
        pytest.param(experiment().algorithm(""), [("spec.algorithm.algorithmName", "Required")], id="no name"),
        pytest.param(
            experiment().spec(
                algorithm={"algorithmName": "x", "algorithmSettings": [{"name": "a"}, {"name": "a"}, {"value": "1"}]}
            ),
            [
                ("spec.algorithm.algorithmSettings[1].name", "Duplicate"),
                ("spec.algorithm.algorithmSettings[2].name", "Required"),
            ],
            id="odd settings",
        ),
        pytest.param(
            experiment().early_stopping(""), [("spec.earlyStopping.algorithmName", "Required")], id="no rule's name"
        ),
        pytest.param(experiment().resume("Always"), [("spec.resumePolicy", "NotSupported")], id="an unknown policy"),
        pytest.param(
            experiment().double("lr", 0, 1).spec(nasConfig=NAS), [("spec.nasConfig", "Forbidden")], id="two spaces"
        ),
        pytest.param(
            experiment().spec(
                nasConfig={
                    "graphConfig": {"numLayers": 0, "inputSizes": [1, 0]},
                    "operations": [{"parameters": [SPACE]}],
                }
            ).trial_template(trialParameters=[]).command("true"),
            [
                ("spec.nasConfig.graphConfig.numLayers", "Invalid"),
                ("spec.nasConfig.graphConfig.inputSizes[1]", "Invalid"),
                ("spec.nasConfig.operations[0].operationType", "Required"),
                ("spec.nasConfig.operations[0].parameters[0].feasibleSpace.min", "Invalid"),
            ],
            id="an odd graph",
        ),
    ],
)  # fmt: skip
def test_refuses(builder: ExperimentBuilder, expected: list[tuple[str, str]]) -> None:
    assert errors(builder) == expected


def test_all_errors_of_an_object_come_at_once() -> None:
    fields = [field for field, _ in errors(
        experiment("Bad")
        .parallel(0)
        .objective("", "best")
        .algorithm("")
        .double("lr", "low", 1)
        .trial_template(primaryContainerName="", successCondition="a..b")
        .collector("Nothing")
    )]  # fmt: skip
    assert fields == [
        "metadata.name",
        "spec.parallelTrialCount",
        "spec.objective.type",
        "spec.objective.objectiveMetricName",
        "spec.algorithm.algorithmName",
        "spec.parameters[0].feasibleSpace.min",
        "spec.trialTemplate.primaryContainerName",
        "spec.trialTemplate.successCondition",
        "spec.metricsCollectorSpec.collector.kind",
    ]


def test_an_empty_object_says_what_is_required() -> None:
    found = validate(default(Experiment()))
    assert [item.field for item in found if item.reason == "FieldValueRequired"] == [
        "metadata.name",
        "spec.objective",
        "spec.algorithm",
        "spec.parameters",
        "spec.trialTemplate",
    ]


def test_names_are_held_against_what_is_installed() -> None:
    installed = Installed(algorithms=["random", "tpe"], early_stopping=[], collectors=["StdOut"])
    builder = experiment().algorithm("rand0m").early_stopping("medianstop")
    found = [str(item) for item in validate(default(builder.build()), installed=installed)]
    assert found == [
        "spec.algorithm.algorithmName: must be one of random, tpe; did you mean 'random'? (got 'rand0m')",
        "spec.earlyStopping.algorithmName: nothing of this sort is installed (got 'medianstop')",
    ]


def test_every_error_is_one_line() -> None:
    for item in validate(default(experiment("a\nb").double("x", "\n", 1).build())):
        assert "\n" not in str(item)
