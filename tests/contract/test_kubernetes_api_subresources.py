"""Scale, binding and eviction; and Events in the words of both of their groups."""

from __future__ import annotations

import re
import uuid

import pytest

from katib_control.kube.errors import NotFound
from katib_control.kube.resources import BINDINGS, CRDS, DEPLOYMENTS, EVENTS, PODS, Resource

NEWER_EVENTS = Resource("events.k8s.io", "v1", "events", "Event")
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"


def deployment(**spec):
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "busybox"}]}}
    return {
        "metadata": {"name": "web"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template} | spec,
    }


def gated_pod(name):
    """A Pod that no scheduler touches."""
    spec = {"schedulerName": "nobody.example.com", "containers": [{"name": "c", "image": "busybox"}]}
    return {"metadata": {"name": name}, "spec": spec}


@pytest.fixture
def web(api):
    return api.client.create(DEPLOYMENTS, deployment(), api.namespace)


@pytest.fixture
def gadgets(api):
    """A custom kind whose objects can be scaled; its definition is removed afterwards."""
    kind = Resource(f"g{uuid.uuid4().hex[:8]}.example.com", "v1", "gadgets", "Gadget")
    paths = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size", "labelSelectorPath": ".status.of"}
    version = {
        "name": "v1", "served": True, "storage": True, "subresources": {"status": {}, "scale": paths},
        "schema": {"openAPIV3Schema": {
            "type": "object", "properties": {
                "spec": {"type": "object", "properties": {"size": {"type": "integer"}, "color": {"type": "string"}}},
                "status": {"type": "object", "properties": {"size": {"type": "integer"}, "of": {"type": "string"}}},
            },
        }},
    }  # fmt: skip
    names = {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"}
    body = {
        "metadata": {"name": f"gadgets.{kind.group}"},
        "spec": {"group": kind.group, "scope": "Namespaced", "names": names, "versions": [version]},
    }
    api.client.create(CRDS, body)
    watch = api.client.watch(CRDS, fields=f"metadata.name=gadgets.{kind.group}", timeout_seconds=30)
    for _, crd in watch:
        if any(item["type"] == "Established" and item["status"] == "True" for item in crd["status"]["conditions"]):
            break
    watch.close()
    yield kind
    api.client.delete(CRDS, f"gadgets.{kind.group}")


def test_a_deployment_shows_its_scale(api, web):
    scale = api.send("GET", DEPLOYMENTS, "web", subresource="scale").json()
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert {key: scale["metadata"][key] for key in ("name", "namespace", "uid")} == {
        "name": "web", "namespace": api.namespace, "uid": web["metadata"]["uid"],
    }  # fmt: skip
    assert scale["spec"].get("replicas", 0) == 0
    assert scale["status"] == {"replicas": 0, "selector": "app=web"}


@pytest.mark.parametrize(
    ("content_type", "change"),
    [
        pytest.param(MERGE, {"spec": {"replicas": 2}}, id="by a merge patch"),
        pytest.param(JSON_PATCH, [{"op": "add", "path": "/spec/replicas", "value": 2}], id="by a JSON patch"),
    ],
)
def test_a_scale_is_patched(api, content_type, change):
    api.client.create(DEPLOYMENTS, deployment(paused=True), api.namespace)
    answer = api.send("PATCH", DEPLOYMENTS, "web", change, subresource="scale", content_type=content_type)
    assert answer.status == 200
    assert answer.json()["spec"] == {"replicas": 2}
    assert api.client.get(DEPLOYMENTS, "web", api.namespace)["spec"]["replicas"] == 2


def test_a_scale_is_replaced_if_it_is_not_stale(api, web):
    scale = api.send("GET", DEPLOYMENTS, "web", subresource="scale").json()
    stale = scale | {"metadata": scale["metadata"] | {"resourceVersion": "1"}, "spec": {"replicas": 5}}
    assert api.send("PUT", DEPLOYMENTS, "web", stale, subresource="scale").status == 409
    free = {"metadata": {"name": "web", "namespace": api.namespace}, "spec": {"replicas": 1}}
    answer = api.send(
        "PUT", DEPLOYMENTS, "web", {"kind": "Scale", "apiVersion": "autoscaling/v1"} | free, subresource="scale"
    )
    assert (answer.status, answer.json()["spec"]) == (200, {"replicas": 1})


def test_a_negative_scale_is_refused(api, web):
    change = {"spec": {"replicas": -1}}
    answer = api.send("PATCH", DEPLOYMENTS, "web", change, subresource="scale", content_type=MERGE)
    assert answer.status == 422
    assert answer.json()["details"]["causes"][0]["field"] == "spec.replicas"


def test_a_custom_object_is_scaled_where_its_definition_says(api, gadgets):
    body = {
        "apiVersion": gadgets.api_version,
        "kind": "Gadget",
        "metadata": {"name": "g"},
        "spec": {"size": 3, "color": "red"},
    }
    api.client.create(gadgets, body, api.namespace)
    api.client.patch(gadgets, "g", {"status": {"size": 2, "of": "app=g"}}, api.namespace, subresource="status")

    scale = api.send("GET", gadgets, "g", subresource="scale").json()
    assert (scale["spec"], scale["status"]) == ({"replicas": 3}, {"replicas": 2, "selector": "app=g"})

    change = {"spec": {"replicas": 7}}
    assert api.send("PATCH", gadgets, "g", change, subresource="scale", content_type=MERGE).status == 200
    assert api.client.get(gadgets, "g", api.namespace)["spec"] == {"size": 7, "color": "red"}


def test_scale_binding_and_eviction_are_discovered(api):
    core = api.document("/api/v1")["resources"]
    found = {item["name"]: (item.get("group", ""), item["kind"], item["verbs"]) for item in core}
    assert found["bindings"] == ("", "Binding", ["create"])
    assert found["pods/binding"] == ("", "Binding", ["create"])
    assert found["pods/eviction"] == ("policy", "Eviction", ["create"])
    apps = {item["name"]: item for item in api.document("/apis/apps/v1")["resources"]}
    scale = apps["deployments/scale"]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")


@pytest.mark.parametrize(
    "way", [pytest.param("pod", id="of the Pod"), pytest.param("namespace", id="of the namespace")]
)
def test_a_binding_assigns_a_pod_once(api, way):
    api.client.create(PODS, gated_pod("p"), api.namespace)
    binding = {
        "apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p", "namespace": api.namespace},
        "target": {"apiVersion": "v1", "kind": "Node", "name": "nowhere.example.com"},
    }  # fmt: skip

    def bind():
        if way == "namespace":
            return api.send("POST", BINDINGS, body=binding)
        return api.send("POST", PODS, "p", binding, subresource="binding")

    first = bind()
    assert (first.status, first.json()["status"]) == (201, "Success")
    assert api.client.get(PODS, "p", api.namespace)["spec"]["nodeName"] == "nowhere.example.com"
    again = bind()
    assert (again.status, again.json()["reason"]) == (409, "Conflict")
    assert 'pod p is already assigned to node "nowhere.example.com"' in again.json()["message"]
    api.client.delete(PODS, "p", api.namespace, grace_seconds=0)


