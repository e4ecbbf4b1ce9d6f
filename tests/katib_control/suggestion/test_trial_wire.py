"""Trials on the wire: every state, one value for each metric, and that what is made quickly is made rightly."""

from __future__ import annotations

import pytest

from builders import TrialBuilder, experiment, trial
from katib_control.api.conditions import trial_state
from katib_control.api.experiment import ObjectiveSpec
from katib_control.api.trial import Trial
from katib_control.pb import api_pb2 as pb
from katib_control.suggestion.trial_wire import read_trial, write_trial
from serving import trial_message

LOSS = ObjectiveSpec(type="minimize", objective_metric_name="loss", additional_metric_names=["accuracy"])
STATES = pb.TrialStatus

STATES_READ = [
    pytest.param(STATES.CREATED, "", "Pending", id="created"),
    pytest.param(STATES.RUNNING, "", "Running", id="running"),
    pytest.param(STATES.SUCCEEDED, "", "Succeeded", id="succeeded"),
    pytest.param(STATES.KILLED, "", "Killed", id="killed"),
    pytest.param(STATES.FAILED, "", "Failed", id="failed"),
    pytest.param(STATES.METRICSUNAVAILABLE, "", "MetricsUnavailable", id="metrics unavailable"),
    pytest.param(STATES.EARLYSTOPPED, "", "EarlyStopped", id="early stopped"),
    pytest.param(STATES.UNKNOWN, "", "Pending", id="unknown: Katib's word for a Trial without a condition"),
    pytest.param(STATES.UNKNOWN, "2026-01-31T12:00:00Z", "Killed", id="unknown, but it has ended"),
    pytest.param(42, "", "Pending", id="a state of the future"),
]


@pytest.mark.parametrize(("number", "completed", "state"), STATES_READ)
def test_every_state_is_read(number: int, completed: str, state: str) -> None:
    message = pb.Trial(name="t", status={"condition": number, "completion_time": completed})
    assert trial_state(read_trial(message).status.conditions) == state


@pytest.mark.parametrize("number", range(7))
def test_every_state_comes_back(number: int) -> None:
    message = trial_message("t", {"x": "1"}, "0.5", state=number)
    assert write_trial(read_trial(message), LOSS).status.condition == number


def test_a_trial_is_the_same_as_one_that_was_checked_in_every_field() -> None:
    message = trial_message("t", {"x": "1", "c": "a b"}, "0.5")
    message.spec.labels["generation"] = "3"
    read = read_trial(message)
    checked = Trial.decode(read.to_dict())
    assert read == checked
    assert read.to_dict() == checked.to_dict()
    assert read.but(metadata=read.metadata.but(name="u")).to_dict() == checked.to_dict() | {"metadata": {"name": "u"}}
    assert read.spec.assignments == {"x": "1", "c": "a b"}


def test_an_empty_trial_is_read() -> None:
    read = read_trial(pb.Trial())
    assert (read.metadata.name, read.spec.parameter_assignments, read.status.observation) == ("", [], None)


VALUES = [
    pytest.param(trial().succeeded(loss=(1, 3, 2)), ObjectiveSpec(type="minimize"), "1", id="minimize sends the least"),
    pytest.param(trial().succeeded(loss=(1, 3, 2)), ObjectiveSpec(type="maximize"), "3", id="maximize sends the most"),
    pytest.param(trial().succeeded(loss=(1, 3, 2)), ObjectiveSpec(), "2", id="without a type the latest is sent"),
    pytest.param(
        trial().succeeded(loss=("unavailable", "unavailable", "nan")), ObjectiveSpec(type="minimize"), "nan",
        id="where the least is unavailable the latest is sent",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("built", "objective", "sent"), VALUES)
def test_one_value_of_each_metric_is_sent(built: TrialBuilder, objective: ObjectiveSpec, sent: str) -> None:
    message = write_trial(built.build(), objective.but(objective_metric_name="loss"))
    assert [(item.name, item.value) for item in message.status.observation.metrics] == [("loss", sent)]


def test_strategies_of_the_experiment_pick_the_value() -> None:
    owner = experiment().objective("loss").strategy("loss", "latest").build()
    assert owner.spec.objective is not None
    message = write_trial(trial().of(owner).succeeded(loss=(1, 3, 2)).build(), owner.spec.objective)
    assert message.status.observation.metrics[0].value == "2"


def test_a_trial_that_was_written_reads_the_same() -> None:
    before = trial("t").assign(x=1, c="a").early_stopped(loss=0.5).spec(labels={"rung": "1"}).build()
    after = read_trial(pb.Trial.FromString(write_trial(before, LOSS).SerializeToString()))
    assert after.spec.assignments == before.spec.assignments
    assert after.spec.labels == before.spec.labels
    assert after.status.observation == before.status.observation
    assert after.status.start_time == before.status.start_time
    assert after.status.completion_time == before.status.completion_time
    assert trial_state(after.status.conditions) == trial_state(before.status.conditions)
