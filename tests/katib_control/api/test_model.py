from typing import Any

import pytest
from pydantic import ValidationError

from builders import experiment, suggestion, trial
from katib_control.api.errors import InvalidObject
from katib_control.api.experiment import Experiment, FeasibleSpace
from katib_control.api.suggestion import Suggestion
from katib_control.api.trial import Trial


def test_what_comes_in_goes_out() -> None:
    an_experiment = experiment("x").int("n", 1, 3).parallel(2).condition("Created")
    a_trial = trial().of(an_experiment.build()).assign(n=2).succeeded(loss=0.5)
    a_suggestion = suggestion().of(an_experiment.build()).points({"n": 2})
    assert an_experiment.build().to_dict() == an_experiment.to_dict()
    assert a_trial.build().to_dict() == a_trial.to_dict()
    assert a_suggestion.build().to_dict() == a_suggestion.to_dict()


def test_unknown_fields_and_nulls_in_free_form_are_kept() -> None:
    data = {
        "metadata": {"name": "x", "managedFields": [{"a": None}]},
        "spec": {"later": 1, "trialTemplate": {"trialSpec": {"kind": "Job", "a": None, "b": [None]}}},
    }
    assert Experiment.decode(data).to_dict() == data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param({"metadata": {"creationTimestamp": None}}, {"metadata": {}}, id="a field that may be absent"),
        pytest.param({"metadata": {"labels": None}}, {"metadata": {}}, id="a map"),
        pytest.param({"spec": {"parameters": None, "maxTrialCount": 3}}, {"spec": {"maxTrialCount": 3}}, id="a list"),
        pytest.param({"status": None}, {}, id="an object"),
        pytest.param(
            {"spec": {"parameters": [{"name": "a", "feasibleSpace": None}, {"name": None}]}},
            {"spec": {"parameters": [{"name": "a"}, {}]}},
            id="deep inside lists",
        ),
    ],
)
def test_null_is_absent(data: Any, expected: Any) -> None:
    assert Experiment.decode(data).to_dict() == expected


def test_nulls_are_dropped_from_a_copy() -> None:
    data = {"status": {"conditions": None}}
    Experiment.decode(data)
    assert data == {"status": {"conditions": None}}


def test_wrong_types_are_named_all_at_once() -> None:
    data = {
        "metadata": {"name": 5, "labels": ["a"]},
        "spec": {
            "maxTrialCount": "many",
            "parameters": {"lr": 1},
            "objective": {"goal": "low", "additionalMetricNames": ["a", 1]},
            "trialTemplate": {"retain": "maybe", "trialSpec": "kind: Job"},
            "algorithm": [],
        },
    }
    with pytest.raises(InvalidObject) as caught:
        Experiment.decode(data, "file.yaml")
    assert [str(error) for error in caught.value.errors] == [
        "metadata.name: must be a string (got 5)",
        "metadata.labels: must be an object (got ['a'])",
        "spec.parameters: must be a list (got {'lr': 1})",
        "spec.objective.goal: must be a number (got 'low')",
        "spec.objective.additionalMetricNames[1]: must be a string (got 1)",
        "spec.algorithm: must be an object (got [])",
        "spec.trialTemplate.retain: must be true or false (got 'maybe')",
        "spec.trialTemplate.trialSpec: must be an object (got 'kind: Job')",
        "spec.maxTrialCount: must be a whole number (got 'many')",
    ]
    assert str(caught.value).startswith("file.yaml: metadata.name")


@pytest.mark.parametrize("data", [None, "text", [1]])
def test_what_is_no_object_is_refused(data: Any) -> None:
    with pytest.raises(InvalidObject, match="must be an object"):
        Trial.decode(data)


def test_a_condition_needs_a_type() -> None:
    with pytest.raises(InvalidObject, match=r"status.conditions\[0\].type: must be given"):
        Suggestion.decode({"status": {"conditions": [{"type": None}]}})


def test_numbers_in_hand_written_spaces_are_read_as_text() -> None:
    space = FeasibleSpace.decode({"min": 1, "max": 1e-05, "step": 0.5, "list": [16, 0.5, "a", True]})
    assert (space.min, space.max, space.step) == ("1", "1e-05", "0.5")
    assert space.choices == ["16", "0.5", "a", "true"]


def test_objects_do_not_change() -> None:
    built = experiment().build()
    changed = built.but(kind="Other")
    assert (built.kind, changed.kind) == ("Experiment", "Other")
    with pytest.raises(ValidationError):
        built.kind = "Other"  # type: ignore[misc]  # what the test is about