def test_a_binding_needs_a_node_and_a_pod(api):
    api.client.create(PODS, gated_pod("p"), api.namespace)
    body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node"}}
    refused = api.send("POST", PODS, "p", body, subresource="binding")
    assert (refused.status, refused.json()["details"]["causes"][0]["field"]) == (422, "target.name")
    target = {"kind": "Node", "name": "n"}
    lost = api.send(
        "POST", PODS, "none", body | {"metadata": {"name": "none"}, "target": target}, subresource="binding"
    )
    assert lost.status == 404


def test_the_node_of_a_pod_is_set_by_no_patch(api):
    api.client.create(PODS, gated_pod("p"), api.namespace)
    answer = api.send("PATCH", PODS, "p", {"spec": {"nodeName": "n"}}, content_type=MERGE)
    assert answer.status == 422
    assert "pod updates may not change fields other than" in answer.json()["message"]


def test_an_eviction_deletes_the_pod(api):
    api.client.create(PODS, gated_pod("p"), api.namespace)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p", "namespace": api.namespace}}
    dry = api.send("POST", PODS, "p", eviction, subresource="eviction", query={"dryRun": "All"})
    assert dry.status == 201
    assert api.client.get(PODS, "p", api.namespace)
    answer = api.send("POST", PODS, "p", eviction, subresource="eviction")
    assert (answer.status, answer.json()["status"]) == (201, "Success")
    with pytest.raises(NotFound):
        api.client.get(PODS, "p", api.namespace)
    assert api.send("POST", PODS, "p", eviction, subresource="eviction").status == 404


