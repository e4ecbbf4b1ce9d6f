"""What an informer knows: objects by key, and indexes over them. No threads of its own, no I/O."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
Key = tuple[str, str]
Index = Callable[[T], Iterable[str]]


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One object and what is needed to compare and to unlink it; ``links`` is one tuple of keys per index."""

    value: T
    version: str
    uid: str
    links: tuple[tuple[str, ...], ...]


class Cache(Generic[T]):
    """Objects in the order they came; a change keeps an object's place. Cost per change: the indexes it is in."""

    def __init__(self, indexes: Mapping[str, Index[T]]) -> None:
        self._lock = threading.Lock()
        self._names = tuple(indexes)
        self._functions = tuple(indexes.values())
        self._entries: dict[Key, Entry[T]] = {}
        self._indexes: dict[str, dict[str, dict[Key, T]]] = {name: {} for name in indexes}

    def entry(self, key: Key) -> Entry[T] | None:
        """Return what is known under the key."""
        return self._entries.get(key)

    def known(self) -> list[Key]:
        """Return every key."""
        with self._lock:
            return list(self._entries)

    def all(self) -> list[T]:
        """Return every object."""
        with self._lock:
            return [entry.value for entry in self._entries.values()]

    def by_index(self, index: str, key: str) -> list[T]:
        """Return the objects that the index has under the key."""
        with self._lock:
            return list(self._indexes[index].get(key, {}).values())

    def put(self, key: Key, value: T, version: str, uid: str) -> None:
        """Add or change an object."""
        links = tuple(tuple(function(value)) for function in self._functions)
        with self._lock:
            old = self._entries.get(key)
            self._entries[key] = Entry(value, version, uid, links)
            if old is not None and old.links != links:
                self._unlink(key, old, links)
            for name, found in zip(self._names, links, strict=True):
                for link in found:
                    self._indexes[name].setdefault(link, {})[key] = value

    def remove(self, key: Key) -> None:
        """Forget an object."""
        with self._lock:
            old = self._entries.pop(key, None)
            if old is not None:
                self._unlink(key, old, tuple(() for _ in self._names))

    def _unlink(self, key: Key, old: Entry[T], links: tuple[tuple[str, ...], ...]) -> None:
        for name, before, after in zip(self._names, old.links, links, strict=True):
            index = self._indexes[name]
            for link in before:
                if link not in after:
                    objects = index[link]
                    objects.pop(key, None)
                    if not objects:
                        del index[link]
