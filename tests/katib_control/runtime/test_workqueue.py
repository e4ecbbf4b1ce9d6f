from __future__ import annotations

import threading
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from katib_control.runtime.workqueue import WorkQueue


class Time:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def queue(time):
    return WorkQueue(now=time)


def test_keys_come_in_the_order_they_were_added(queue):
    for key in "abc":
        queue.add(key)
    assert [queue.get(0), queue.get(0), queue.get(0), queue.get(0)] == ["a", "b", "c", None]


def test_a_key_added_twice_comes_once(queue):
    queue.add("a")
    queue.add("a")
    assert len(queue) == 1
    assert [queue.get(0), queue.get(0)] == ["a", None]


def test_a_key_added_while_it_is_worked_on_comes_again_when_that_is_done(queue):
    queue.add("a")
    assert queue.get(0) == "a"
    queue.add("a")
    queue.add("a")
    assert queue.get(0) is None
    queue.done("a")
    assert [queue.get(0), queue.get(0)] == ["a", None]


def test_a_later_key_waits_for_its_time(queue, time):
    queue.add("a", after=5)
    assert queue.get(0) is None
    time.now = 4.9
    assert queue.get(0) is None
    time.now = 5.0
    assert queue.get(0) == "a"


@pytest.mark.parametrize(
    ("first", "second"), [pytest.param(5, 2, id="sooner wins"), pytest.param(2, 5, id="later changes nothing")]
)
def test_of_two_times_the_earlier_stands(queue, time, first, second):
    queue.add("a", after=first)
    queue.add("a", after=second)
    time.now = 2.0
    assert queue.get(0) == "a"
    queue.done("a")
    time.now = 10.0
    assert queue.get(0) is None


def test_retries_wait_twice_as_long_each_time_and_start_over_when_forgotten(queue):
    assert [queue.retry("a") for _ in range(4)] == [0.01, 0.02, 0.04, 0.08]
    assert queue.failures("a") == 4
    queue.forget("a")
    assert queue.failures("a") == 0
    assert queue.retry("a") == 0.01


def test_retries_never_wait_longer_than_the_maximum(time):
    queue = WorkQueue(now=time, maximum=3.0)
    assert [queue.retry("a") for _ in range(2000)][-1] == 3.0


def test_stop_wakes_every_waiting_worker():
    queue = WorkQueue()
    found = []
    threads = [threading.Thread(target=lambda: found.append(queue.get())) for _ in range(3)]
    for thread in threads:
        thread.start()
    queue.stop()
    for thread in threads:
        thread.join(5)
    assert found == [None, None, None]
    queue.add("a")
    assert queue.get(0) is None


def test_a_waiting_worker_is_woken_by_a_key_and_by_its_time():
    queue = WorkQueue()
    found = []
    done = threading.Event()

    def work():
        while (key := queue.get()) is not None:
            found.append(key)
            queue.done(key)
            if len(found) == 3:
                done.set()

    thread = threading.Thread(target=work)
    thread.start()
    queue.add("late", after=0.05)
    queue.add("soon", after=0.01)
    queue.add("now")
    assert done.wait(5)
    queue.stop()
    thread.join(5)
    assert found == ["now", "soon", "late"]


def test_many_threads_lose_nothing_and_share_nothing():
    queue: WorkQueue[int] = WorkQueue()
    at_work, together, handled = Counter(), [], Counter()
    lock, finished = threading.Lock(), threading.Event()

    def work():
        while (key := queue.get()) is not None:
            with lock:
                at_work[key] += 1
                together.append(at_work[key])
            with lock:
                at_work[key] -= 1
                handled[key] += 1
            queue.done(key)
            if key == -1:
                finished.set()

    workers = [threading.Thread(target=work) for _ in range(4)]
    adders = [
        threading.Thread(target=lambda: [queue.add(n % 50, (n % 3) / 1e4) for n in range(2000)]) for _ in range(3)
    ]
    for thread in workers + adders:
        thread.start()
    for thread in adders:
        thread.join()
    queue.add(-1, after=0.05)
    assert finished.wait(10)
    queue.stop()
    for thread in workers:
        thread.join(5)
    assert max(together) == 1
    assert set(handled) == {-1, *range(50)}


class QueueMachine(RuleBasedStateMachine):
    """Against a model: every added key is handed out after it was added, and never while it is being worked on."""

    def __init__(self):
        super().__init__()
        self.time = Time()
        self.queue = WorkQueue(now=self.time)
        self.wanted: set[str] = set()
        self.later: dict[str, float] = {}
        self.working: list[str] = []

    @rule(key=st.sampled_from("abc"))
    def add(self, key):
        self.queue.add(key)
        self.wanted.add(key)

    @rule(key=st.sampled_from("abc"), after=st.integers(1, 5))
    def add_later(self, key, after):
        self.queue.add(key, after)
        self.later[key] = min(self.later.get(key, 1e9), self.time.now + after)

    @rule(seconds=st.integers(1, 4))
    def time_passes(self, seconds):
        self.time.now += seconds

    @rule()
    def take(self):
        self._make_due()
        key = self.queue.get(0)
        possible = self.wanted - set(self.working)
        if key is None:
            assert not possible
        else:
            assert key in possible
            self.wanted.discard(key)
            self.working.append(key)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def finish(self, data):
        key = data.draw(st.sampled_from(self.working))
        self.working.remove(key)
        self.queue.done(key)

    @invariant()
    def nothing_is_lost(self):
        assert len(self.working) == len(set(self.working))

    def teardown(self):
        for key in self.working:
            self.queue.done(key)
        self.time.now += 10
        self.working = []
        self._make_due()
        left = set()
        while (key := self.queue.get(0)) is not None:
            left.add(key)
            self.queue.done(key)
        assert left == self.wanted

    def _make_due(self):
        due = {key for key, when in self.later.items() if when <= self.time.now}
        self.wanted |= due
        for key in due:
            del self.later[key]


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
