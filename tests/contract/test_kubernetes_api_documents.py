"""What is no object: the root, health, discovery of both forms."""

from __future__ import annotations

import json

import pytest

from katib_control.kube.http import Request

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def test_the_root_tells_where_to_look(api):
    paths = api.document("/")["paths"]
    assert {"/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/healthz", "/version"} <= set(paths)


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_is_told_to_whoever_asks_in_either_way(api, path, method):
    assert api.transport(Request(method, path, {}, {"accept": "*/*"})).status == 200


def test_aggregated_discovery_tells_of_subresources_and_their_kinds(api):
    answer = api.transport(Request("GET", "/api", {}, {"accept": AGGREGATED})).json()
    (core,) = (version for version in answer["items"][0]["versions"] if version["version"] == "v1")
    (pods,) = (item for item in core["resources"] if item["resource"] == "pods")
    found = {item["subresource"]: (item["responseKind"]["kind"], item["verbs"]) for item in pods["subresources"]}
    assert found["eviction"] == ("Eviction", ["create"])
    assert found["binding"] == ("Binding", ["create"])
    assert found["log"] == ("Pod", ["get"])
    assert sorted(found["status"][1]) == ["get", "patch", "update"]


def test_a_token_can_be_reviewed(api):
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "nobody's"}}
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    headers = {"content-type": "application/json", "accept": "application/json"}
    answer = api.transport(Request("POST", path, {}, headers, json.dumps(body).encode()))
    assert answer.status == 201
    assert not answer.json()["status"].get("authenticated")
