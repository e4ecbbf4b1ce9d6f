"""OpenAPI v3 documents: the index, and one document for each group version. Pure.

What kubectl reads of them: the paths' PATCH operation with the kind it is for and its ``fieldValidation`` parameter
(apply, create), and the schemas with their descriptions (explain).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from katib_control.apiserver.builtin_schemas import definitions
from katib_control.apiserver.discovery import VERSION, group_versions
from katib_control.apiserver.object_meta import LIST_META, OBJECT_META, OWNER_REFERENCE
from katib_control.apiserver.types import ServedType
from katib_control.kube.errors import NotFound
from katib_control.kube.http import Request, Response

_PREFIX = "#/components/schemas/"
_META = {
    "meta.v1.ObjectMeta": OBJECT_META,
    "meta.v1.OwnerReference": OWNER_REFERENCE,
    "meta.v1.ListMeta": LIST_META,
}
# kubectl cannot apply a List without a version 2 document, which it reads as protobuf only. It skips what the document
# does not hold, and the server validates every item: so the document says ``swagger: "2.0"`` and no more.
_V2_ASKED = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_V2_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_V2_EMPTY = b"\x0a\x032.0"
_ROOT_TEXT = {
    "apiVersion": "Group and version of the form that this object is in.",
    "kind": "What sort of object this is.",
    "metadata": "Name, namespace, labels, owners: what every object has.",
}
_BODY_TYPES = {
    "get": (),
    "post": ("application/json",),
    "put": ("application/json",),
    "delete": ("application/json",),
    "patch": ("application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"),
}


def answer(request: Request, types: Iterable[ServedType]) -> Response | None:
    """Return the document at the request's path; None when the path is not below /openapi."""
    path = request.path.strip("/")
    if request.method != "GET" or path.split("/")[0] != "openapi":
        return None
    if path == "openapi/v2" and _V2_ASKED in request.headers.get("accept", ""):
        return Response(200, _V2_EMPTY, {"content-type": _V2_TYPE})
    served = tuple(types)
    if path == "openapi/v3":
        return _json(_index(served))
    root = path.removeprefix("openapi/v3/")
    here = tuple(item for item in served if item.resource.root == f"/{root}")
    if root == path or not (here or _known(root, served)):
        raise NotFound("the server could not find the requested resource")
    return _json(_document(here))


def _json(document: Mapping[str, Any]) -> Response:
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(200, body)


def _known(root: str, types: tuple[ServedType, ...]) -> bool:
    return root in _roots(types)


def _roots(types: tuple[ServedType, ...]) -> list[str]:
    return [
        f"apis/{group}/{version}" if group else f"api/{version}"
        for group, versions in group_versions(types).items()
        for version in versions
    ]


def _index(types: tuple[ServedType, ...]) -> dict[str, Any]:
    paths = {}
    for root in _roots(types):
        here = [item for item in types if item.resource.root == f"/{root}"]
        told = json.dumps([[item.resource.plural, item.openapi] for item in here if item.custom], sort_keys=True)
        mark = hashlib.sha256(f"{VERSION['gitVersion']}{told}".encode()).hexdigest().upper()
        paths[root] = {"serverRelativeURL": f"/openapi/v3/{root}?hash={mark}"}
    return {"paths": paths}


def _document(types: tuple[ServedType, ...]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = dict(_meta_schemas())
    for served in types:
        name = _schema_name(served)
        if served.custom:
            schemas[name] = _custom_schema(served)
        else:
            _add_builtin(str(served.openapi["$ref"]), name, schemas)
        schemas[name] = schemas[name] | {"x-kubernetes-group-version-kind": [_kind(served)]}
        paths |= _paths(served, name)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _kind(served: ServedType) -> dict[str, str]:
    resource = served.resource
    return {"group": resource.group, "kind": resource.kind, "version": resource.version}


def _schema_name(served: ServedType) -> str:
    """Return ``io.k8s.api.batch.v1.Job``, ``org.kubeflow.v1beta1.Experiment``."""
    resource = served.resource
    if served.custom:
        return ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])
    group = resource.group.split(".")[0] or "core"
    return f"io.k8s.api.{group}.{resource.version}.{resource.kind}"


def _paths(served: ServedType, name: str) -> dict[str, Any]:
    resource = served.resource
    namespace = "{namespace}" if resource.namespaced else None
    collection = resource.root + ("/namespaces/{namespace}/" if namespace else "/") + resource.plural
    one = collection + "/{name}"
    paths = {
        collection: _item(served, name, ("get", "post", "delete"), named=False),
        one: _item(served, name, ("get", "put", "patch", "delete"), named=True),
    }
    if namespace:
        paths[f"{resource.root}/{resource.plural}"] = _item(served, name, ("get",), named=False)
    if served.has_status:
        paths[one + "/status"] = _item(served, name, ("get", "put", "patch"), named=True)
    return paths


