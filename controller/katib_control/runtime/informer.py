"""A local, current copy of the objects of one kind, decoded, with indexes; and where the parts of a process get theirs.

What keeps it current is a ``Reflector``: one of its own, or one that it shares with other informers on the same kind.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from katib_control.kube.client import Client
from katib_control.kube.resources import Resource
from katib_control.runtime.cache import Cache, Index, Key
from katib_control.runtime.reflector import Reflector

logger = logging.getLogger(__name__)

T = TypeVar("T")
Change = Callable[["T | None", "T | None"], None]
Decode = Callable[[dict[str, Any]], T]
Source = Callable[[], Reflector]


class Informer(Generic[T]):
    """Objects of one kind, decoded once per change. They are shared: never change them.

    ``decode`` turns the JSON dict into what is kept; a change it refuses is skipped, with a warning. Each index gives,
    for an object, the keys it is found under. ``source`` says which reflector to join; without one it has its own.
    """

    def __init__(  # noqa: PLR0913  keyword-only, and mirrors Client.list
        self,
        client: Client,
        resource: Resource,
        *,
        decode: Decode[T],
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
        indexes: Mapping[str, Index[T]] | None = None,
        source: Source | None = None,
    ) -> None:
        self.resource = resource
        self._decode = decode
        self._source = source or (
            lambda: Reflector(client, resource, namespace=namespace, labels=labels, fields=fields)
        )
        self._reflector: Reflector | None = None
        self._cache: Cache[T] = Cache(indexes or {})
        self._handlers: list[Change[T]] = []
        self._synced = threading.Event()

    @property
    def error(self) -> Exception | None:
        """Why the last attempt to list or watch failed, if it did."""
        return self._reflector.error if self._reflector else None

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
        if self._reflector is not None:
            raise RuntimeError("handlers must be registered before the informer starts")
        self._handlers.append(handler)

    def start(self) -> None:
        """Begin to list and watch."""
        joined = False
        while not joined:
            self._reflector = self._source()
            joined = self._reflector.join(self)

    def wait_synced(self, timeout: float) -> bool:
        """Wait until the first list has been handed to the handlers; False when that took longer."""
        return self._synced.wait(timeout)

    def stop(self, timeout: float = 0.4) -> None:
        """End; wait at most ``timeout`` seconds for the thread."""
        if self._reflector is not None:
            self._reflector.leave(self, timeout)

    def listed(self, items: Mapping[Key, dict[str, Any]]) -> None:
        """Take in everything that there is."""
        for key in self._cache.known():
            if key not in items:
                self.deleted(key)
        for key, item in items.items():
            self.changed(key, item)
        self._synced.set()

    def changed(self, key: Key, obj: dict[str, Any]) -> None:
        """Take in an object that is new, or another than before."""
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
            self.deleted(key)
            old = None
        self._cache.put(key, value, version, uid)
        self._tell(old.value if old is not None else None, value)

    def deleted(self, key: Key) -> None:
        """Take in that an object is gone."""
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


class Informers:
    """Makes informers. Those on the same kind and namespace share one watch: each change is read once for all.

    An informer that starts later than another has everything listed once more, for both.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._reflectors: dict[tuple[Resource, str | None], Reflector] = {}

    def of(
        self,
        resource: Resource,
        *,
        decode: Decode[T],
        namespace: str | None = None,
        indexes: Mapping[str, Callable[[T], Iterable[str]]] | None = None,
    ) -> Informer[T]:
        """Return an informer that has not been started."""
        return Informer(
            self._client,
            resource,
            decode=decode,
            indexes=indexes,
            source=lambda: self._reflector(resource, namespace),
        )

    def _reflector(self, resource: Resource, namespace: str | None) -> Reflector:
        with self._lock:
            found = self._reflectors.get((resource, namespace))
            if found is None or found.ended:
                found = self._reflectors[resource, namespace] = Reflector(self._client, resource, namespace=namespace)
            return found
