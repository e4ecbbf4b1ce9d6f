from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from katib_control.apiserver import schema as schemas
from katib_control.apiserver.server import ApiServer
from katib_control.apiserver.store import Store
from katib_control.kube.client import Client
from katib_control.kube.errors import Invalid
from katib_control.kube.resources import CRDS, PODS, Resource

WIDGETS = Resource("example.com", "v1", "widgets", "Widget")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {"type": "object", "properties": {"n": {"type": "integer"}, "free": {"type": "string"}}},
        "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
    },
}


def definition(schema: dict[str, Any]) -> dict[str, Any]:
    version = {"name": "v1", "served": True, "storage": True, "subresources": {"status": {}}}
    return {
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"plural": "widgets", "kind": "Widget"},
            "scope": "Namespaced",
            "versions": [version | {"schema": {"openAPIV3Schema": schema}}],
        },
    }


@pytest.fixture
def client() -> Iterator[Client]:
    server = ApiServer(Store())
    found = Client(server.handle)
    found.create(CRDS, definition(SCHEMA))
    yield found
    server.close()


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many parts each validation may leave out."""
    counts: list[int] = []
    whole = schemas.CompiledSchema.validate

    def validate(self: Any, obj: dict[str, Any], known: Any = ()) -> Any:
        counts.append(len(known))
        return whole(self, obj, known)

    monkeypatch.setattr(schemas.CompiledSchema, "validate", validate)
    return counts


def widget(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec}


def test_what_a_status_leaves_as_it_was_is_not_looked_at_again(client: Client, looked_at: list[int]) -> None:
    client.create(WIDGETS, widget(n=1), "default")
    client.patch(WIDGETS, "w", {"status": {"phase": "x"}}, "default", subresource="status")
    created, patched = looked_at
    assert created == 0
    assert patched > 0


def test_what_is_new_is_looked_at(client: Client) -> None:
    client.create(WIDGETS, widget(n=1), "default")
    with pytest.raises(Invalid, match=r"spec\.n"):
        client.patch(WIDGETS, "w", {"spec": {"n": "one"}}, "default")
    with pytest.raises(Invalid, match=r"status\.phase"):
        client.patch(WIDGETS, "w", {"status": {"phase": 1}}, "default", subresource="status")


def test_unknown_fields_of_a_change_go(client: Client) -> None:
    client.create(WIDGETS, widget(n=1), "default")
    patched = client.patch(WIDGETS, "w", {"spec": {"m": 2}, "more": {}}, "default")
    assert patched["spec"] == {"n": 1}
    assert "more" not in patched


def test_a_changed_definition_looks_at_everything_once(client: Client, looked_at: list[int]) -> None:
    client.create(WIDGETS, widget(n=1, free="x"), "default")
    fields = {
        "spec": {"type": "object", "properties": {"n": {"type": "integer"}}},
        "status": SCHEMA["properties"]["status"],
    }
    there = client.get(CRDS, "widgets.example.com")
    client.replace(CRDS, there | {"spec": definition({"type": "object", "properties": fields})["spec"]})
    looked_at.clear()
    client.patch(WIDGETS, "w", {"status": {"phase": "x"}}, "default", subresource="status")
    client.patch(WIDGETS, "w", {"status": {"phase": "y"}}, "default", subresource="status")
    first, second = looked_at
    assert first == 0
    assert second > 0


def test_a_deleted_object_of_the_same_name_is_another(client: Client, looked_at: list[int]) -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "i"}]}}
    client.create(PODS, pod, "default")
    client.delete(PODS, "p", "default")
    client.create(PODS, pod, "default")
    assert looked_at == [0, 0]
    client.patch(PODS, "p", {"status": {"phase": "Running"}}, "default", subresource="status")
    assert looked_at[2] > 0