def _parameter(name: str, where: str, text: str = "") -> dict[str, Any]:
    made = {"name": name, "in": where, "schema": {"type": "string", "uniqueItems": True}}
    return made | ({"description": text} if text else {}) | ({"required": True} if where == "path" else {})


def _item(served: ServedType, name: str, methods: tuple[str, ...], *, named: bool) -> dict[str, Any]:
    item: dict[str, Any] = {method: _operation(served, name, method, named=named) for method in methods}
    parameters = [_parameter("name", "path", f"name of the {served.resource.kind}")] if named else []
    if served.resource.namespaced:
        parameters.append(_parameter("namespace", "path", "object name and auth scope"))
    return item | {"parameters": parameters}


def _operation(served: ServedType, name: str, method: str, *, named: bool) -> dict[str, Any]:
    action = {"get": "get" if named else "list", "delete": "delete" if named else "deletecollection"}.get(
        method, method
    )
    content = {"application/json": {"schema": {"$ref": _PREFIX + name}}}
    operation: dict[str, Any] = {
        "operationId": f"{action}{served.resource.kind}",
        "responses": {"200": {"description": "OK", "content": content}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _kind(served),
    }
    types = _BODY_TYPES[method]
    if types:
        operation["requestBody"] = {"content": {each: {"schema": {"type": "object"}} for each in types}}
    if method in ("post", "put", "patch"):
        operation["parameters"] = [
            _parameter("dryRun", "query", "All: nothing is stored."),
            _parameter("fieldManager", "query", "Who makes these changes."),
            _parameter("fieldValidation", "query", "What is done about unknown fields: Ignore, Warn or Strict."),
        ]
        if method == "patch":
            operation["parameters"].append(_parameter("force", "query", "Takes over fields that others manage."))
    return operation


def _custom_schema(served: ServedType) -> dict[str, Any]:
    raw = dict(served.openapi)
    string = {"type": "string"}
    root = {
        "apiVersion": string | {"description": _ROOT_TEXT["apiVersion"]},
        "kind": string | {"description": _ROOT_TEXT["kind"]},
        "metadata": {"allOf": [{"$ref": _PREFIX + "meta.v1.ObjectMeta"}], "description": _ROOT_TEXT["metadata"]},
    }
    return raw | {"type": "object", "properties": dict(raw.get("properties", {})) | root}


@lru_cache(maxsize=1)
def _meta_schemas() -> Mapping[str, Any]:
    made = {name: _referring(raw, "meta.v1.") for name, raw in _META.items()}
    owners = made["meta.v1.ObjectMeta"]["properties"]["ownerReferences"]
    owners["items"] = {"$ref": _PREFIX + "meta.v1.OwnerReference"}
    return made


def _add_builtin(definition: str, name: str, schemas: dict[str, Any]) -> None:
    """Add a definition and all that it refers to; the kinds themselves have names of their own (``name``)."""
    schemas[name] = _builtin(definition)
    todo = list(_references(definitions()[definition]))
    while todo:
        inner = todo.pop()
        if f"v1.{inner}" not in schemas and inner != "ObjectMeta":
            schemas[f"v1.{inner}"] = _builtin(inner)
            todo += _references(definitions()[inner])


def _references(raw: Any) -> Iterable[str]:
    if isinstance(raw, Mapping):
        if isinstance(raw.get("$ref"), str):
            yield raw["$ref"]
        for inner in raw.values():
            yield from _references(inner)


@lru_cache(maxsize=512)
def _builtin(definition: str) -> dict[str, Any]:
    raw: dict[str, Any] = _referring(definitions()[definition], "v1.")
    return raw


def _referring(raw: Any, prefix: str) -> Any:
    """Return a copy with full references, and with formats as OpenAPI writes them."""
    if isinstance(raw, list):
        return [_referring(item, prefix) for item in raw]
    if not isinstance(raw, Mapping):
        return raw
    if isinstance(raw.get("$ref"), str):
        name = "meta.v1.ObjectMeta" if raw["$ref"] == "ObjectMeta" else prefix + raw["$ref"]
        return {"$ref": _PREFIX + name}
    if raw.get("x-kubernetes-int-or-string") is True:  # it is also the name of a field, of schemas
        return {"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"}
    return {key: _referring(value, prefix) for key, value in raw.items()}
