"""Calls that are due later."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from katib_control.collectors.schedule import Schedule


@pytest.fixture
def schedule() -> Iterator[Schedule]:
    made = Schedule("test")
    yield made
    made.close()


def test_calls_are_made_in_the_order_of_their_time(schedule: Schedule) -> None:
    made: list[str] = []
    done = threading.Event()
    schedule.after(0.04, done.set)
    schedule.after(0.02, lambda: made.append("late"))
    schedule.after(0.0, lambda: made.append("early"))
    assert done.wait(5)
    assert made == ["early", "late"]


def test_a_cancelled_call_is_not_made(schedule: Schedule) -> None:
    made: list[str] = []
    done = threading.Event()
    call = schedule.after(0.01, lambda: made.append("cancelled"))
    call.cancel()
    schedule.after(0.02, done.set)
    assert done.wait(5)
    assert made == []


def test_a_call_that_fails_does_not_stop_the_next(schedule: Schedule, caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Event()
    with caplog.at_level(logging.ERROR):
        schedule.after(0.0, lambda: 1 / 0)  # type: ignore[arg-type,return-value]  # only its failure matters
        schedule.after(0.01, done.set)
        assert done.wait(5)
    assert "a call of test has failed" in caplog.text


def test_without_calls_there_is_no_thread() -> None:
    before = threading.active_count()
    Schedule("idle").close()
    assert threading.active_count() == before


def test_after_close_nothing_is_called() -> None:
    schedule = Schedule("closed")
    made: list[str] = []
    schedule.after(0.02, lambda: made.append("before"))
    schedule.close()
    schedule.after(0.0, lambda: made.append("after"))
    assert made == []
    assert not [thread for thread in threading.enumerate() if thread.name == "closed"]
