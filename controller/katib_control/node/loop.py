"""The supervisor's event loop: sockets, pipes, timers, SIGCHLD; one thread, asleep in between. Standard library."""

from __future__ import annotations

import contextlib
import heapq
import os
import selectors
import signal
import time
import traceback
from collections.abc import Callable
from typing import Any

Handler = Callable[[], None]


class Loop:
    """Calls handlers when their descriptor is readable or their time has come. Their errors are noted, not fatal."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Handler]] = []
        self._serial = 0
        self._done = False

    def on_readable(self, file: Any, handler: Handler) -> None:
        """Call ``handler`` whenever ``file`` (a socket or descriptor) has something to read, or has ended."""
        self.selector.register(file, selectors.EVENT_READ, handler)

    def forget(self, file: Any) -> None:
        """Call no more."""
        self.selector.unregister(file)

    def after(self, seconds: float, handler: Handler) -> None:
        """Call ``handler`` once, in so many seconds."""
        self._serial += 1
        heapq.heappush(self._timers, (time.monotonic() + seconds, self._serial, handler))

    def on_signals(self, child: Handler, terminate: Handler) -> None:
        """Call ``child`` on SIGCHLD and ``terminate`` on SIGTERM, from the loop; ignore the terminal's signals."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

        def woken() -> None:
            numbers = os.read(reader, 4096)
            if signal.SIGTERM in numbers:
                terminate()
            child()

        self.on_readable(reader, woken)

    def run(self) -> None:
        """Go on until ``end`` is called."""
        while not self._done:
            timeout = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None
            for key, _ in self.selector.select(timeout):
                # An earlier handler of this round may have closed the descriptor, and its number may be in use again.
                if self.selector.get_map().get(key.fd) is key:
                    _guarded(key.data)
            while self._timers and self._timers[0][0] <= time.monotonic():
                _guarded(heapq.heappop(self._timers)[2])

    def end(self) -> None:
        """Let ``run`` return after the handlers that are due now."""
        self._done = True


def _guarded(handler: Handler) -> None:
    try:
        handler()
    except Exception:  # the workers' fate hangs on this loop: it must not end by one handler's error
        note_error()


def note_error() -> None:
    """Write the error that is being handled into the supervisor's log, if the disk is not full."""
    with contextlib.suppress(OSError):
        traceback.print_exc()
