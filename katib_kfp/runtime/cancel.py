"""Ending early: SIGTERM and Ctrl-C become one exception, then one quick delete, or none.

So does writing where nobody reads: ``kfp.local`` leaves a step running when it is killed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from katib_kfp.runtime.errors import Abandoned, Cancelled

QUICK_SECONDS = 0.5
"""On a cluster the container is gone about a second after SIGTERM."""

ON_CANCEL = ("delete", "keep")
_abandoned = threading.Event()


@contextmanager
def signals_as_cancelled() -> Iterator[None]:
    """Raise Cancelled in the main thread when SIGTERM or SIGINT comes; the second signal is the system's own again.

    An exception, and not work inside the handler: whatever lock the interrupted code holds is let go before
    anything is asked of the API server. In another thread than the main one this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def cancel(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise (Abandoned if _abandoned.is_set() else Cancelled)(signal.Signals(number).name)

    for number in before:
        signal.signal(number, cancel)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say(line: str) -> None:
    """Write one line for whoever reads the step's log; when nobody does any more, end the step. From any thread."""
    if _abandoned.is_set():
        return
    try:
        sys.stdout.write(f"[katib-kfp] {line}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _abandoned.set()
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:  # else it is ending already
            os.kill(os.getpid(), signal.SIGTERM)


def quickly(call: Callable[[], object], seconds: float = QUICK_SECONDS) -> bool:
    """Run the call for at most so many seconds; return whether it has ended. Its errors do not matter any more."""

    def run() -> None:
        try:
            call()
        except Exception:
            return

    worker = threading.Thread(target=run, name="cancel", daemon=True)
    worker.start()
    worker.join(seconds)
    return not worker.is_alive()
