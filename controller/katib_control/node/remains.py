"""What deleted Pods leave behind: processes that still run, and a directory. Both go, in this order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from katib_control.node import volumes
from katib_control.node.attempt import pod_directory
from katib_control.node.attempt_book import AttemptBook
from katib_control.node.pod_lifecycle import POD_DELETED, grace
from katib_control.node.supervisor_client import SupervisorClient
from katib_control.runtime.controller import Controller, Key

Pod = dict[str, Any]


class Remains:
    """Cleans up after Pods by uid. ``alive`` tells whether the API has the Pod; ``gone`` is told when all is done."""

    def __init__(
        self,
        directory: Path,
        supervisor: SupervisorClient,
        book: AttemptBook,
        *,
        alive: Callable[[str], bool],
        gone: Callable[[str], None],
    ) -> None:
        self._directory, self._supervisor, self._book = directory, supervisor, book
        self._alive, self._gone = alive, gone
        self._pods: dict[str, Pod] = {}
        self._controller = Controller("pod-cleanup", self._clean)

    def start(self) -> None:
        """Begin; not before it is known which Pods the API has."""
        self._controller.start()

    def stop(self) -> None:
        """End."""
        self._controller.stop()

    def add(self, uid: str, pod: Pod | None = None) -> None:
        """Have a Pod cleaned up; without the Pod itself its processes get no grace period."""
        if pod is not None:
            self._pods[uid] = pod
        self._controller.enqueue(("", uid))

    def again(self) -> None:
        """Look at all of them once more."""
        for uid in list(self._pods):
            self._controller.enqueue(("", uid))

    def find(self, directory: Path) -> None:
        """Add every directory of a Pod that the API does not have."""
        kept = directory / "pods"
        for path in kept.iterdir() if kept.is_dir() else ():
            if not self._alive(path.name):
                self.add(path.name)

    def _clean(self, key: Key) -> None:
        uid = key[1]
        if self._alive(uid):
            return
        pod = self._pods.get(uid)
        running = self._book.running(uid)
        for attempt in running:
            self._supervisor.stop(attempt.key, grace(pod) if pod else 0.0, POD_DELETED)
        if running:
            return  # the end of each is news, and brings us back
        volumes.remove(pod_directory(self._directory, uid))
        self._book.forget(uid)
        self._pods.pop(uid, None)
        self._gone(uid)
