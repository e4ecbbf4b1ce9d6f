"""Linear algebra on one thread: the matrices of a surrogate are so small that more threads only wait for each other."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import threadpoolctl

_VARIABLE = "OPENBLAS_NUM_THREADS"


class _Limit:
    """Counts who is inside; what the user had set comes back when the last one leaves.

    Counted, because these are settings of the process: of two that overlap, the second would take the 1 of the first
    for the user's own setting, and leave it for ever. Optuna sets torch's threads and the environment variable too.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside, self._torch_inside = 0, 0
        self._controllers: dict[bool, Any] = {}
        self._limiter: Any = None
        self._torch_before = 1
        self._variable_before: str | None = None

    def enter(self) -> Any:
        """Return torch, where it is loaded."""
        torch = sys.modules.get("torch")
        with self._lock:
            if torch and not self._torch_inside:
                self._torch_before = torch.get_num_threads()
            self._torch_inside += torch is not None
            if not self._inside:
                # Looking for the libraries takes some milliseconds; torch brings one of its own.
                controller = self._controllers.get(torch is not None)
                if controller is None:
                    controller = self._controllers[torch is not None] = threadpoolctl.ThreadpoolController()
                self._limiter = controller.limit(limits=1, user_api="blas")
                self._variable_before = os.environ.get(_VARIABLE)
                os.environ[_VARIABLE] = "1"
            self._inside += 1
        if torch:
            torch.set_num_threads(1)  # of this thread
        return torch

    def leave(self, torch: Any) -> None:
        """Undo ``enter``, which has returned ``torch``."""
        if torch:
            torch.set_num_threads(self._torch_before)
        with self._lock:
            self._torch_inside -= torch is not None
            self._inside -= 1
            if self._inside:
                return
            _released()
            self._limiter.restore_original_limits()
            _released()
            if self._variable_before is None:
                os.environ.pop(_VARIABLE, None)
            else:
                os.environ[_VARIABLE] = self._variable_before


def _released() -> None:
    """Let any thread lift the limit: since threadpoolctl 3.8 only the one that set it may, or the next after it."""
    clear = getattr(getattr(threadpoolctl, "OpenBLASController", None), "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)


_LIMIT = _Limit()


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute inside with one thread; libraries must be loaded before."""
    torch = _LIMIT.enter()
    try:
        yield
    finally:
        _LIMIT.leave(torch)
