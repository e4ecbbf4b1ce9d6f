"""CustomResourceDefinitions: served as soon as they are created; pruning, defaults, validation, status."""

from __future__ import annotations

import uuid

import pytest

from katib_control.kube.errors import Invalid, NotFound
from katib_control.kube.resources import CRDS, Resource

SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1},
                "color": {"type": "string", "default": "red", "enum": ["red", "blue"]},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        },
        "status": {"type": "object", "properties": {"ready": {"type": "boolean"}, "note": {"type": "string"}}},
    },
}


@pytest.fixture
def widgets(api):
    """A kind of its own, with a status subresource."""
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [version | {"subresources": {"status": {}}}],
        },
    }
    made = api.client.create(CRDS, crd)
    watch = api.client.watch(CRDS, resource_version="", fields=f"metadata.name=widgets.{group}", timeout_seconds=20)
    for _, obj in watch:
        conditions = {item["type"]: item["status"] for item in obj.get("status", {}).get("conditions", ())}
        if conditions.get("Established") == "True":
            break
    watch.close()
    assert made["metadata"]["generation"] == 1
    yield Resource(group, "v1", "widgets", "Widget")
    api.client.delete(CRDS, f"widgets.{group}")
    api.wait_gone(CRDS, f"widgets.{group}")


def widget(resource, name="w", **spec):
    return {
        "apiVersion": resource.api_version,
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"size": 1} | spec,
    }


def test_defaults_are_filled_in_and_unknown_fields_dropped(api, widgets):
    body = widget(widgets, free={"any": [1, "x"]}, unknown=1) | {"status": {"ready": True}}
    made = api.client.create(widgets, body, api.namespace)
    assert made["spec"] == {"size": 1, "color": "red", "free": {"any": [1, "x"]}}
    assert "status" not in made
    assert made["metadata"]["generation"] == 1


def test_strict_validation_refuses_unknown_fields(api, widgets):
    answer = api.send("POST", widgets, body=widget(widgets, unknown=1), query={"fieldValidation": "Strict"})
    assert answer.status == 400
    assert 'strict decoding error: unknown field "spec.unknown"' in answer.json()["message"]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        pytest.param({"size": 0}, "spec.size", id="too small"),
        pytest.param({"size": "big"}, "spec.size", id="wrong type"),
        pytest.param({"color": "green"}, "spec.color", id="not in the enum"),
    ],
)
def test_what_the_schema_forbids_is_invalid(api, widgets, spec, field):
    with pytest.raises(Invalid, match=rf'Widget\.{widgets.group} "w" is invalid') as caught:
        api.client.create(widgets, widget(widgets, **spec), api.namespace)
    assert field in [cause["field"] for cause in caught.value.details["causes"]]


def test_generation_counts_the_spec_and_status_does_not(api, widgets):
    api.client.create(widgets, widget(widgets), api.namespace)

    def generation(body, subresource=None):
        found = api.client.patch(widgets, "w", body, api.namespace, subresource=subresource)
        return found["metadata"]["generation"]

    assert generation({"metadata": {"labels": {"a": "b"}}}) == 1
    assert generation({"status": {"ready": True}}, "status") == 1
    assert generation({"spec": {"size": 2}}) == 2
    assert api.client.get(widgets, "w", api.namespace)["status"] == {"ready": True}


def test_the_status_subresource_writes_nothing_else(api, widgets):
    made = api.client.create(widgets, widget(widgets), api.namespace)
    body = {"metadata": {"labels": {"a": "b"}}, "spec": {"size": 9}, "status": {"note": "x"}}
    written = api.client.patch(widgets, "w", body, api.namespace, subresource="status")
    assert written["spec"] == made["spec"]
    assert "labels" not in written["metadata"]
    assert written["status"] == {"note": "x"}

    main = api.client.patch(widgets, "w", {"status": {"note": "y"}}, api.namespace)
    assert main["status"] == {"note": "x"}


def test_the_status_can_be_replaced_too(api, widgets):
    made = api.client.create(widgets, widget(widgets), api.namespace)
    written = api.client.replace(widgets, made | {"status": {"ready": False}}, subresource="status")
    assert written["status"] == {"ready": False}


def test_a_put_needs_a_version(api, widgets):
    api.client.create(widgets, widget(widgets), api.namespace)
    answer = api.send("PUT", widgets, "w", widget(widgets, size=2))
    assert answer.status == 422
    assert "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update" in answer.json()["message"]


def test_there_is_no_strategic_merge_patch(api, widgets):
    api.client.create(widgets, widget(widgets), api.namespace)
    answer = api.send(
        "PATCH", widgets, "w", {"spec": {"size": 2}}, content_type="application/strategic-merge-patch+json"
    )
    assert answer.status == 415


def test_a_subresource_that_is_not_there_is_not_found(api, widgets):
    api.client.create(widgets, widget(widgets), api.namespace)
    assert api.send("GET", widgets, "w", subresource="scale").status == 404


def test_it_can_be_discovered(api, widgets):
    found = api.client.resource_for(widgets.api_version, "Widget")
    assert found == widgets


def test_other_fields_cannot_be_selected_by(api, widgets):
    answer = api.send("GET", widgets, query={"fieldSelector": "spec.size=1"})
    assert answer.status == 400
    assert "field label not supported: spec.size" in answer.json()["message"]


def test_its_objects_go_with_the_definition(api, widgets):
    api.client.create(widgets, widget(widgets), api.namespace)
    name = f"widgets.{widgets.group}"
    api.client.delete(CRDS, name)
    api.wait_gone(CRDS, name)
    with pytest.raises(NotFound):
        api.client.get(widgets, "w", api.namespace)
    # The fixture deletes the definition once more.
    api.client.create(CRDS, definition_again(name, widgets))


def definition_again(name, resource):
    return {
        "metadata": {"name": name},
        "spec": {
            "group": resource.group,
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}}],
        },
    }
