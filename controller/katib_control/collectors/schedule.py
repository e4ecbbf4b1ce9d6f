"""Calls that are due later, on one thread for all of them."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)


@dataclass(order=True)
class Call:
    """One call to be made. ``cancel`` is cheap: the entry is dropped when its turn comes."""

    due: float
    order: int
    action: Callable[[], None] | None = field(compare=False)

    def cancel(self) -> None:
        """Do not call."""
        self.action = None


class Schedule:
    """Makes calls when they are due; the thread starts with the first one. Actions must be short."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._heap: list[Call] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def after(self, seconds: float, action: Callable[[], None]) -> Call:
        """Call ``action`` when so many seconds have passed."""
        call = Call(time.monotonic() + seconds, next(self._order), action)
        with self._changed:
            if self._closed:
                return call
            heapq.heappush(self._heap, call)
            if self._heap[0] is call:
                self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
        return call

    def close(self) -> None:
        """Make no further calls; returns when the one being made has returned."""
        with self._changed:
            self._closed = True
            self._heap.clear()
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while (call := self._next()) is not None:
            action = call.action
            try:
                if action is not None:
                    action()
            except Exception:
                logger.exception("a call of %s has failed", self._name)

    def _next(self) -> Call | None:
        """Wait for the next call that is due and not cancelled; None when closed."""
        with self._changed:
            while not self._closed:
                while self._heap and self._heap[0].action is None:
                    heapq.heappop(self._heap)
                wait = self._heap[0].due - time.monotonic() if self._heap else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._heap)
                self._changed.wait(wait)
        return None
