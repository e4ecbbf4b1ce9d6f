"""The work queue of a controller, after client-go: a key is never worked on twice at the same time, and never lost.

A key added while it is being worked on is handed out again when that work is done. Later additions wait in a heap.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from katib_control.runtime.clock import Monotonic, monotonic

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    """First in, first out, without repeats. Retries wait ``base * 2**failures`` seconds, at most ``maximum``."""

    def __init__(self, *, now: Monotonic = monotonic, base: float = 0.01, maximum: float = 60.0) -> None:
        self._now, self._base, self._maximum = now, base, maximum
        self._changed = threading.Condition(threading.Lock())
        self._ready: deque[K] = deque()
        self._dirty: set[K] = set()
        self._processing: set[K] = set()
        self._heap: list[tuple[float, int, K]] = []
        self._due: dict[K, float] = {}
        self._pushed = 0
        self._failures: dict[K, int] = {}
        # How many wait with an eye on the heap: one is enough.
        self._timed = 0
        self._stopped = False

    def add(self, key: K, after: float = 0.0) -> None:
        """Hand the key out, at once or in ``after`` seconds; of several times to come the earliest stands."""
        with self._changed:
            if self._stopped:
                return
            if after <= 0:
                self._add(key)
                return
            due = self._now() + after
            if due >= self._due.get(key, float("inf")):
                return
            self._due[key] = due
            self._pushed += 1
            heapq.heappush(self._heap, (due, self._pushed, key))
            if self._heap[0][2] is key:
                self._changed.notify()

    def retry(self, key: K) -> float:
        """Add the key after its backoff, which doubles with every retry until ``forget``; return the seconds."""
        with self._changed:
            failures = self._failures.get(key, 0)
            self._failures[key] = failures + 1
        delay: float = min(self._base * 2.0 ** min(failures, 60), self._maximum)
        self.add(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """Start the key's backoff over."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """Return how often the key was retried since it was forgotten."""
        return self._failures.get(key, 0)

    def get(self, timeout: float | None = None) -> K | None:
        """Wait for a key and take it into work; None when the time is over or the queue has stopped."""
        end = None if timeout is None else self._now() + timeout
        with self._changed:
            while not self._stopped:
                next_due = self._move_due()
                if self._ready:
                    return self._take()
                limits = [limit for limit in (next_due, end) if limit is not None]
                left = min(limits) - self._now() if limits else None
                if end is not None and end <= self._now():
                    return None
                self._timed += next_due is not None
                try:
                    self._changed.wait(left)
                finally:
                    self._timed -= next_due is not None
        return None

    def done(self, key: K) -> None:
        """Say that the work on the key has ended, well or badly."""
        with self._changed:
            self._processing.discard(key)
            if key in self._dirty:
                self._ready.append(key)
                self._changed.notify()

    def stop(self) -> None:
        """Wake all who wait; nothing is handed out any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def __len__(self) -> int:
        """How many keys wait to be taken now, those of later not counted."""
        with self._changed:
            return len(self._ready)

    def _add(self, key: K) -> None:
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._processing:
            self._ready.append(key)
            self._changed.notify()

    def _take(self) -> K:
        key = self._ready.popleft()
        self._dirty.discard(key)
        self._processing.add(key)
        if self._ready or (self._heap and not self._timed):
            # Another worker may be waiting for what is left.
            self._changed.notify()
        return key

    def _move_due(self) -> float | None:
        """Make ready what is due; return the time of the next that is not."""
        while self._heap:
            due, _, key = self._heap[0]
            if self._due.get(key) != due:
                heapq.heappop(self._heap)
            elif due <= self._now():
                heapq.heappop(self._heap)
                del self._due[key]
                self._add(key)
            else:
                return due
        return None
