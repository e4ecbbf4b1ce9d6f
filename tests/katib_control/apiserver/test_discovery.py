"""Discovery documents, plain and aggregated."""

from __future__ import annotations

from typing import Any

import pytest

from katib_control.apiserver.builtin import BUILTINS
from katib_control.apiserver.discovery import answer
from katib_control.apiserver.types import ServedType
from katib_control.kube.http import Request, Response
from katib_control.kube.resources import Resource


def custom(version: str) -> ServedType:
    return ServedType(
        resource=Resource("example.com", version, "widgets", "Widget"),
        singular="widget",
        list_kind="WidgetList",
        short_names=("wi",),
        categories=("all",),
        has_status=True,
        custom=True,
    )


TYPES = (*BUILTINS, custom("v1beta1"), custom("v1"))
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


def get(path: str, accept: str = "") -> Response | None:
    return answer(Request("GET", path, headers={"accept": accept}), TYPES)


def document(path: str, accept: str = "") -> Any:
    response = get(path, accept)
    assert response is not None
    return response.json()


@pytest.mark.parametrize("path", ["/api", "/apis", "/version", "/api/v1", "/apis/batch", "/apis/batch/v1"])
def test_a_trailing_slash_changes_nothing(path: str) -> None:
    assert document(path) == document(path + "/")


@pytest.mark.parametrize(
    "path", ["/", "/api/v2", "/api/v1/pods", "/apis/nope", "/apis/batch/v2", "/apis/batch/v1/jobs", "/metrics"]
)
def test_what_is_no_discovery_document(path: str) -> None:
    assert get(path) is None


def test_only_reading_is_answered() -> None:
    assert answer(Request("POST", "/api"), TYPES) is None


def test_the_core_group_has_one_version() -> None:
    found = document("/api")
    assert (found["kind"], found["versions"]) == ("APIVersions", ["v1"])


def test_groups_name_their_preferred_version() -> None:
    groups = {group["name"]: group for group in document("/apis")["groups"]}
    assert {"batch", "apps", "coordination.k8s.io", "apiextensions.k8s.io", "authorization.k8s.io"} <= groups.keys()
    example = groups["example.com"]
    assert [item["version"] for item in example["versions"]] == ["v1", "v1beta1"]
    assert example["preferredVersion"] == {"groupVersion": "example.com/v1", "version": "v1"}
    assert document("/apis/example.com") == {"kind": "APIGroup", "apiVersion": "v1"} | example


def test_the_core_group_is_no_group() -> None:
    assert "" not in [group["name"] for group in document("/apis")["groups"]]


def test_resources_of_a_group_version() -> None:
    found = document("/apis/example.com/v1")
    assert (found["kind"], found["groupVersion"]) == ("APIResourceList", "example.com/v1")
    widgets, widgets_status = found["resources"]
    assert widgets == {
        "name": "widgets", "singularName": "widget", "namespaced": True, "kind": "Widget",
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        "shortNames": ["wi"], "categories": ["all"],
    }  # fmt: skip
    assert (widgets_status["name"], widgets_status["verbs"]) == ("widgets/status", ["get", "patch", "update"])


def test_pods_have_a_log() -> None:
    names = {item["name"]: item for item in document("/api/v1")["resources"]}
    assert names["pods/log"]["verbs"] == ["get"]
    assert not names["namespaces"]["namespaced"]


def test_the_aggregated_form_says_the_same() -> None:
    response = get("/apis", AGGREGATED)
    assert response is not None
    assert response.headers["content-type"] == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    found = response.json()
    assert (found["kind"], found["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    groups = {item["metadata"]["name"]: item for item in found["items"]}
    versions = groups["example.com"]["versions"]
    assert [version["version"] for version in versions] == ["v1", "v1beta1"]
    (widgets,) = versions[0]["resources"]
    assert widgets["responseKind"] == {"group": "example.com", "version": "v1", "kind": "Widget"}
    assert (widgets["scope"], widgets["shortNames"]) == ("Namespaced", ["wi"])
    assert [item["subresource"] for item in widgets["subresources"]] == ["status"]
    assert [item["metadata"]["name"] for item in document("/api", AGGREGATED)["items"]] == [""]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        pytest.param("application/json", "APIGroupList", id="plain JSON"),
        pytest.param("application/json;v=v3;g=x;as=APIGroupDiscoveryList,application/json", "APIGroupList", id="newer"),
        pytest.param(
            "application/vnd.kubernetes.protobuf;v=v2;as=APIGroupDiscoveryList,application/json", "APIGroupList",
            id="not as JSON",
        ),
        pytest.param("application/json;v=v2beta1;as=APIGroupDiscoveryList", "APIGroupDiscoveryList", id="older"),
    ],
)  # fmt: skip
def test_what_is_asked_for_decides(accept: str, kind: str) -> None:
    assert document("/apis", accept)["kind"] == kind


def test_the_version_reads_like_a_release_of_kubernetes() -> None:
    found = document("/version")
    assert found["gitVersion"].startswith(f"v{found['major']}.{found['minor']}.0")
