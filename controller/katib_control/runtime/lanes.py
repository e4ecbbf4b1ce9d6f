"""Work in lanes: one job at a time in each lane, the lanes side by side, and no lane may queue up more than a few."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """Nothing is worked on any more."""


class Lane:
    """Jobs that must not run at the same time, in the order in which they came."""

    def __init__(self) -> None:
        self.jobs: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self.busy = False


class Lanes:
    """Daemon threads that take turns among the lanes that have something to do.

    ``threads`` bounds how many lanes move at the same time, ``length`` how many jobs of one lane may run or wait. A job
    that was begun cannot be stopped: it ends by itself, or with the process.
    """

    def __init__(self, *, threads: int = 128, length: int = 4) -> None:
        self._most, self._length = threads, length
        self._ready: SimpleQueue[Lane | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        # Threads that wait with nothing to do less lanes that wait for a thread.
        self._spare = 0
        self._open: set[Future[Any]] = set()
        self._closed = False

    def submit(self, lane: Lane, job: Callable[[], T]) -> Future[T] | None:
        """Return what the job will give, or None where the lane is full.

        A job whose future is cancelled before its turn never runs. Raises Closed after ``close``.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise Closed
            lane.jobs = deque(item for item in lane.jobs if not item[0].cancelled())
            if len(lane.jobs) + lane.busy >= self._length:
                return None
            self._open.add(future)
            lane.jobs.append((future, job))
            if not lane.busy:
                lane.busy = True
                self._start(lane)
        return future

    def close(self) -> None:
        """Take no more; whoever waits gets Closed at once, also for the jobs that still run."""
        with self._lock:
            self._closed = True
            waiting, self._open = self._open, set()
            for _ in range(self._threads):
                self._ready.put(None)
        for future in waiting:
            with suppress(InvalidStateError):
                future.set_exception(Closed("the service is being stopped"))

    def _start(self, lane: Lane) -> None:
        """Put the lane in line, and see to it that there is a thread for it; the lock is held."""
        self._ready.put(lane)
        self._spare -= 1
        if self._spare < 0 and self._threads < self._most:
            self._threads += 1
            self._spare += 1
            threading.Thread(target=self._work, name=f"lane-{self._threads}", daemon=True).start()

    def _work(self) -> None:
        while (lane := self._ready.get()) is not None:
            with self._lock:
                job = lane.jobs.popleft() if lane.jobs else None
            if job:
                _run(*job)
            with self._lock:
                if job:
                    self._open.discard(job[0])
                if lane.jobs:
                    self._ready.put(lane)
                else:
                    lane.busy = False
                    self._spare += 1


def _run(future: Future[T], job: Callable[[], T]) -> None:
    """Run the job unless nobody wants it; what comes after the waiter has gone is dropped."""
    if future.done():
        return
    with suppress(InvalidStateError):
        try:
            future.set_result(job())
        except InvalidStateError:
            raise
        except BaseException as error:
            future.set_exception(error)
