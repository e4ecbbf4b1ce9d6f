"""One list, then one watch, for ever: the objects of one kind and their changes, handed to everybody who has joined.

A watch that ends or breaks goes on from the last resourceVersion seen; one that is too old (410) lists again, and what
is missing then was deleted meanwhile. Errors are retried with a growing, jittered delay.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Mapping
from typing import Any, Protocol

from katib_control.kube.client import Client
from katib_control.kube.errors import ApiError, Gone
from katib_control.kube.resources import Resource
from katib_control.kube.streams import Watch
from katib_control.runtime.cache import Key
from katib_control.runtime.clock import monotonic

logger = logging.getLogger(__name__)

# The server ends a watch after some minutes, so that one whose connection has silently died is noticed.
_WATCH_SECONDS = (240, 300)
_FIRST_DELAY, _LONGEST_DELAY = 0.2, 30.0
# One that ends sooner, with nothing in it, is counted as failed.
_SHORT_WATCH = 1.0


class Sink(Protocol):
    """Who is told; always on the reflector's thread."""

    def listed(self, items: Mapping[Key, dict[str, Any]]) -> None:
        """Everything that there is; the objects are shared: never change them."""

    def changed(self, key: Key, obj: dict[str, Any]) -> None:
        """An object that is new, or another than before."""

    def deleted(self, key: Key) -> None:
        """An object that is gone."""


class Reflector:
    """Runs from the first ``join`` to the last ``leave``; ``error`` is why the last attempt failed, if it did."""

    def __init__(
        self, client: Client, resource: Resource, *, namespace: str | None = None, labels: str = "", fields: str = ""
    ) -> None:
        self.resource = resource
        self.error: Exception | None = None
        self._client, self._namespace, self._labels, self._fields = client, namespace, labels, fields
        self._sinks: tuple[Sink, ...] = ()
        self._joining: tuple[Sink, ...] = ()
        self._joins = 0
        self._version, self._failures = "", 0
        self._watch: Watch | None = None
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name=f"informer-{resource.plural}", daemon=True)

    @property
    def ended(self) -> bool:
        """Whether the last one has left; nobody can join any more."""
        return self._stopped

    def join(self, sink: Sink) -> bool:
        """Tell the sink everything from now on, beginning with a list; False when this reflector has ended."""
        with self._changed:
            if self._stopped:
                return False
            self._joining = (*self._joining, sink)
            self._joins += 1
            if self._thread.ident is None:
                self._thread.start()
            else:
                self._interrupt()
        return True

    def leave(self, sink: Sink, timeout: float) -> None:
        """Tell the sink no more; with the last one it ends: wait at most ``timeout`` seconds for its thread."""
        with self._changed:
            self._sinks = tuple(other for other in self._sinks if other is not sink)
            self._joining = tuple(other for other in self._joining if other is not sink)
            if self._sinks or self._joining:
                return
            self._stopped = True
            self._interrupt()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _interrupt(self) -> None:
        if self._watch is not None:
            self._watch.close()
        self._changed.notify_all()

    def _run(self) -> None:
        while not self._stopped:
            joins = self._joins
            try:
                if self._joining or not self._version:
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
            self._wait(joins)

    def _wait(self, joins: int) -> None:
        """Wait before the next attempt; whoever has joined since ``joins`` does not wait for the others' errors."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._joins != joins, _delay(self._failures))

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._stopped:
            return
        self.error = error
        if isinstance(error, ApiError):
            logger.warning("%s: cannot list or watch, trying again: %s", self.resource.plural, error)
        else:
            logger.error("%s: listing again", self.resource.plural, exc_info=error)
            self._version = ""

    def _list(self) -> None:
        joining = self._joining
        listed = self._client.list(self.resource, self._namespace, labels=self._labels, fields=self._fields)
        defaults = {"apiVersion": self.resource.api_version, "kind": self.resource.kind}
        # Items of a real server's list do not say what they are.
        items = {_key(item): item if "kind" in item else defaults | item for item in listed.get("items") or ()}
        with self._changed:
            # Who came while it was listed gets a list of its own.
            self._sinks = (*self._sinks, *(sink for sink in joining if sink in self._joining))
            self._joining = tuple(sink for sink in self._joining if sink not in joining)
            sinks = self._sinks
        self._version = listed["metadata"]["resourceVersion"]
        self.error = None
        for sink in sinks:
            try:
                sink.listed(items)
            except Exception:
                logger.exception("%s: a list could not be taken in", self.resource.plural)

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
        with self._changed:
            self._watch = watch
            if self._stopped or self._joining:
                watch.close()
        try:
            for kind, obj in watch:
                if kind != "BOOKMARK":
                    self._tell(kind, obj)
                self._version = obj["metadata"]["resourceVersion"]
                self._failures, got = 0, True
        finally:
            watch.close()
        return got or bool(self._joining) or monotonic() - began > _SHORT_WATCH

    def _tell(self, kind: str, obj: dict[str, Any]) -> None:
        key = _key(obj)
        for sink in self._sinks:
            try:
                if kind == "DELETED":
                    sink.deleted(key)
                else:
                    sink.changed(key, obj)
            except Exception:
                # The others must hear of it all the same.
                logger.exception("%s %s: a change could not be taken in", self.resource.kind, "/".join(key))


def _key(obj: Mapping[str, Any]) -> Key:
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def _delay(failures: int) -> float:
    """Seconds to wait: doubling, and jittered so that many informers do not come back together."""
    longest: float = min(_FIRST_DELAY * 2.0 ** min(failures - 1, 20), _LONGEST_DELAY)
    return longest * random.uniform(0.5, 1.0)
