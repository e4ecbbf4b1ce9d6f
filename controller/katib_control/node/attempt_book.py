"""What is known of all attempts: on disk, in memory for Pods at work, kept current by the supervisor."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from katib_control.node.attempt import Attempt, read_container

Attempts = dict[str, tuple[Attempt, ...]]


class AttemptBook:
    """By Pod uid and container; safe to use from many threads. What has ended stays ended, whoever speaks last."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pods: dict[str, dict[str, dict[int, Attempt]]] = {}
        self._lock = threading.Lock()

    def of(self, uid: str, containers: Iterable[str]) -> Attempts:
        """Return the attempts of these containers, oldest first; read from disk the first time."""
        with self._lock:
            known = self._pods.setdefault(uid, {})
            for name in containers:
                if name not in known:
                    known[name] = {item.number: item for item in read_container(self._directory, uid, name)}
            return {name: tuple(found.values()) for name, found in known.items() if found}

    def put(self, attempt: Attempt) -> None:
        """Take note of an attempt's state."""
        with self._lock:
            if attempt.pod not in self._pods:
                self._pods[attempt.pod] = {}
            known = self._pods[attempt.pod]
            if attempt.container not in known:
                found = read_container(self._directory, attempt.pod, attempt.container)
                known[attempt.container] = {item.number: item for item in found}
            old = known[attempt.container].get(attempt.number)
            if old is None or not old.ended or attempt.ended:
                known[attempt.container][attempt.number] = attempt

    def running(self, uid: str) -> list[Attempt]:
        """Return those of a Pod's attempts that run, as far as they are known in memory."""
        with self._lock:
            known = self._pods.get(uid, {})
            return [item for attempts in known.values() for item in attempts.values() if not item.ended]

    def find(self, uid: str, container: str, number: int) -> Attempt | None:
        """Return one attempt from memory."""
        with self._lock:
            return self._pods.get(uid, {}).get(container, {}).get(number)

    def latest(self, uid: str, container: str) -> Attempt | None:
        """Return a container's last attempt, from memory or else from disk; of a Pod that is over nothing is kept."""
        with self._lock:
            known = self._pods.get(uid, {}).get(container)
            found = list(known.values()) if known else read_container(self._directory, uid, container)
        return max(found, key=lambda item: item.number, default=None)

    def forget(self, uid: str) -> None:
        """Drop a Pod from memory: it is over, and what is asked of it later is on disk."""
        with self._lock:
            self._pods.pop(uid, None)

    def forget_all(self) -> None:
        """Drop everything: it will be read from disk again."""
        with self._lock:
            self._pods.clear()
