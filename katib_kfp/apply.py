"""Putting the objects of a file on a server: made when they are new, brought up to date when they are there."""

from __future__ import annotations

from typing import Any

from katib_control.api.experiment import Experiment
from katib_control.kube.client import Client
from katib_control.kube.errors import AlreadyExists, ApiError, Conflict, Forbidden, NotFound
from katib_control.kube.resources import EXPERIMENTS, NAMESPACES, Resource
from katib_kfp.manifests import Manifests
from katib_kfp.runtime.place import Connection

ATTEMPTS = 5


def apply(connection: Connection, manifests: Manifests) -> Experiment:
    """Return the Experiment as the server has it now.

    Unknown fields are refused. An Experiment of that name goes on: what an update may change is changed, anything else
    raises Invalid. When the Experiment is refused, what was made for it is taken back.
    """
    client = connection.client
    kinds = [client.resource_for(item["apiVersion"], item["kind"]) for item in manifests.others]
    experiment = _placed(manifests.experiment, connection.namespace)
    for namespace in {
        item["metadata"].get("namespace", connection.namespace) for item in (experiment, *manifests.others)
    }:
        _ensure_namespace(connection, namespace)
    made: list[tuple[Resource, dict[str, Any]]] = []
    try:
        for resource, item in zip(kinds, manifests.others, strict=True):
            placed = _placed(item, connection.namespace) if resource.namespaced else item
            if _put(client, resource, placed)[1]:
                made.append((resource, placed))
        return Experiment.decode(_put(client, EXPERIMENTS, experiment)[0])
    except ApiError:
        for resource, item in made:
            client.delete(resource, item["metadata"]["name"], item["metadata"].get("namespace"))
        raise


def _placed(item: dict[str, Any], namespace: str) -> dict[str, Any]:
    return item | {"metadata": {"namespace": namespace} | item["metadata"]}


def _ensure_namespace(connection: Connection, name: str) -> None:
    if connection.place.kind != "embedded":
        return  # on a cluster a namespace is somebody's decision
    try:
        connection.client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    except (AlreadyExists, Forbidden):
        return


def _put(client: Client, resource: Resource, item: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return the object as it is on the server now, and whether it is new."""
    last: ApiError | None = None
    for _ in range(ATTEMPTS):
        try:
            return client.create(resource, item, strict=True), True
        except AlreadyExists as error:
            last = error
        try:
            return _update(client, resource, item), False
        except (Conflict, NotFound) as error:
            last = error
    assert last is not None
    raise last


def _update(client: Client, resource: Resource, item: dict[str, Any]) -> dict[str, Any]:
    metadata = item["metadata"]
    there = client.get(resource, metadata["name"], metadata.get("namespace"))
    kept = there["metadata"]
    merged = {
        **kept,
        "labels": (kept.get("labels") or {}) | (metadata.get("labels") or {}),
        "annotations": (kept.get("annotations") or {}) | (metadata.get("annotations") or {}),
    }
    return client.replace(resource, there | item | {"metadata": merged}, strict=True)
