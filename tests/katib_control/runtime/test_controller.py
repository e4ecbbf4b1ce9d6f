from __future__ import annotations

import logging
import threading
import time
from collections import Counter

import pytest

from katib_control.kube.errors import Conflict, NotFound, ServerError
from katib_control.runtime.controller import Controller

KEY = ("n", "a")


@pytest.fixture
def run():
    """Start a controller whose reconcile is a function of (key, how often it was called for it)."""
    started = []

    def begin(function, **options):
        counts = Counter()

        def reconcile(key):
            counts[key] += 1
            return function(key, counts[key])

        controller = Controller("test", reconcile, **options)
        started.append(controller)
        controller.start()
        return controller

    yield begin
    for controller in started:
        controller.stop()


def test_a_key_is_reconciled_once_for_each_time_it_is_enqueued(run):
    keys, heard = [], threading.Event()

    def reconcile(key, count):
        keys.append(key)
        if key == ("n", "end"):
            heard.set()

    controller = run(reconcile)
    controller.enqueue(KEY)
    controller.enqueue(("n", "end"))
    assert heard.wait(5)
    assert keys == [KEY, ("n", "end")]


def test_a_key_enqueued_before_the_start_is_not_lost():
    heard = threading.Event()
    controller = Controller("test", lambda key: heard.set())
    controller.enqueue(KEY)
    controller.start()
    assert heard.wait(5)
    controller.stop()


def test_a_key_comes_again_after_the_seconds_that_were_returned(run):
    times, heard = [], threading.Event()

    def reconcile(key, count):
        times.append(time.monotonic())
        if count == 2:
            heard.set()
            return None
        return 0.05

    run(reconcile).enqueue(KEY)
    assert heard.wait(5)
    assert times[1] - times[0] >= 0.05


def test_an_error_brings_the_key_back_until_it_works(run):
    errors, heard = [], threading.Event()

    def reconcile(key, count):
        if count < 4:
            raise ServerError(f"attempt {count}")
        heard.set()

    run(reconcile, on_error=lambda key, error: errors.append((key, str(error)))).enqueue(KEY)
    assert heard.wait(5)
    assert errors == [(KEY, "attempt 1"), (KEY, "attempt 2"), (KEY, "attempt 3")]


@pytest.mark.parametrize(
    ("error", "level", "trace"),
    [
        pytest.param(Conflict("stale"), logging.DEBUG, False, id="a conflict is daily life"),
        pytest.param(NotFound("gone"), logging.DEBUG, False, id="what is deleted in between is daily life too"),
        pytest.param(ServerError("down"), logging.WARNING, False, id="an error raised on purpose is one line"),
        pytest.param(ZeroDivisionError("oops"), logging.ERROR, True, id="a fault of ours shows where it is"),
    ],
)
def test_errors_are_logged_as_what_they_are(run, caplog, error, level, trace):
    heard = threading.Event()

    def reconcile(key, count):
        if count == 1:
            raise error
        heard.set()

    with caplog.at_level(logging.DEBUG):
        run(reconcile).enqueue(KEY)
        assert heard.wait(5)
    record = next(record for record in caplog.records if "n/a: again in" in record.getMessage())
    assert record.levelno == level
    assert bool(record.exc_info) == trace


def test_a_key_that_fails_again_and_again_is_not_logged_each_time(run, caplog):
    heard = threading.Event()

    def reconcile(key, count):
        if count < 5:
            raise ZeroDivisionError
        heard.set()

    run(reconcile).enqueue(KEY)
    assert heard.wait(5)
    assert caplog.text.count("n/a: again in") == 1


def test_an_on_error_that_fails_ends_nothing(run, caplog):
    heard = threading.Event()

    def reconcile(key, count):
        if count == 1:
            raise ServerError("down")
        heard.set()

    run(reconcile, on_error=lambda key, error: 1 / 0).enqueue(KEY)
    assert heard.wait(5)
    assert "the error could not be reported" in caplog.text


def test_workers_share_the_keys_but_never_one_key(run):
    both, alone = threading.Barrier(2, timeout=5), Counter()
    done, together = threading.Event(), []

    def reconcile(key, count):
        alone[key] += 1
        together.append(alone[key])
        both.wait()
        alone[key] -= 1
        if count == 1:
            return 0.001
        done.set()

    controller = run(reconcile, workers=2)
    controller.enqueue(("n", "a"))
    controller.enqueue(("n", "b"))
    assert done.wait(5)
    assert max(together) == 1


def test_stop_returns_promptly_though_a_reconcile_hangs(run):
    entered, release = threading.Event(), threading.Event()

    def reconcile(key, count):
        entered.set()
        release.wait(5)

    controller = run(reconcile)
    controller.enqueue(KEY)
    assert entered.wait(5)
    began = time.monotonic()
    controller.stop()
    assert time.monotonic() - began < 0.5
    release.set()


def test_nothing_is_reconciled_after_stop(run):
    keys = []
    controller = run(lambda key, count: keys.append(key))
    controller.stop()
    controller.enqueue(KEY)
    time.sleep(0.02)
    assert keys == []
