"""Reading Trials into the cache."""

from __future__ import annotations

from typing import Any

import pytest

from builders import TrialBuilder, experiment, trial
from katib_control.api.errors import InvalidObject
from katib_control.api.trial import Trial
from katib_control.reconcile.trial_decoding import TrialDecoder

OWNER = experiment("x").objective("loss", additional=["acc"]).collector("StdOut").build()
JOB = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": {}}}}


def made(name: str = "x-1") -> TrialBuilder:
    return trial(name).of(OWNER).index(1).assign(lr=0.1).run(JOB)


@pytest.mark.parametrize(
    "builder",
    [
        pytest.param(trial(), id="bare"),
        pytest.param(made().labels({"a": "b"}), id="new"),
        pytest.param(made().running(), id="running"),
        pytest.param(made().running().spec(parameterAssignments=[]), id="without assignments"),
    ],
)
def test_it_reads_what_the_type_reads(builder: TrialBuilder) -> None:
    decode = TrialDecoder()
    for _ in range(2):
        assert decode(builder.to_dict()) == Trial.decode(builder.to_dict())
    assert decode(builder.to_dict()).to_dict().get("spec") == builder.to_dict().get("spec")


def test_what_trials_have_in_common_is_kept_once() -> None:
    decode = TrialDecoder()
    first, second = decode(made().running().to_dict()), decode(made("x-2").running().to_dict())
    assert first.spec.objective is second.spec.objective
    assert first.spec.metrics_collector is second.spec.metrics_collector
    assert first.metadata.owner_references[0] is second.metadata.owner_references[0]
    assert first.status.conditions[0] is second.status.conditions[0]


def test_different_parts_stay_different() -> None:
    decode = TrialDecoder()
    first = decode(made().to_dict())
    second = decode(made().spec(objective={"type": "maximize", "objectiveMetricName": "acc"}).to_dict())
    assert (first.spec.objective, second.spec.objective) == (
        OWNER.spec.objective,
        Trial.decode({"spec": {"objective": {"type": "maximize", "objectiveMetricName": "acc"}}}).spec.objective,
    )


def test_of_a_trial_that_has_ended_only_the_kind_of_its_run_is_kept() -> None:
    ended = TrialDecoder()(made().succeeded(loss=1).to_dict())
    assert ended.spec.run_spec == {"apiVersion": "batch/v1", "kind": "Job"}
    assert ended.status == made().succeeded(loss=1).build().status


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        pytest.param("spec.objective", 7, "spec.objective", id="no object"),
        pytest.param("spec.objective", {"goal": "high"}, "spec.objective.goal", id="a field of wrong type"),
        pytest.param("status.conditions", [{"type": 1}], "status.conditions[0].type", id="a condition"),
    ],
)
def test_wrong_types_are_told_with_their_path(path: str, value: Any, field: str) -> None:
    body = made().to_dict()
    part, _, name = path.partition(".")
    body.setdefault(part, {})[name] = value
    with pytest.raises(InvalidObject) as raised:
        TrialDecoder()(body)
    assert [error.field for error in raised.value.errors] == [field]
