"""A controller: workers that reconcile keys from a queue until what is there is what should be there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from katib_control.api.errors import KatibError
from katib_control.kube.errors import Conflict, NotFound
from katib_control.runtime.clock import monotonic
from katib_control.runtime.workqueue import WorkQueue

logger = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name."""

Reconcile = Callable[[Key], "float | None"]
# Seconds of delay from which on every failure of a key is logged, not only its first.
_TOLD_AGAIN = 5.0

OnError = Callable[[Key, Exception], None]


class Controller:
    """Calls ``reconcile(key)`` for every key that is enqueued, one at a time per key.

    What it returns is the number of seconds after which the key comes again (None: only when it is enqueued). An
    exception brings the key back with a growing delay, and is handed to ``on_error``.
    """

    def __init__(self, name: str, reconcile: Reconcile, *, workers: int = 1, on_error: OnError | None = None) -> None:
        self.name = name
        self._reconcile = reconcile
        self._on_error = on_error
        self._queue: WorkQueue[Key] = WorkQueue()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{index}", daemon=True) for index in range(workers)
        ]

    def enqueue(self, key: Key, after: float = 0.0) -> None:
        """Have the key reconciled, at once or in ``after`` seconds; may be called before ``start``, from any thread."""
        self._queue.add(key, after)

    def start(self) -> None:
        """Start the workers."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 0.4) -> None:
        """Take no more keys; wait at most ``timeout`` seconds for what is being reconciled."""
        self._stopping.set()
        self._queue.stop()
        end = monotonic() + timeout
        for thread in self._threads:
            if thread.ident is not None and thread is not threading.current_thread():
                thread.join(max(end - monotonic(), 0.0))

    def _work(self) -> None:
        while (key := self._queue.get()) is not None:
            try:
                after = self._reconcile(key)
            except Exception as error:
                self._failed(key, error)
            else:
                self._queue.forget(key)
                if after is not None:
                    self._queue.add(key, after)
            finally:
                self._queue.done(key)

    def _failed(self, key: Key, error: Exception) -> None:
        delay = self._queue.retry(key)
        where = (self.name, "/".join(key), delay)
        # One that fails again at once has been told of; one that goes on failing is told of again.
        again = self._queue.failures(key) > 1
        # Another write, or a deletion, came in between: what is seen next time is right.
        expected = isinstance(error, Conflict) or (isinstance(error, NotFound) and not again)
        if expected or self._stopping.is_set() or (again and delay < _TOLD_AGAIN):
            logger.debug("%s: %s: again in %.2f s: %s", *where, error)
        elif isinstance(error, KatibError):
            logger.warning("%s: %s: again in %.2f s: %s", *where, error)
        else:
            logger.error("%s: %s: again in %.2f s", *where, exc_info=error)
        if self._on_error is None:
            return
        try:
            self._on_error(key, error)
        except Exception:
            logger.exception("%s: %s: the error could not be reported", self.name, "/".join(key))
