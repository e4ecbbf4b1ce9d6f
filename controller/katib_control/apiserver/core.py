"""What every handler is given: store, kinds, clock, admission, logs; and what follows from a write."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from katib_control.apiserver.accepted import Accepted
from katib_control.apiserver.changes import Key
from katib_control.apiserver.ports import Admission, Admit, Logs
from katib_control.apiserver.problems import forbidden, not_found
from katib_control.apiserver.registry import Registry
from katib_control.apiserver.store import Store
from katib_control.apiserver.types import ServedType
from katib_control.kube.errors import TooManyRequests
from katib_control.runtime.clock import Clock, Monotonic

loads: Callable[[str], Any] = json.JSONDecoder().decode
NAMESPACES = "namespaces"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """``body_bytes`` of one request, ``streams`` (watches and followed logs) open at one time."""

    body_bytes: int = 3 * 1024 * 1024
    streams: int = 1000


class Written(Protocol):
    """Told after each write of an object of one resource; ``obj`` is None when it is gone."""

    def __call__(self, name: str, obj: dict[str, Any] | None) -> None:
        """Take note; runs in the writer's thread."""


@dataclass
class Core:
    """See the module."""

    store: Store
    registry: Registry
    clock: Clock
    monotonic: Monotonic
    limits: Limits
    admit: Admit | None = None
    logs: Logs | None = None
    written: dict[str, Written] = field(default_factory=dict)
    accepted: Accepted = field(default_factory=Accepted)
    namespaces: dict[str, bool] = field(default_factory=dict)
    """Name -> whether it is being deleted."""
    _streams: int = 0
    _counting: threading.Lock = field(default_factory=threading.Lock)
    _telling: threading.RLock = field(default_factory=threading.RLock)

    def admitted(
        self,
        served: ServedType,
        operation: Literal["CREATE", "UPDATE", "DELETE"],
        objects: tuple[dict[str, Any] | None, dict[str, Any] | None],
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> dict[str, Any] | None:
        """Ask admission about (object, old); return the object to store when it has changed it."""
        if self.admit is None:
            return None
        return self.admit(Admission(operation, served.resource, subresource or None, *objects, dry_run))

    def check_namespace(self, served: ServedType, namespace: str, name: str) -> None:
        """Refuse to create where there is no namespace (404), or one that is being deleted (403)."""
        if not namespace:
            return
        terminating = self.namespaces.get(namespace)
        if terminating is None:
            raise not_found(self.registry.find("", "v1", NAMESPACES), namespace)
        if terminating:
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            raise forbidden(served, name, why, [cause])

    def note(self, key: Key) -> None:
        """Tell whoever must know at once that an object was written.

        Another thread may have written it again meanwhile, even removed it: what is told is what is stored now.
        """
        if listener := self.written.get(key.resource):
            with self._telling:
                stored = self.store.get(key)
                listener(key.name, loads(stored.text) if stored else None)

    def open_stream(self) -> Callable[[], None]:
        """Count a stream; return what uncounts it (twice is fine); raise TooManyRequests."""
        with self._counting:
            if self._streams >= self.limits.streams:
                raise TooManyRequests(
                    f"{self._streams} watches and followed logs are open, which is the limit: close some",
                    details={"retryAfterSeconds": 1},
                )
            self._streams += 1
        done: list[bool] = []

        def close() -> None:
            with self._counting:
                if not done:
                    done.append(True)
                    self._streams -= 1

        return close
