"""A local, current copy of the objects of one kind: list, then watch, for ever.

A watch that ends or breaks goes on from the last resourceVersion seen; one that is too old (410) lists again, and what
is missing then was deleted meanwhile. Errors are retried with a growing, jittered delay.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from katib_control.kube.client import Client
from katib_control.kube.errors import ApiError, Gone
from katib_control.kube.resources import Resource
from katib_control.kube.streams import Watch
from katib_control.runtime.cache import Cache, Key
from katib_control.runtime.clock import monotonic

logger = logging.getLogger(__name__)

T = TypeVar("T")
Change = Callable[["T | None", "T | None"], None]

# The server ends a watch after some minutes, so that one whose connection has silently died is noticed.
_WATCH_SECONDS = (240, 300)
_FIRST_DELAY, _LONGEST_DELAY = 0.2, 30.0
# One that ends sooner, with nothing in it, is counted as failed.
_SHORT_WATCH = 1.0


class Informer(Generic[T]):
    """Objects of one kind, decoded once per change. They are shared: never change them.

    ``decode`` turns the JSON dict into what is kept; a change it refuses is skipped, with a warning. Each index gives,
    for an object, the keys it is found under. ``error`` is why the last attempt to list or watch failed, if it did.
    """

    def __init__(  # noqa: PLR0913  keyword-only, and mirrors Client.list
        self,
        client: Client,
        resource: Resource,
        *,
        decode: Callable[[dict[str, Any]], T],
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
        indexes: Mapping[str, Callable[[T], Iterable[str]]] | None = None,
    ) -> None:
        self.resource = resource
        self.error: Exception | None = None
        self._client, self._decode, self._namespace = client, decode, namespace
        self._labels, self._fields = labels, fields
        self._cache: Cache[T] = Cache(indexes or {})
        self._handlers: list[Change[T]] = []
        self._version, self._failures = "", 0
        self._watch: Watch | None = None
        self._lock = threading.Lock()
        self._stopped, self._synced = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"informer-{resource.plural}", daemon=True)

    def get(self, namespace: str, name: str) -> T | None:
        """Return the object, or None; namespace "" for kinds that have none."""
        entry = self._cache.entry((namespace, name))
        return entry.value if entry else None

    def all(self) -> list[T]:
        """Return every object, in the order they were first seen."""
        return self._cache.all()

    def by_index(self, index: str, key: str) -> list[T]:
        """Return the objects under the key, in the order they were first seen there."""
        return self._cache.by_index(index, key)

    def on_change(self, handler: Change[T]) -> None:
        """Call ``handler(old, new)`` for every change, in order, on the informer's thread; before ``start`` only.

        ``old`` is None for a new object, ``new`` for a deleted one. The cache already shows the change.
        """
        if self._thread.ident is not None:
            raise RuntimeError("handlers must be registered before the informer starts")
        self._handlers.append(handler)

    def start(self) -> None:
        """Begin to list and watch."""
        self._thread.start()

    def wait_synced(self, timeout: float) -> bool:
        """Wait until the first list has been handed to the handlers; False when that took longer."""
        return self._synced.wait(timeout)

    def stop(self, timeout: float = 0.4) -> None:
        """End the watch; wait at most ``timeout`` seconds for the thread."""
        with self._lock:
            self._stopped.set()
            if self._watch is not None:
                self._watch.close()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                if not self._version:
                    self._list()
                if self._follow():
                    continue
                self._failures += 1
            except Gone as error:
                logger.debug("%s: listing again: %s", self.resource.plural, error)
                self._version = ""
                self._failures += 1
            except Exception as error:
                self._failed(error)
            self._stopped.wait(_delay(self._failures))

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._stopped.is_set():
            return
        self.error = error
        if isinstance(error, ApiError):
            logger.warning("%s: cannot list or watch, trying again: %s", self.resource.plural, error)
        else:
            logger.error("%s: listing again", self.resource.plural, exc_info=error)
            self._version = ""

    def _list(self) -> None:
        listed = self._client.list(self.resource, self._namespace, labels=self._labels, fields=self._fields)
        items = {_key(item): item for item in listed.get("items") or ()}
        for key in self._cache.known():
            if key not in items:
                self._drop(key)
        defaults = {"apiVersion": self.resource.api_version, "kind": self.resource.kind}
        for key, item in items.items():
            # Items of a real server's list do not say what they are.
            self._put(key, item if "kind" in item else defaults | item)
        self._version = listed["metadata"]["resourceVersion"]
        self.error = None
        self._synced.set()

    def _follow(self) -> bool:
        """Watch until the server ends it; return False when it ended at once, and should not be tried so again."""
        began, got = monotonic(), False
        watch = self._client.watch(
            self.resource,
            self._namespace,
            resource_version=self._version,
            timeout_seconds=random.randint(*_WATCH_SECONDS),
            labels=self._labels,
            fields=self._fields,
        )
        with self._lock:
            self._watch = watch
            if self._stopped.is_set():
                watch.close()
        try:
            for kind, obj in watch:
                if kind == "DELETED":
                    self._drop(_key(obj))
                elif kind != "BOOKMARK":
                    self._put(_key(obj), obj)
                self._version = obj["metadata"]["resourceVersion"]
                self._failures, got = 0, True
        finally:
            watch.close()
        return got or monotonic() - began > _SHORT_WATCH

    def _put(self, key: Key, obj: dict[str, Any]) -> None:
        metadata = obj["metadata"]
        version, uid = metadata.get("resourceVersion", ""), metadata.get("uid", "")
        old = self._cache.entry(key)
        if old is not None and old.version == version:
            return
        try:
            value = self._decode(obj)
        except Exception as error:
            logger.warning("%s %s: skipped: %s", self.resource.kind, "/".join(key), error)
            return
        if old is not None and old.uid != uid:
            # Deleted and made again while nobody watched: two changes, so that what is counted stays right.
            self._drop(key)
            old = None
        self._cache.put(key, value, version, uid)
        self._tell(old.value if old is not None else None, value)

    def _drop(self, key: Key) -> None:
        old = self._cache.entry(key)
        if old is not None:
            self._cache.remove(key)
            self._tell(old.value, None)

    def _tell(self, old: T | None, new: T | None) -> None:
        for handler in self._handlers:
            try:
                handler(old, new)
            except Exception:
                logger.exception("%s: a handler failed", self.resource.plural)


def _key(obj: Mapping[str, Any]) -> Key:
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _delay(failures: int) -> float:
    """Seconds to wait: doubling, and jittered so that many informers do not come back together."""
    longest: float = min(_FIRST_DELAY * 2.0 ** min(failures - 1, 20), _LONGEST_DELAY)
    return longest * random.uniform(0.5, 1.0)
