"""OpenAPI v3: what kubectl needs of it, and that it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from katib_control.apiserver.builtin import BUILTINS
from katib_control.apiserver.openapi import answer
from katib_control.apiserver.types import ServedType
from katib_control.kube.errors import NotFound
from katib_control.kube.http import Request
from katib_control.kube.resources import Resource

WIDGETS = ServedType(
    resource=Resource("example.com", "v1", "widgets", "Widget"),
    singular="widget",
    list_kind="WidgetList",
    openapi={
        "type": "object",
        "description": "A widget.",
        "properties": {
            "spec": {"type": "object", "properties": {"n": {"type": "integer", "description": "How many."}}}
        },
    },
    has_status=True,
    custom=True,
)
TYPES = (*BUILTINS, WIDGETS)
ROOTS = [
    "api/v1", "apis/apiextensions.k8s.io/v1", "apis/apps/v1", "apis/authentication.k8s.io/v1",
    "apis/authorization.k8s.io/v1", "apis/batch/v1", "apis/coordination.k8s.io/v1", "apis/events.k8s.io/v1",
    "apis/example.com/v1",
    "apis/rbac.authorization.k8s.io/v1",
]  # fmt: skip


def document(path: str) -> Any:
    response = answer(Request("GET", path), TYPES)
    assert response is not None
    return response.json()


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_index_names_every_group_version() -> None:
    paths = document("/openapi/v3")["paths"]
    assert sorted(paths) == ROOTS
    assert paths["api/v1"]["serverRelativeURL"].startswith("/openapi/v3/api/v1?hash=")


def test_the_hash_of_a_custom_group_follows_its_schema() -> None:
    def url(schema: dict[str, Any]) -> str:
        changed = ServedType(
            resource=WIDGETS.resource, singular="widget", list_kind="WidgetList", custom=True, openapi=schema
        )
        response = answer(Request("GET", "/openapi/v3"), (changed,))
        assert response is not None
        return str(response.json()["paths"]["apis/example.com/v1"]["serverRelativeURL"])

    assert url({"type": "object"}) == url({"type": "object"})
    assert url({"type": "object"}) != url({"type": "object", "description": "new"})


@pytest.mark.parametrize("root", ROOTS)
def test_every_reference_leads_to_a_schema(root: str) -> None:
    found = document(f"/openapi/v3/{root}")
    schemas = found["components"]["schemas"]
    assert {name.removeprefix("#/components/schemas/") for name in references(found)} <= schemas.keys()


@pytest.mark.parametrize(
    ("root", "path", "kind"),
    [
        ("apis/batch/v1", "/apis/batch/v1/namespaces/{namespace}/jobs/{name}", "Job"),
        ("api/v1", "/api/v1/namespaces/{name}", "Namespace"),
        ("apis/example.com/v1", "/apis/example.com/v1/namespaces/{namespace}/widgets/{name}", "Widget"),
    ],
)
def test_patches_say_what_they_are_for_and_that_fields_are_validated(root: str, path: str, kind: str) -> None:
    patch = document(f"/openapi/v3/{root}")["paths"][path]["patch"]
    assert patch["x-kubernetes-group-version-kind"]["kind"] == kind
    assert "fieldValidation" in [parameter["name"] for parameter in patch["parameters"]]


def test_strategic_merge_is_not_offered_so_kubectl_uses_its_own_merge_keys() -> None:
    for root in ROOTS:
        for item in document(f"/openapi/v3/{root}")["paths"].values():
            for operation in item.values():
                if isinstance(operation, dict):
                    content = operation.get("requestBody", {}).get("content", {})
                    assert "application/strategic-merge-patch+json" not in content


def test_the_schema_of_a_custom_kind_is_completed_with_what_every_object_has() -> None:
    widget = document("/openapi/v3/apis/example.com/v1")["components"]["schemas"]["com.example.v1.Widget"]
    assert widget["description"] == "A widget."
    assert set(widget["properties"]) == {"apiVersion", "kind", "metadata", "spec"}
    assert widget["properties"]["spec"]["properties"]["n"]["description"] == "How many."
    assert widget["x-kubernetes-group-version-kind"] == [{"group": "example.com", "kind": "Widget", "version": "v1"}]


def test_built_in_kinds_are_described() -> None:
    schemas = document("/openapi/v3/api/v1")["components"]["schemas"]
    assert schemas["io.k8s.api.core.v1.Pod"]["description"].startswith("Pod is what runs")
    port = schemas["v1.HTTPGetAction"]["properties"]["port"]
    assert port["format"] == "int-or-string"


@pytest.mark.parametrize("path", ["/openapi/v2", "/openapi", "/openapi/v3/apis/nope/v1", "/openapi/v4"])
def test_what_is_not_there_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        answer(Request("GET", path), TYPES)


def test_other_paths_are_not_answered() -> None:
    assert answer(Request("GET", "/api"), TYPES) is None


def test_version_2_is_there_for_those_who_read_protobuf_and_says_nothing() -> None:
    accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    response = answer(Request("GET", "/openapi/v2", headers={"accept": accept}), TYPES)
    assert response is not None
    assert response.body == b"\x0a\x032.0"
