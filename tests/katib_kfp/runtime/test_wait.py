"""Waiting sees every change, survives what passes and raises what does not."""

from __future__ import annotations

from typing import Any

import pytest

from fake_api import FakeClient
from katib_control.api.experiment import Experiment
from katib_control.kube.errors import Forbidden, Gone, NotFound, Unreachable
from katib_control.kube.resources import EXPERIMENTS
from katib_kfp.runtime.errors import ExperimentGone, StillThere
from katib_kfp.runtime.wait import Waiter


class Time:
    """A clock that moves by sleeping."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def setup() -> tuple[FakeClient, Time, Waiter, list[Experiment]]:
    client, time = FakeClient(), Time()
    client.create(EXPERIMENTS, {"metadata": {"name": "x"}, "spec": {"maxTrialCount": 4}}, "ns")
    return client, time, Waiter(client=client, clock=lambda: time.now, sleep=time.sleep), []


def test_every_change_is_seen_until_the_end() -> None:
    client, _, waiter, seen = setup()
    for count in (1, 2):
        client.update("x", trialsSucceeded=count)
    client.finish("x", "Succeeded", trialsSucceeded=3)
    client.experiments["x"]["status"] = {}  # the first read is older than the changes
    found, finished = waiter.until_finished("x", "ns", timeout=9, on_change=seen.append)
    assert finished
    assert [item.status.trials_succeeded for item in seen] == [0, 1, 2, 3]
    assert found is seen[-1]


def test_one_that_has_finished_is_returned_at_once() -> None:
    client, time, waiter, seen = setup()
    client.finish("x", "Failed")
    _, finished = waiter.until_finished("x", "ns", timeout=9, on_change=seen.append)
    assert (finished, len(seen), time.slept) == (True, 1, [])


def test_after_the_timeout_what_there_is_comes_back() -> None:
    _, time, waiter, _ = setup()

    def pass_time(experiment: Experiment) -> None:
        time.now += 5

    found, finished = waiter.until_finished("x", "ns", timeout=9, on_change=pass_time)
    assert (finished, found.metadata.name, time.now) == (False, "x", 10.2)


def test_errors_that_pass_are_survived_with_growing_pauses() -> None:
    client, time, waiter, seen = setup()
    client.errors = [Unreachable("gone fishing"), Unreachable("still"), Gone("too old")]
    client.finish("x", "Succeeded")
    _, finished = waiter.until_finished("x", "ns", timeout=9, on_change=seen.append)
    assert (finished, time.slept) == (True, [0.2, 0.4])


def test_a_server_that_never_answers_ends_with_the_timeout() -> None:
    client, _, waiter, seen = setup()
    client.errors = [Unreachable("away")] * 99
    with pytest.raises(ExperimentGone, match="no answer in 9 s"):
        waiter.until_finished("x", "ns", timeout=9, on_change=seen.append)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Forbidden("not you"), id="403 is raised at once, not retried for a day"),
        pytest.param(NotFound("what?"), id="an Experiment that never was"),
    ],
)
def test_errors_that_stay_are_raised_at_once(error: Any) -> None:
    client, time, waiter, seen = setup()
    client.errors = [error]
    with pytest.raises(type(error)):
        waiter.until_finished("x", "ns", timeout=9, on_change=seen.append)
    assert time.slept == []


def test_a_deletion_meanwhile_is_told() -> None:
    client, _, waiter, _ = setup()
    with pytest.raises(ExperimentGone, match="ns/x was deleted"):
        waiter.until_finished("x", "ns", timeout=9, on_change=lambda _: client.delete(EXPERIMENTS, "x", "ns"))


def test_until_gone_ends_with_the_deletion() -> None:
    client, time, waiter, _ = setup()
    client.changes.put(("DELETED", {}))
    waiter.until_gone("x", "ns", timeout=9)
    waiter.until_gone("never-was", "ns", timeout=9)
    assert time.slept == []


def test_one_that_stays_after_its_deletion_is_told() -> None:
    _, _, waiter, _ = setup()
    with pytest.raises(StillThere, match="ns/x is still there 9 s after its deletion"):
        waiter.until_gone("x", "ns", timeout=9)
