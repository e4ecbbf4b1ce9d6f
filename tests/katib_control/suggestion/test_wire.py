"""Experiments and answers on the wire: field by field, and there and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from builders import ExperimentBuilder, experiment
from katib_control.api.experiment import Experiment
from katib_control.api.model import NameValue
from katib_control.api.suggestion import Answer, TrialAssignment
from katib_control.pb import api_pb2 as pb
from katib_control.suggestion.wire import read_answer, read_experiment, write_answer, write_experiment
from searching import parameters, with_parameters
from serving import experiment_message


def there_and_back(given: Experiment) -> Experiment:
    return read_experiment(pb.Experiment.FromString(write_experiment(given).SerializeToString()))


FULL = (
    experiment("full").namespace("team").uid("u-1").parallel(3).max_trials(12)
    .objective("loss", "maximize", goal=0.9, additional=["time"])
    .double("x", "0.1", "1e3", step="0.1", distribution="logNormal").int("n", -5, 5).discrete("d", "0.5", "2")
    .categorical("c", "a", "b").algorithm("tpe", gamma="0.3", random_state=1).early_stopping("medianstop", start_step=2)
    .spec(constraints=["x > n"], initialPoints=[{"parameterAssignments": [{"name": "n", "value": "2"}]}])
)  # fmt: skip


def test_all_that_a_search_needs_comes_back() -> None:
    before = FULL.build()
    after = there_and_back(before)
    for name in (
        "parameters", "objective", "algorithm", "early_stopping", "parallel_trial_count", "max_trial_count",
        "constraints", "initial_points",
    ):  # fmt: skip
        assert getattr(after.spec, name) == getattr(before.spec, name), name
    assert (after.metadata.name, after.metadata.namespace, after.metadata.uid) == ("full", "team", "u-1")


def test_further_objectives_come_back() -> None:
    further = [{"type": "maximize", "objectiveMetricName": "accuracy"}]
    objective = {"type": "minimize", "objectiveMetricName": "loss", "additionalObjectives": further}
    after = there_and_back(experiment().spec(objective=objective).build())
    assert after.spec.objective is not None
    assert after.spec.objective.objectives == (("loss", "minimize"), ("accuracy", "maximize"))


def test_a_network_architecture_comes_back() -> None:
    operation = {
        "operationType": "conv",
        "parameters": [{"name": "size", "parameterType": "categorical", "feasibleSpace": {"list": ["3", "5"]}}],
    }
    config = {
        "graphConfig": {"numLayers": 8, "inputSizes": [32, 32, 3], "outputSizes": [10]},
        "operations": [operation],
    }
    after = there_and_back(experiment().spec(nasConfig=config).build())
    assert after.spec.nas_config is not None
    assert after.spec.nas_config.graph_config.input_sizes == [32, 32, 3]
    assert after.spec.nas_config.operations[0].parameters[0].feasible_space.choices == ["3", "5"]


@settings(max_examples=100)
@given(given=parameters())
def test_every_search_space_comes_back(given: list[dict[str, Any]]) -> None:
    before = with_parameters(given).build()
    assert there_and_back(before).spec.parameters == before.spec.parameters


NOTHING_SAID = [
    pytest.param(lambda spec: spec.objective.type, "", id="objective type 0 says nothing"),
    pytest.param(lambda spec: spec.objective.goal, None, id="goal 0 is no goal"),
    pytest.param(lambda spec: spec.max_trial_count, None, id="maxTrialCount 0 is none"),
    pytest.param(lambda spec: spec.parallel_trial_count, None, id="parallelTrialCount 0 is none"),
    pytest.param(lambda spec: spec.early_stopping, None, id="no early stopping"),
    pytest.param(lambda spec: spec.nas_config, None, id="no architecture"),
    pytest.param(lambda spec: spec.parameters[0].parameter_type, "unknown", id="parameter type 0 is unknown"),
    pytest.param(lambda spec: spec.parameters[0].feasible_space.distribution, "", id="distribution 0 says nothing"),
    pytest.param(lambda spec: spec.parameters[0].feasible_space.step, None, id="empty step is none"),
]  # fmt: skip


@pytest.mark.parametrize(("look", "read"), NOTHING_SAID)
def test_what_the_wire_leaves_out(look: Any, read: object) -> None:
    parameter = {"name": "x", "feasible_space": {"min": "0", "max": "1"}}
    message = experiment_message(parameters=[parameter], objective={"objective_metric_name": "loss"})
    assert look(read_experiment(message).spec) == read


def test_a_missing_objective_is_not_an_empty_one() -> None:
    assert read_experiment(experiment_message(objective=None)).spec.objective is None
    assert read_experiment(experiment_message(objective={})).spec.objective is not None


def test_numbers_that_no_enumeration_has_are_not_taken_for_a_word() -> None:
    parameter = {
        "name": "x", "parameter_type": 9, "feasible_space": {"min": "0", "max": "1", "distribution": 9},
    }  # fmt: skip
    (read,) = read_experiment(experiment_message(parameters=[parameter])).spec.parameters
    assert (read.parameter_type, read.feasible_space.distribution) == ("9", "9")


def test_where_it_is_can_be_said_beside_the_message_but_the_message_counts() -> None:
    meta = read_experiment(experiment_message(), "beside", "1").metadata
    assert (meta.namespace, meta.uid) == ("beside", "1")
    message = experiment_message()
    message.namespace, message.uid = "inside", "2"
    meta = read_experiment(message, "beside", "1").metadata
    assert (meta.namespace, meta.uid) == ("inside", "2")


POINT = TrialAssignment(
    name="x-1", parameter_assignments=[NameValue(name="n", value="1"), NameValue(name="c", value="b")],
    labels={"generation": "0"},
)  # fmt: skip


def test_an_answer_comes_back() -> None:
    answer = Answer(assignments=[POINT], exhausted=True, settings={"current_s": "2"})
    reply = pb.GetSuggestionsReply.FromString(write_answer(answer, "hyperband").SerializeToString())
    assert read_answer(reply) == answer
    assert reply.algorithm.algorithm_name == "hyperband"
    assert [item.name for item in reply.parameter_assignments[0].assignments] == ["n", "c"]


def test_a_reply_names_no_trial_and_no_algorithm_without_need() -> None:
    reply = write_answer(Answer(assignments=[POINT.but(name="", labels={})]), "random", "why")
    assert not reply.HasField("algorithm")
    assert not reply.parameter_assignments[0].trial_name
    assert not reply.early_stopping_rules
    assert reply.note == "why"


@pytest.mark.parametrize("built", [experiment(), FULL], ids=["small", "full"])
def test_the_name_is_where_katib_has_it(built: ExperimentBuilder) -> None:
    raw = write_experiment(built.build()).SerializeToString()
    assert raw[:2] == bytes([1 << 3 | 2, len(built.build().metadata.name)])
