"""Editing a list of conditions."""

from __future__ import annotations

from datetime import datetime, timezone

from builders import trial
from katib_control.reconcile.conditions import Conditions, without

NOW = datetime(2026, 1, 31, 12, 0, 30, tzinfo=timezone.utc)
ITEMS = trial().running().build().status.conditions


def types(listed: Conditions) -> list[tuple[str, str]]:
    return [(item.type, item.status) for item in listed.items]


def test_the_latest_is_the_last() -> None:
    listed = Conditions(ITEMS, NOW)
    listed.stop_running("TrialRunning", "over")
    listed.put("Succeeded", "TrialSucceeded", "well")
    assert types(listed) == [("Created", "True"), ("Running", "False"), ("Succeeded", "True")]


def test_every_field_of_a_condition_is_written() -> None:
    listed = Conditions([], NOW)
    listed.put("Running", "TrialRunning", "on")
    assert listed.items[0].to_dict() == {
        "type": "Running",
        "status": "True",
        "reason": "TrialRunning",
        "message": "on",
        "lastUpdateTime": "2026-01-31T12:00:30Z",
        "lastTransitionTime": "2026-01-31T12:00:30Z",
    }


def test_what_never_ran_does_not_stop_running() -> None:
    listed = Conditions(ITEMS[:1], NOW)
    listed.stop_running("TrialRunning", "over")
    assert types(listed) == [("Created", "True")]


def test_what_somebody_else_has_set_stays_the_state() -> None:
    stopped = trial().pending().condition("EarlyStopped").condition("Running").build()
    listed = Conditions(stopped.status.conditions, NOW)
    listed.move_last("EarlyStopped")
    assert types(listed)[-1] == ("EarlyStopped", "True")


def test_without() -> None:
    assert [item.type for item in without(ITEMS, ("Running",))] == ["Created"]
