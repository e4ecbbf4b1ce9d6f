"""What a step asks for, put together from its inputs."""

from __future__ import annotations

from typing import Any

import pytest

from builders import experiment
from katib_control.api.errors import InvalidObject
from katib_kfp.runtime.codec import encode
from katib_kfp.runtime.steps import Request, Waiting, requested

BODY = experiment("x").max_trials(9).parallel(3).double("lr", 0.1, 1).to_dict()


def spec(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"spec": encode(BODY)}
    found: dict[str, Any] = requested(Request(**(fields | changes)), {})["spec"]
    return found


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        pytest.param({}, (9, 3), id="as it is"),
        pytest.param({"max_trial_count": 20, "parallel_trial_count": 5}, (20, 5), id="both overridden"),
        pytest.param({"max_trial_count": 2}, (2, 2), id="a shortened run runs no more at a time than in all"),
        pytest.param(
            {"max_trial_count": 2, "parallel_trial_count": 5}, (2, 5), id="what is said is not second-guessed"
        ),
    ],
)
def test_counts_are_overridden(changes: dict[str, Any], counts: tuple[int, int]) -> None:
    found = spec(**changes)
    assert (found["maxTrialCount"], found["parallelTrialCount"]) == counts


def test_fixed_trial_parameters_are_filled_in() -> None:
    body = experiment("x").double("lr", 0.1, 1).to_dict()
    template = body["spec"]["trialTemplate"]
    template["trialParameters"].append({"name": "data", "reference": "data"})
    template["trialSpec"]["note"] = "${trialParameters.data} ${trialParameters.lr}"
    found = spec(spec=encode(body), pinned={"data": "s3://x"})["trialTemplate"]
    assert found["trialSpec"]["note"] == "s3://x ${trialParameters.lr}"
    assert [item["name"] for item in found["trialParameters"]] == ["lr"]


def test_a_tuned_parameter_cannot_be_fixed() -> None:
    with pytest.raises(InvalidObject, match=r"trial_parameters.lr: cannot be fixed"):
        spec(pinned={"lr": 1})


def test_waiting_refuses_all_that_is_wrong_at_once() -> None:
    with pytest.raises(InvalidObject) as caught:
        Waiting(timeout_minutes=0, on_cancel="x", on_failure="y").check()
    assert [item.field for item in caught.value.errors] == ["experiment_timeout_minutes", "on_cancel", "on_failure"]
