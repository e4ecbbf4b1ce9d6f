"""Namespaces and CustomResourceDefinitions that are being deleted: first what is in them goes, then they do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from katib_control.apiserver.delete import CRD_CLEANUP
from katib_control.kube.client import Client
from katib_control.kube.errors import NotFound
from katib_control.kube.resources import CRDS, EVENTS, NAMESPACES, Resource
from katib_control.runtime.controller import Controller, Key
from katib_control.runtime.informer import Informer, Informers

_AGAIN = 0.5
_NAMESPACE, _DEFINITION = "namespace", "definition"


class _Seen(NamedTuple):
    name: str
    deleting: bool


class ContentCleaner:
    """``resources`` returns every kind that is served now."""

    def __init__(self, client: Client, resources: Callable[[], Iterable[Resource]], informers: Informers) -> None:
        self._client = client
        self._shared = informers
        self._resources = resources
        self._controller = Controller("content-cleaner", self.reconcile)
        self._informers = (
            self._informer(NAMESPACES, _NAMESPACE),
            self._informer(CRDS, _DEFINITION),
        )

    def start(self) -> None:
        """Begin."""
        self._controller.start()
        for informer in self._informers:
            informer.start()

    def stop(self) -> None:
        """End."""
        for informer in self._informers:
            informer.stop()
        self._controller.stop()

    def reconcile(self, key: Key) -> float | None:
        """Empty what is being deleted, and let it go once it is empty."""
        what, name = key
        try:
            return self._empty_namespace(name) if what == _NAMESPACE else self._empty_definition(name)
        except NotFound:
            return None

    def _empty_namespace(self, name: str) -> float | None:
        namespace = self._client.get(NAMESPACES, name)
        if "deletionTimestamp" not in namespace["metadata"]:
            return None
        kinds = [resource for resource in (*self._resources(), EVENTS) if resource.namespaced]
        if sum([self._empty(resource, name) for resource in kinds]):
            return _AGAIN
        namespace["spec"] = {"finalizers": []}
        self._client.replace(NAMESPACES, namespace, subresource="finalize")
        return None

    def _empty_definition(self, name: str) -> float | None:
        crd = self._client.get(CRDS, name)
        metadata, spec = crd["metadata"], crd["spec"]
        if "deletionTimestamp" not in metadata:
            return None
        version = next(item["name"] for item in spec["versions"] if item["served"])
        resource = Resource(
            spec["group"], version, spec["names"]["plural"], spec["names"]["kind"], spec["scope"] == "Namespaced"
        )
        if self._empty_everywhere(resource):
            return _AGAIN
        kept = [finalizer for finalizer in metadata.get("finalizers", ()) if finalizer != CRD_CLEANUP]
        body = {"metadata": {"finalizers": kept or None, "resourceVersion": metadata["resourceVersion"]}}
        self._client.patch(CRDS, name, body)
        return None

    def _empty_everywhere(self, resource: Resource) -> int:
        try:
            items = self._client.list(resource)["items"]
        except NotFound:  # it was never served
            return 0
        namespaces = {item["metadata"].get("namespace") for item in items}
        return sum([self._empty(resource, namespace) for namespace in namespaces])

    def _empty(self, resource: Resource, namespace: str | None) -> int:
        """Delete what is there; return how many objects are left (finalizers, Pods that still run)."""
        if not self._client.list(resource, namespace, limit=1)["items"]:
            return 0
        self._client.delete_collection(resource, namespace)
        return len(self._client.list(resource, namespace, limit=1)["items"])

    def _informer(self, resource: Resource, what: str) -> Informer[_Seen]:
        informer: Informer[_Seen] = self._shared.of(resource, decode=_seen)
        informer.on_change(lambda _, new: self._noticed(what, new))
        return informer

    def _noticed(self, what: str, new: _Seen | None) -> None:
        if new is not None and new.deleting:
            self._controller.enqueue((what, new.name))


def _seen(obj: dict[str, Any]) -> _Seen:
    metadata = obj["metadata"]
    return _Seen(metadata["name"], "deletionTimestamp" in metadata)
