from __future__ import annotations

import pytest

from katib_control.kube.paths import ObjectPath, parse
from katib_control.kube.resources import NAMESPACES, PODS, TRIALS


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/api/v1/pods", ("", "v1", "pods", None, None, None), id="core kind in all namespaces"),
        pytest.param("/api/v1/namespaces/a/pods", ("", "v1", "pods", "a", None, None), id="collection in a namespace"),
        pytest.param("/api/v1/namespaces/a/pods/p", ("", "v1", "pods", "a", "p", None), id="one object"),
        pytest.param("/api/v1/namespaces/a/pods/p/", ("", "v1", "pods", "a", "p", None), id="trailing slash"),
        pytest.param("/api/v1/namespaces/a/pods/p/log", ("", "v1", "pods", "a", "p", "log"), id="subresource"),
        pytest.param("/api/v1/nodes/n/proxy/x/y", ("", "v1", "nodes", None, "n", "proxy/x/y"), id="long subresource"),
        pytest.param("/api/v1/namespaces", ("", "v1", "namespaces", None, None, None), id="all namespaces"),
        pytest.param("/api/v1/namespaces/a", ("", "v1", "namespaces", None, "a", None), id="one namespace"),
        pytest.param("/api/v1/namespaces/a/status", ("", "v1", "namespaces", None, "a", "status"), id="its status"),
        pytest.param("/api/v1/namespaces/a/finalize", ("", "v1", "namespaces", None, "a", "finalize"), id="finalize"),
        pytest.param("/apis/batch/v1/jobs", ("batch", "v1", "jobs", None, None, None), id="kind of a group"),
        pytest.param(
            "/apis/kubeflow.org/v1beta1/namespaces/a/trials/t/status",
            ("kubeflow.org", "v1beta1", "trials", "a", "t", "status"),
            id="status of a custom object",
        ),
    ],
)
def test_a_path_is_taken_apart(path, expected):
    assert parse(path) == ObjectPath(*expected)


@pytest.mark.parametrize(
    "path", ["/", "", "/version", "/api", "/api/v1", "/api/v1/", "/apis", "/apis/batch", "/apis/batch/v1", "/healthz"]
)
def test_a_path_of_no_resource_is_none(path):
    assert parse(path) is None


@pytest.mark.parametrize("path", ["/api/v1//pods", "/api/v1/namespaces//pods", "/apis//v1/jobs"])
def test_empty_parts_name_nothing(path):
    assert parse(path) is None


@pytest.mark.parametrize("resource", [PODS, TRIALS, NAMESPACES])
@pytest.mark.parametrize("name", [None, "x"])
@pytest.mark.parametrize("subresource", [None, "status"])
def test_parse_reverses_resource_path(resource, name, subresource):
    namespace = "a" if resource.namespaced else None
    found = parse(resource.path(namespace, name, subresource if name else None))
    assert found is not None
    assert found.api_version == resource.api_version
    assert found[2:] == (resource.plural, namespace, name, subresource if name else None)
