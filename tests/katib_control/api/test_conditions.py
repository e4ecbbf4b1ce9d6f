from datetime import datetime, timedelta, timezone

import pytest

from katib_control.api.conditions import EXPERIMENT_FINAL, final, find, is_true, put, trial_state
from katib_control.api.model import Condition

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
LATER = NOW + timedelta(seconds=5)


def c(kind: str, status: str = "True", reason: str = "r", message: str = "m") -> Condition:
    return Condition(type=kind, status=status, reason=reason, message=message)


def history(*new: Condition) -> list[Condition]:
    found: list[Condition] = []
    for item in new:
        found = put(found, item, NOW)
    return found


def test_a_new_condition_comes_last_with_both_times() -> None:
    found = put(history(c("Created")), c("Running"), LATER)
    assert [item.type for item in found] == ["Created", "Running"]
    assert found[-1].last_update_time == found[-1].last_transition_time == "2026-01-31T12:00:05Z"


def test_the_same_again_changes_nothing() -> None:
    before = history(c("Created"), c("Running"))
    assert put(before, c("Created"), LATER) == before


def test_a_new_message_is_shown_in_place() -> None:
    found = put(history(c("Created"), c("Running")), c("Created", message="new"), LATER)
    assert [(item.type, item.message) for item in found] == [("Created", "new"), ("Running", "m")]
    assert found[0].last_update_time == "2026-01-31T12:00:05Z"
    assert found[0].last_transition_time == "2026-01-31T12:00:00Z"


def test_a_new_reason_moves_it_to_the_end_and_keeps_the_transition_time() -> None:
    found = put(history(c("Created"), c("Running")), c("Created", reason="other"), LATER)
    assert [item.type for item in found] == ["Running", "Created"]
    assert found[-1].last_transition_time == "2026-01-31T12:00:00Z"


def test_a_new_status_is_a_transition() -> None:
    found = put(history(c("Running")), c("Running", status="False"), LATER)
    assert [(item.status, item.last_transition_time) for item in found] == [("False", "2026-01-31T12:00:05Z")]


def test_reading() -> None:
    conditions = [c("Running", status="False"), c("Failed")]
    assert is_true(conditions, "Failed")
    assert not is_true(conditions, "Running")
    assert not is_true(conditions, "Gone")
    assert find(conditions, "Running") is conditions[0]
    assert final(conditions, EXPERIMENT_FINAL) == "Failed"
    assert final(conditions[:1], EXPERIMENT_FINAL) is None


@pytest.mark.parametrize(
    ("true", "state"),
    [
        pytest.param([], "Pending", id="nothing yet"),
        pytest.param(["Created"], "Pending", id="created"),
        pytest.param(["Created", "Running"], "Running", id="running"),
        pytest.param(["Running", "MetricsUnavailable"], "Running", id="running counts before metrics"),
        pytest.param(["MetricsUnavailable"], "MetricsUnavailable", id="no metrics"),
        pytest.param(["Succeeded"], "Succeeded", id="succeeded"),
        pytest.param(["Succeeded", "Failed"], "Failed", id="failed counts before succeeded"),
        pytest.param(["EarlyStopped"], "EarlyStopped", id="stopped early"),
        pytest.param(["Succeeded", "Killed"], "Killed", id="killed counts before all"),
    ],
)
def test_each_trial_is_in_one_state(true: list[str], state: str) -> None:
    assert trial_state([c(kind) for kind in true]) == state
