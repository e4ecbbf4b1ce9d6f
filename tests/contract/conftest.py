"""One API, three ways to it: the function, HTTP, and a real cluster when KATIB_TEST_KUBECONFIG names one.

Every test has a namespace of its own, created before it and deleted after it. What is asked here is what Kubernetes
documents; nothing knows which of the three it speaks to.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from katib_control.apiserver.gc import GarbageCollector
from katib_control.apiserver.http import new_token, serve
from katib_control.apiserver.kubeconfig import Access, write_kubeconfig
from katib_control.apiserver.server import ApiServer
from katib_control.apiserver.store import Store
from katib_control.kube.client import Client
from katib_control.kube.cluster import connect
from katib_control.kube.errors import NotFound
from katib_control.kube.http import Request, Response, Transport
from katib_control.kube.resources import NAMESPACES, Resource
from katib_control.kube.streams import Watch

CLUSTER = os.environ.get("KATIB_TEST_KUBECONFIG", "")
SECONDS = 30.0 if CLUSTER else 5.0


@dataclass
class Api:
    """A client, its transport for what the client has no words for, and a namespace."""

    client: Client
    transport: Transport
    namespace: str
    _watches: list[Watching] = field(default_factory=list)

    def config_map(self, name: str, **metadata: Any) -> dict[str, Any]:
        """Return a ConfigMap that is not created yet."""
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name} | metadata, "data": {"a": "1"}}

    def send(self, method: str, resource: Resource, name: str = "", body: Any = None, **options: Any) -> Response:
        """Send a request by hand; ``subresource``, ``content_type``, ``accept``, ``namespace``, and a query."""
        namespace = options.pop("namespace", self.namespace if resource.namespaced else None)
        path = resource.path(namespace, name or None, options.pop("subresource", None))
        headers = {
            "content-type": options.pop("content_type", "application/json"),
            "accept": options.pop("accept", "application/json"),
        }
        query = {key: str(value) for key, value in options.pop("query", {}).items()}
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.transport(Request(method, path, query, headers, raw))

    def document(self, path: str) -> Any:
        """Return what is not an object: discovery, the version."""
        return self.transport(Request("GET", path, {}, {"accept": "application/json"})).json()

    def watching(self, resource: Resource, **options: Any) -> Watching:
        """Watch in a thread of its own; closed when the test ends."""
        watching = Watching(self.client.watch(resource, self.namespace, **options))
        self._watches.append(watching)
        return watching

    def wait_gone(self, resource: Resource, name: str) -> None:
        """Wait until an object is no longer there."""
        version = ""
        with contextlib.suppress(NotFound):
            found = self.client.get(resource, name, self.namespace if resource.namespaced else None)
            version = found["metadata"]["resourceVersion"]
        if not version:
            return
        namespace = self.namespace if resource.namespaced else None
        watch = self.client.watch(
            resource, namespace, resource_version=version, fields=f"metadata.name={name}", timeout_seconds=int(SECONDS)
        )
        assert any(kind == "DELETED" for kind, _ in watch), f"{resource.plural} {name} is still there"

    def close(self) -> None:
        for watching in self._watches:
            watching.close()


class Watching:
    """A watch read by a thread; ``next`` waits for one event."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._events: list[tuple[str, dict[str, Any]]] = []
        self._changed = threading.Condition()
        self.error: Exception | None = None
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for event in self._watch:
                with self._changed:
                    self._events.append(event)
                    self._changed.notify_all()
        except Exception as error:
            self.error = error
        self.ended.set()

    def next(self) -> tuple[str, dict[str, Any]]:
        """Return the next event that is no bookmark."""
        while True:
            with self._changed:
                assert self._changed.wait_for(lambda: self._events, SECONDS), "no event came"
                kind, obj = self._events.pop(0)
            if kind != "BOOKMARK":
                return kind, obj

    def names(self, count: int) -> list[tuple[str, str]]:
        """Return type and object name of the next events."""
        return [(kind, obj["metadata"]["name"]) for kind, obj in (self.next() for _ in range(count))]

    def close(self) -> None:
        self._watch.close()
        assert self.ended.wait(SECONDS), "the reader of a closed watch still blocks"


@pytest.fixture(scope="session")
def transports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Transport]]:
    store = Store()
    server = ApiServer(store)
    store.compact(keep=0)  # as a cluster that is not new: its first versions are gone
    collector = GarbageCollector(Client(server.handle))
    collector.start()
    token = new_token()
    http = serve(server.handle, token=token)
    access = Access(url=http.url, token=token, authority=http.authority)
    over_http = connect(write_kubeconfig(tmp_path_factory.mktemp("contract") / "kubeconfig", access))
    found: dict[str, Transport] = {"function": server.handle, "http": over_http}
    if CLUSTER:
        found["cluster"] = connect(Path(CLUSTER))
    yield found
    for name in found.keys() - {"function"}:
        found[name].close()
    http.stop()
    collector.stop()
    server.close()


@pytest.fixture(params=["function", "http", *(["cluster"] if CLUSTER else [])])
def api(request: pytest.FixtureRequest, transports: dict[str, Transport]) -> Iterator[Api]:
    transport = transports[request.param]
    namespace = f"katib-test-{uuid.uuid4().hex[:8]}"
    client = Client(transport)
    client.create(NAMESPACES, {"metadata": {"name": namespace}})
    found = Api(client, transport, namespace)
    yield found
    found.close()
    client.delete(NAMESPACES, namespace)


@pytest.fixture
def client(api: Api) -> Client:
    return api.client
