"""Events about objects, written by one background thread: a reconcile neither waits for them nor fails by them.

An Event's name is derived from what it says: the same one said again, also after a restart, is counted up, not added.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from katib_control.api.model import Model
from katib_control.api.times import to_wire
from katib_control.kube.client import Client
from katib_control.kube.errors import AlreadyExists, NotFound
from katib_control.kube.resources import EVENTS
from katib_control.runtime.clock import Clock, monotonic
from katib_control.runtime.plan import EventDraft

logger = logging.getLogger(__name__)

_QUEUE, _KNOWN, _LONGEST_MESSAGE = 4096, 4096, 1024


class _Said(NamedTuple):
    about: dict[str, Any]
    draft: EventDraft
    when: str


class EventRecorder:
    """Queues events and writes them; when the server cannot keep up, the newest are dropped and their number logged."""

    def __init__(self, client: Client, component: str, clock: Clock) -> None:
        self._client, self._component, self._clock = client, component, clock
        self._changed = threading.Condition(threading.Lock())
        self._queue: deque[_Said] = deque()
        self._busy = self._stopped = False
        self._dropped = 0
        self._counts: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._thread: threading.Thread | None = None

    def event(self, obj: Mapping[str, Any] | Model, draft: EventDraft) -> None:
        """Say something about an object (a dict or an API type with ``apiVersion``, ``kind``, ``metadata``)."""
        try:
            said = _Said(reference(obj), draft, to_wire(self._clock()))
        except Exception:
            logger.exception("event %s: about nothing that can be named", draft.reason)
            return
        with self._changed:
            if self._stopped or len(self._queue) >= _QUEUE:
                self._dropped += 1
                return
            self._queue.append(said)
            if self._thread is None:
                self._start()
            self._changed.notify_all()

    def start(self) -> None:
        """Start the thread (the first event would, too)."""
        with self._changed:
            if self._thread is None and not self._stopped:
                self._start()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until everything said so far is written; False when that took longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._busy, timeout)

    def stop(self, timeout: float = 0.4) -> None:
        """Write what can be written within ``timeout`` seconds, and end."""
        end = monotonic() + timeout
        if self._thread is not None:
            self.flush(timeout)
        with self._changed:
            self._stopped = True
            self._dropped += len(self._queue)
            self._queue.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(max(end - monotonic(), 0.0))
        if self._dropped:
            logger.warning("%d events were dropped: the API server did not keep up", self._dropped)
            self._dropped = 0

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"events-{self._component}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._queue or self._stopped)
                if self._stopped:
                    return
                said, self._busy = self._queue.popleft(), True
            try:
                self._write(said)
            except Exception as error:
                logger.debug("event %s about %s was not written: %s", said.draft.reason, said.about.get("name"), error)

    def _write(self, said: _Said) -> None:
        name = _name(said, self._component)
        namespace = said.about.get("namespace") or "default"
        key = (namespace, name)
        count = self._counts.get(key)
        if count is None:
            try:
                self._client.create(EVENTS, self._body(said, name, namespace))
                self._remember(key, 1)
                return
            except AlreadyExists:
                count = int(self._client.get(EVENTS, name, namespace).get("count") or 1)
        try:
            body = {"count": count + 1, "lastTimestamp": said.when}
            self._client.patch(EVENTS, name, body, namespace)
            self._remember(key, count + 1)
        except NotFound:
            # The server has forgotten it: events are not kept for ever.
            self._client.create(EVENTS, self._body(said, name, namespace))
            self._remember(key, 1)

    def _remember(self, key: tuple[str, str], count: int) -> None:
        self._counts[key] = count
        self._counts.move_to_end(key)
        if len(self._counts) > _KNOWN:
            self._counts.popitem(last=False)

    def _body(self, said: _Said, name: str, namespace: str) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": said.about,
            "type": said.draft.type,
            "reason": said.draft.reason,
            "message": said.draft.message[:_LONGEST_MESSAGE],
            "count": 1,
            "firstTimestamp": said.when,
            "lastTimestamp": said.when,
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "reportingInstance": "",
        }


def reference(obj: Mapping[str, Any] | Model) -> dict[str, Any]:
    """Return the ObjectReference of an object: apiVersion, kind, namespace, name, uid, resourceVersion."""
    if isinstance(obj, Model):
        obj = obj.model_dump(by_alias=True, include={"api_version", "kind", "metadata"}, exclude_none=True)
    metadata = obj.get("metadata") or {}
    parts = {"apiVersion": obj.get("apiVersion"), "kind": obj.get("kind")}
    parts |= {key: metadata.get(key) for key in ("namespace", "name", "uid", "resourceVersion")}
    return {key: value for key, value in parts.items() if value}


def _name(said: _Said, component: str) -> str:
    parts = (component, said.about.get("uid", ""), said.draft.type, said.draft.reason, said.draft.message)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return f"{said.about['name'][:230].rstrip('-.')}.{digest}"
