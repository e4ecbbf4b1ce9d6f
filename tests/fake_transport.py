"""An API server in a dict, for tests of what speaks to one: objects, resourceVersions, watches, faults on demand."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

from katib_control.kube.errors import AlreadyExists, ApiError, Conflict, Gone, NotFound
from katib_control.kube.http import Request, Response
from katib_control.kube.patches import merge_patch
from katib_control.kube.paths import ObjectPath, parse
from katib_control.kube.selectors import parse_labels

Key = tuple[str, str, str]


class FakeTransport:
    """A Transport. ``fault(request)`` may raise before a request is served, ``after(request)`` when it has been."""

    def __init__(self) -> None:
        self.objects: dict[Key, dict[str, Any]] = {}
        self.events: list[tuple[int, Key, str, dict[str, Any]]] = []
        self.requests: list[Request] = []
        self.version = 100
        self.oldest = 0
        self.fault: Callable[[Request], None] = lambda request: None
        self.after: Callable[[Request], None] = lambda request: None
        self.streams: list[FakeStream] = []
        self.lock = threading.RLock()

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        self.fault(request)
        path = parse(request.path)
        try:
            if path is None:
                raise NotFound("the server could not find the requested resource")
            with self.lock:
                response = self._serve(request, path)
        except ApiError as error:
            return Response(error.code, json.dumps(error.status).encode())
        self.after(request)
        return response

    @property
    def writes(self) -> list[Request]:
        return [request for request in self.requests if request.method != "GET"]

    def find(self, plural: str) -> list[dict[str, Any]]:
        return [obj for (found, _, _), obj in self.objects.items() if found == plural]

    def compact(self) -> None:
        """Forget all events, and end the watches: the next must list again."""
        with self.lock:
            self.oldest = self.version
            self.events.clear()
            self.end_watches()

    def end_watches(self) -> None:
        for stream in list(self.streams):
            stream.close()

    def _serve(self, request: Request, path: ObjectPath) -> Response:
        if request.method == "GET" and request.query.get("watch"):
            return Response(200, self._watch(request, path))
        if request.method == "GET" and path.name is None:
            return _answer(self._list(request, path))
        if request.method == "POST":
            return _answer(self._create(request.json(), path), 201)
        key = (path.plural, path.namespace or "", path.name or "")
        if key not in self.objects:
            raise NotFound(f'{path.plural} "{path.name}" not found')
        if request.method == "GET":
            return _answer(self.objects[key])
        if request.method == "DELETE":
            return _answer(self._delete(key, request.json()))
        return _answer(self._update(key, request, path))

    def _list(self, request: Request, path: ObjectPath) -> dict[str, Any]:
        selected = parse_labels(request.query.get("labelSelector", ""))
        items = [
            obj
            for (plural, namespace, _), obj in self.objects.items()
            if plural == path.plural and path.namespace in (None, namespace) and selected(obj)
        ]
        return {"kind": "List", "metadata": {"resourceVersion": str(self.version)}, "items": items}

    def _watch(self, request: Request, path: ObjectPath) -> FakeStream:
        since = int(request.query.get("resourceVersion") or self.version)
        if since < self.oldest:
            raise Gone(f"too old resource version: {since} ({self.oldest})")
        stream = FakeStream(self, path.plural)
        for version, key, kind, obj in self.events:
            if version > since:
                stream.offer(key, kind, obj)
        self.streams.append(stream)
        return stream

    def _create(self, obj: dict[str, Any], path: ObjectPath) -> dict[str, Any]:
        key = (path.plural, path.namespace or "", obj["metadata"]["name"])
        if key in self.objects:
            raise AlreadyExists(f'{path.plural} "{key[2]}" already exists')
        metadata = obj["metadata"] | {"uid": f"uid-{self.version + 1}"}
        if path.namespace:
            metadata["namespace"] = path.namespace
        return self._store(key, "ADDED", obj | {"metadata": metadata})

    def _delete(self, key: Key, options: dict[str, Any]) -> dict[str, Any]:
        obj = self.objects[key]
        if options.get("preconditions", {}).get("uid", obj["metadata"]["uid"]) != obj["metadata"]["uid"]:
            raise Conflict("the uid in the precondition is of another object")
        if obj["metadata"].get("finalizers"):
            return self._store(key, "MODIFIED", merge_patch(obj, {"metadata": {"deletionTimestamp": "now"}}))
        return self._store(key, "DELETED", obj)

    def _update(self, key: Key, request: Request, path: ObjectPath) -> dict[str, Any]:
        old, body = self.objects[key], request.json()
        asked = body.get("metadata", {}).pop("resourceVersion", None)
        if asked not in (None, old["metadata"]["resourceVersion"]):
            raise Conflict("the object has been modified; please apply your changes to the latest version")
        if path.subresource == "status":
            body = {"status": body.get("status")}
        elif request.method == "PATCH":
            body.pop("status", None)
        new = merge_patch(old, body)
        gone = "deletionTimestamp" in new["metadata"] and not new["metadata"].get("finalizers")
        return self._store(key, "DELETED" if gone else "MODIFIED", new)

    def _store(self, key: Key, kind: str, obj: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        stored = obj | {"metadata": obj["metadata"] | {"resourceVersion": str(self.version)}}
        if kind == "DELETED":
            del self.objects[key]
        else:
            self.objects[key] = stored
        self.events.append((self.version, key, kind, stored))
        for stream in self.streams:
            stream.offer(key, kind, stored)
        return stored


class FakeStream:
    """A watch's body: one line a chunk, until it is closed."""

    def __init__(self, api: FakeTransport, plural: str) -> None:
        self._api, self._plural = api, plural
        self._lines: queue.Queue[bytes | None] = queue.Queue()

    def offer(self, key: Key, kind: str, obj: dict[str, Any]) -> None:
        if key[0] == self._plural:
            self.send(kind, obj)

    def send(self, kind: str, obj: dict[str, Any]) -> None:
        self._lines.put(json.dumps({"type": kind, "object": obj}).encode() + b"\n")

    def __iter__(self) -> Iterator[bytes]:
        while (line := self._lines.get()) is not None:
            yield line

    def close(self) -> None:
        with self._api.lock:
            if self in self._api.streams:
                self._api.streams.remove(self)
        self._lines.put(None)


def _answer(obj: dict[str, Any], status: int = 200) -> Response:
    return Response(status, json.dumps(obj).encode())