def newer_event(api, name):
    return {
        "metadata": {"name": name}, "eventTime": "2030-01-01T00:00:00.123456Z", "type": "Normal", "reason": "Made",
        "action": "Making", "note": "it is made", "reportingController": "example.com/maker",
        "reportingInstance": "m-1",
        "regarding": {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "namespace": api.namespace},
    }  # fmt: skip


def test_an_event_is_the_same_in_both_groups(api):
    made = api.client.create(NEWER_EVENTS, newer_event(api, "e"), api.namespace)
    assert (made["apiVersion"], made["note"], made["eventTime"]) == (
        "events.k8s.io/v1", "it is made", "2030-01-01T00:00:00.123456Z",
    )  # fmt: skip

    core = api.client.get(EVENTS, "e", api.namespace)
    assert (core["apiVersion"], core["message"], core["reportingComponent"]) == (
        "v1",
        "it is made",
        "example.com/maker",
    )
    assert core["involvedObject"]["name"] == "c"
    assert core["metadata"]["uid"] == made["metadata"]["uid"]

    listed = api.client.list(NEWER_EVENTS, api.namespace, fields="regarding.name=c")
    assert listed["kind"] == "EventList"
    assert [item["regarding"]["kind"] for item in listed["items"]] == ["ConfigMap"]
    assert api.client.list(NEWER_EVENTS, api.namespace, fields="regarding.name=other")["items"] == []


def test_an_older_event_is_told_in_the_newer_words(api):
    watching = api.watching(NEWER_EVENTS)
    about = {"kind": "ConfigMap", "name": "c", "namespace": api.namespace}
    body = {
        "metadata": {"name": "e"}, "involvedObject": about, "message": "m", "reason": "R", "type": "Warning",
        "count": 3, "source": {"component": "maker"}, "firstTimestamp": "2030-01-01T00:00:00Z",
        "lastTimestamp": "2030-01-01T00:00:01Z",
    }  # fmt: skip
    api.client.create(EVENTS, body, api.namespace)
    kind, seen = watching.next()
    assert (kind, seen["regarding"], seen["note"]) == ("ADDED", about, "m")
    assert (seen["deprecatedCount"], seen["deprecatedSource"]) == (3, {"component": "maker"})
    assert seen["deprecatedLastTimestamp"] == "2030-01-01T00:00:01Z"


def test_the_newer_events_demand_more(api):
    body = newer_event(api, "e")
    body.pop("reportingController")
    body["type"] = "Odd"
    answer = api.send("POST", NEWER_EVENTS, body=body)
    assert answer.status == 422
    fields = {cause["field"] for cause in answer.json()["details"]["causes"]}
    assert fields & {"reportingController", "type"}


def test_an_event_is_patched_in_either_group(api):
    api.client.create(NEWER_EVENTS, newer_event(api, "e"), api.namespace)
    api.client.patch(EVENTS, "e", {"message": "again"}, api.namespace)
    found = api.client.get(NEWER_EVENTS, "e", api.namespace)
    assert found["note"] == "again"
    series = {"count": 2, "lastObservedTime": "2030-01-01T00:00:02.000000Z"}
    api.client.patch(NEWER_EVENTS, "e", {"series": series}, api.namespace)
    assert api.client.get(EVENTS, "e", api.namespace)["series"]["count"] == 2
    assert re.fullmatch(r"\d+", found["metadata"]["resourceVersion"])


def test_built_in_kinds_have_a_status_from_the_start(api, web):
    assert web["status"] == {}
