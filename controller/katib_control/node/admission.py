"""Letting Pods onto the machine: asks the ledger for a Pod, and calls the next in line when there is room."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from katib_control.node.capacity import Ledger, requests

Pod = Mapping[str, Any]


class Admission:
    """``call`` is called with the uid of a Pod that should ask again."""

    def __init__(self, ledger: Ledger, call: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._call = call

    def ask(self, pod: Pod) -> str:
        """Return an empty text when the Pod has its room, else why not."""
        metadata = pod["metadata"]
        try:
            asked = requests(pod)
        except ValueError as error:
            return f"the Pod can never fit: resources: {error}"
        refusal = self._ledger.ask(metadata["uid"], metadata.get("creationTimestamp", ""), asked)
        if not refusal:
            self._call_next()
        return refusal

    def release(self, uid: str) -> None:
        """Give back what the Pod had, if it had something."""
        if self._ledger.release(uid):
            self._call_next()

    def seed(self, running: Iterable[Pod], waiting: Iterable[Pod]) -> None:
        """Begin after a restart: who runs has room, who waits has a place in the order of creation."""
        for pod in running:
            with contextlib.suppress(ValueError):
                self._ledger.take(pod["metadata"]["uid"], requests(pod))
        for pod in sorted(waiting, key=lambda item: str(item["metadata"].get("creationTimestamp", ""))):
            metadata = pod["metadata"]
            with contextlib.suppress(ValueError):
                self._ledger.line_up(metadata["uid"], metadata.get("creationTimestamp", ""), requests(pod))

    def _call_next(self) -> None:
        """One at a time: who is admitted calls the next."""
        if uid := self._ledger.first():
            self._call(uid)
