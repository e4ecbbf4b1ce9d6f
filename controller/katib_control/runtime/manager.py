"""Lifetimes: informers first, then what works from them; stopped in reverse."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from katib_control.api.errors import KatibError
from katib_control.runtime.clock import monotonic
from katib_control.runtime.informer import Informer

logger = logging.getLogger(__name__)


class Runnable(Protocol):
    """Something with a life between ``start`` and ``stop``; both return promptly."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End; also what never began."""


class Manager:
    """Starts informers, waits until they have listed, then starts the runnables in order."""

    def __init__(
        self, informers: Sequence[Informer[Any]], runnables: Sequence[Runnable], *, sync_timeout: float = 30.0
    ) -> None:
        self._informers, self._runnables, self._sync_timeout = tuple(informers), tuple(runnables), sync_timeout
        self._started: list[Runnable] = []

    def start(self) -> None:
        """Start everything; when something cannot start, stop what has started and raise why."""
        try:
            for informer in self._informers:
                self._start(informer)
            self._wait_synced()
            for runnable in self._runnables:
                self._start(runnable)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything that was started, the last first; an error of one does not keep the others running."""
        while self._started:
            runnable = self._started.pop()
            try:
                runnable.stop()
            except Exception:
                logger.exception("%s could not be stopped", type(runnable).__name__)

    def _start(self, runnable: Runnable) -> None:
        # Noted first: one that fails half-way has something to stop.
        self._started.append(runnable)
        runnable.start()

    def _wait_synced(self) -> None:
        end = monotonic() + self._sync_timeout
        for informer in self._informers:
            if not informer.wait_synced(max(end - monotonic(), 0.0)):
                plural, why = informer.resource.plural, informer.error or "no answer"
                raise KatibError(f"{plural}: could not be listed within {self._sync_timeout:g} s: {why}") from (
                    informer.error
                )
