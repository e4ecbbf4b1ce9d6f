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
    raises Invalid.
    """
    client = connection.client
    kinds = [client.resource_for(item["apiVersion"], item["kind"]) for item in manifests.others]
    experiment = _placed(manifests.experiment, connection.namespace)
    for namespace in {
        item["metadata"].get("namespace", connection.namespace) for item in (experiment, *manifests.others)
    }:
        _ensure_namespace(connection, namespace)
    client_checks(client, experiment)
    for resource, item in zip(kinds, manifests.others, strict=True):
        _put(client, resource, _placed(item, connection.namespace) if resource.namespaced else item)
    return Experiment.decode(_put(client, EXPERIMENTS, experiment))


def client_checks(client: Client, experiment: dict[str, Any]) -> None:
    """Refuse unknown fields before anything is made: a dry run tells."""
    try:
        client.create(EXPERIMENTS, experiment, dry_run=True, strict=True)
    except AlreadyExists:
        return
    except NotFound as error:
        if error.details.get("kind") == "namespaces":
            raise
        raise NotFound("the server does not serve kubeflow.org/v1beta1 Experiments; install the CRDs first") from error


def _placed(item: dict[str, Any], namespace: str) -> dict[str, Any]:
    return item | {"metadata": {"namespace": namespace} | item["metadata"]}


def _ensure_namespace(connection: Connection, name: str) -> None:
    if connection.place.kind != "embedded":
        return  # on a cluster a namespace is somebody's decision
    try:
        connection.client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    except (AlreadyExists, Forbidden):
        return


def _put(client: Client, resource: Resource, item: dict[str, Any]) -> dict[str, Any]:
    last: ApiError | None = None
    for _ in range(ATTEMPTS):
        try:
            return client.create(resource, item, strict=True)
        except AlreadyExists as error:
            last = error
        try:
            return _update(client, resource, item)
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
