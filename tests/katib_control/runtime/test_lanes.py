"""Lanes: order within one, progress of the others, limits, and an end that wakes who waits."""

from __future__ import annotations

import threading
from concurrent.futures import wait

import pytest

from katib_control.runtime.lanes import Closed, Lane, Lanes


class Gate:
    """A job that waits to be let through."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.go.wait(20)
        return "through"


def test_jobs_of_a_lane_run_one_by_one_in_their_order() -> None:
    lanes, lane, ran, inside = Lanes(length=100), Lane(), [], threading.Lock()

    def job(number: int) -> None:
        assert inside.acquire(blocking=False)
        ran.append(number)
        inside.release()

    futures = [lanes.submit(lane, lambda number=number: job(number)) for number in range(50)]
    for future in futures:
        assert future is not None
        future.result(20)
    assert ran == list(range(50))


def test_a_lane_that_stands_holds_up_no_other() -> None:
    lanes, gate = Lanes(threads=2), Gate()
    stuck = lanes.submit(Lane(), gate)
    for number in range(10):
        future = lanes.submit(Lane(), lambda number=number: number)
        assert future is not None
        assert future.result(20) == number
    gate.go.set()
    assert stuck is not None
    assert stuck.result(20) == "through"


def test_more_lanes_than_threads_take_turns() -> None:
    lanes, gates = Lanes(threads=2), [Gate() for _ in range(6)]
    futures = [lanes.submit(Lane(), gate) for gate in gates]
    for gate in gates:
        gate.go.set()
    assert [future.result(20) for future in futures if future] == ["through"] * 6


def test_a_full_lane_takes_no_more_until_it_has_moved() -> None:
    lanes, lane, gate = Lanes(length=2), Lane(), Gate()
    first = lanes.submit(lane, gate)
    assert gate.begun.wait(20)
    second = lanes.submit(lane, lambda: "second")
    assert lanes.submit(lane, lambda: "third") is None
    gate.go.set()
    assert first is not None
    assert second is not None
    assert (first.result(20), second.result(20)) == ("through", "second")
    last = lanes.submit(lane, lambda: "last")
    assert last is not None
    assert last.result(20) == "last"


def test_a_job_that_nobody_waits_for_any_more_never_runs_and_makes_room() -> None:
    lanes, lane, gate, ran = Lanes(length=2), Lane(), Gate(), threading.Event()
    lanes.submit(lane, gate)
    assert gate.begun.wait(20)
    given_up = lanes.submit(lane, ran.set)
    assert given_up is not None
    assert given_up.cancel()
    last = lanes.submit(lane, lambda: "last")
    gate.go.set()
    assert last is not None
    assert last.result(20) == "last"
    assert not ran.is_set()


def test_a_job_that_was_given_up_while_it_ran_goes_on_to_its_end() -> None:
    lanes, lane, gate = Lanes(), Lane(), Gate()
    given_up = lanes.submit(lane, gate)
    assert gate.begun.wait(20)
    assert given_up is not None
    given_up.cancel()
    gate.go.set()
    after = lanes.submit(lane, lambda: "after")
    assert after is not None
    assert after.result(20) == "after"


def test_what_a_job_raises_comes_to_who_waits_and_the_lane_goes_on() -> None:
    lanes, lane = Lanes(), Lane()
    wrong = lanes.submit(lane, lambda: 1 / 0)
    right = lanes.submit(lane, lambda: 1)
    assert wrong is not None
    assert right is not None
    with pytest.raises(ZeroDivisionError):
        wrong.result(20)
    assert right.result(20) == 1


def test_closing_wakes_those_who_wait_and_takes_no_more() -> None:
    lanes, lane, gate = Lanes(), Lane(), Gate()
    futures = [lanes.submit(lane, gate), lanes.submit(lane, lambda: "never")]
    assert gate.begun.wait(20)
    lanes.close()
    done = wait([future for future in futures if future], 20).done
    assert [type(future.exception()) for future in done] == [Closed, Closed]
    with pytest.raises(Closed):
        lanes.submit(Lane(), lambda: 1)
    gate.go.set()
