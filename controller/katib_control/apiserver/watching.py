"""GET with ``watch``: changes after a version, as one JSON line each, for as long as the client likes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from katib_control.apiserver import answers
from katib_control.apiserver.calls import Call
from katib_control.apiserver.changes import Accept, Change, ChangeType, Marks, Subscription
from katib_control.apiserver.core import Core, loads
from katib_control.apiserver.fields import matcher, only_name
from katib_control.apiserver.listing import Query, read_page
from katib_control.apiserver.read import version_asked
from katib_control.apiserver.store import Compacted, dumps
from katib_control.kube.errors import ApiError, Gone
from katib_control.kube.http import Response

_LONGEST = (1800, 3600)
BOOKMARK_SECONDS = 30.0
_HEADERS = {"content-type": "application/json"}


@dataclass(frozen=True)
class _Plan:
    """What is watched: the filter, from where, and what is told beside changes."""

    accept: Accept
    since: int
    first: tuple[bytes, ...]
    bookmarks: bool
    seconds: float


def watch(core: Core, call: Call) -> Response:
    """Return a stream of changes; a version that is too old is told as an ERROR event, as a real server does."""
    done = core.open_stream()
    try:
        plan = _plan(core, call)
        return Response(200, WatchStream(core, call, plan, done), _HEADERS)
    except (Compacted, Gone) as error:
        done()
        return Response(200, error_line(error if isinstance(error, Gone) else Gone(str(error))), _HEADERS)
    except BaseException:
        done()
        raise


def error_line(error: ApiError) -> bytes:
    """Return the event that ends a watch."""
    return b'{"type":"ERROR","object":' + dumps(error.status).encode() + b"}\n"


def _plan(core: Core, call: Call) -> _Plan:
    fields = call.fields
    matches = matcher(call.resource, call.option("labelSelector"), fields, custom=call.served.custom)
    name = call.name or only_name(fields) or ""
    bookmarks = call.flag("allowWatchBookmarks")
    asked = call.number("timeoutSeconds")
    initial = call.option("sendInitialEvents")
    version, _ = (None, False) if initial and not call.option("resourceVersion") else version_asked(call)
    first: list[bytes] = []
    if version is None or initial == "true":
        query = Query(resource=call.resource, namespace=call.namespace, name=name, matches=matches)
        page = read_page(core.store, query)
        version = page.version
        if initial != "false":
            first = [_line("ADDED", answers.shown(call, text)) for text in page.texts]
        if initial == "true" and bookmarks:
            first.append(_bookmark(call, version, {"k8s.io/initial-events-end": "true"}))
    if version > core.store.version + 1:
        # Versions of another life of this server: whoever has them must list again.
        raise Gone(f"too old resource version: {version} (the newest is {core.store.version})")
    seconds = float(asked) if asked else random.uniform(*_LONGEST)
    return _Plan(_accept(call.namespace, name, matches), version, tuple(first), bookmarks, seconds)


def _accept(namespace: str, name: str, matches: Callable[[Marks], bool] | None) -> Accept:
    def accept(change: Change) -> ChangeType | None:
        if (namespace and change.key.namespace != namespace) or (name and change.key.name != name):
            return None
        if matches is None:
            return change.type
        before = change.old_marks is not None and matches(change.old_marks)
        after = change.type != "DELETED" and matches(change.marks)
        if after:
            return "MODIFIED" if before else "ADDED"
        return "DELETED" if before else None

    return accept


class WatchStream:
    """The body of a watch: an iterator for threads, ``poll`` and ``on_ready`` for an event loop."""

    def __init__(self, core: Core, call: Call, plan: _Plan, done: Callable[[], None]) -> None:
        self._core = core
        self._call = call
        self._plan = plan
        self._done = done
        self._first = list(plan.first)
        self._until = core.monotonic() + plan.seconds
        self._next_bookmark = core.monotonic() + BOOKMARK_SECONDS
        self._ended = False
        self._subscription: Subscription = core.store.subscribe(call.resource, plan.since, plan.accept)
        self._plain = not answers.asked_as(call.request) and not answers.is_converted(call.served)

    def __iter__(self) -> Iterator[bytes]:
        try:
            while not self._ended:
                if chunk := self.poll(self.pause()):
                    yield chunk
        finally:
            self.close()

    @property
    def ended(self) -> bool:
        """Whether ``poll`` has nothing more to return, ever."""
        return self._ended

    def on_ready(self, call: Callable[[], None]) -> None:
        """Have ``call`` called, in any thread, whenever ``poll`` may have something to return."""
        self._subscription.on_ready = call

    def pause(self) -> float:
        """Return for how many seconds nothing needs to be done unless a change comes."""
        due = min(self._until, self._next_bookmark) if self._plan.bookmarks else self._until
        return max(due - self._core.monotonic(), 0.0)

    def poll(self, timeout: float = 0.0) -> bytes:
        """Return the lines that are there, after waiting up to ``timeout`` seconds for the first."""
        if self._first:
            chunk, self._first = b"".join(self._first), []
            return chunk
        version = self._core.store.version
        changes = self._subscription.take(timeout)
        if changes:
            return b"".join([self._change(seen_as, change) for seen_as, change in changes])
        if self._subscription.ended:
            self._end()
            return b""
        return self._on_idle(version if timeout == 0 else None)

    def _on_idle(self, version: int | None) -> bytes:
        now = self._core.monotonic()
        over = now >= self._until
        if not over and not (self._plan.bookmarks and now >= self._next_bookmark):
            return b""
        if version is None:
            # Only a version read before the queue was found empty is one that nothing is missing from.
            return self.poll(0)
        self._next_bookmark = now + BOOKMARK_SECONDS
        if over:
            self._end()
        return _bookmark(self._call, version) if self._plan.bookmarks else b""

    def _change(self, seen_as: ChangeType, change: Change) -> bytes:
        text = change.text
        if seen_as == "DELETED" and change.type != "DELETED":
            text = self._left(change)
        return _line(seen_as, text if self._plain else answers.shown(self._call, text))

    def _left(self, change: Change) -> str:
        """Return an object that no longer matches, as it was, at the version at which it left."""
        obj = loads(change.old_text or change.text)
        obj["metadata"]["resourceVersion"] = str(change.version)
        return dumps(obj)

    def _end(self) -> None:
        self._ended = True
        self._core.store.unsubscribe(self._call.resource, self._subscription)
        self._done()

    def close(self) -> None:
        """End the watch; a blocked reader returns at once. Any thread, any number of times."""
        self._end()


def _line(seen_as: str, text: str) -> bytes:
    return f'{{"type":"{seen_as}","object":{text}}}\n'.encode()


def _bookmark(call: Call, version: int, annotations: dict[str, str] | None = None) -> bytes:
    resource = call.served.resource
    metadata: dict[str, Any] = {"resourceVersion": str(version), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = annotations
    obj = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
    return _line("BOOKMARK", dumps(obj))
