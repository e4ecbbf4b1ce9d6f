"""Garbage collection against a real server: what the contract suite cannot see."""

from __future__ import annotations

import pytest

from katib_control.apiserver.gc import GarbageCollector
from katib_control.apiserver.server import ApiServer
from katib_control.apiserver.store import Store
from katib_control.kube.client import Client
from katib_control.kube.errors import NotFound
from katib_control.kube.resources import CONFIG_MAPS, CRDS, JOBS, PODS, Resource

WIDGETS = Resource("example.com", "v1", "widgets", "Widget")
CRD = {
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


class Counted:
    """A transport that counts requests by method."""

    def __init__(self, handle):
        self._handle = handle
        self.methods = []

    def __call__(self, request):
        self.methods.append(request.method)
        return self._handle(request)


@pytest.fixture
def server():
    found = ApiServer(Store())
    yield found
    found.close()


@pytest.fixture
def client(server):
    return Client(server.handle)


@pytest.fixture
def asked(server):
    return Counted(server.handle)


@pytest.fixture
def collector(asked):
    found = GarbageCollector(Client(asked))
    found.start()
    yield found
    found.stop()


def owned(name, owner, kind="ConfigMap", api_version="v1"):
    reference = {"apiVersion": api_version, "kind": kind, **{key: owner["metadata"][key] for key in ("name", "uid")}}
    return {"metadata": {"name": name, "ownerReferences": [reference]}}


def wait_gone(client, resource, name):
    version = client.list(resource, "default")["metadata"]["resourceVersion"]
    try:
        client.get(resource, name, "default")
    except NotFound:
        return
    watch = client.watch(
        resource, "default", resource_version=version, fields=f"metadata.name={name}", timeout_seconds=10
    )
    assert any(kind == "DELETED" for kind, _ in watch), f"{name} is still there"


def test_what_lost_its_owner_while_nobody_looked_goes_at_start(client, asked):
    owner = client.create(CONFIG_MAPS, {"metadata": {"name": "owner"}}, "default")
    client.create(CONFIG_MAPS, owned("child", owner), "default")
    client.delete(CONFIG_MAPS, "owner", "default")
    collector = GarbageCollector(Client(asked))
    collector.start()
    wait_gone(client, CONFIG_MAPS, "child")
    collector.stop()


def test_kinds_of_definitions_are_watched_as_they_come(client, collector):
    client.create(CRDS, CRD)
    owner = client.create(
        WIDGETS, {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}, "default"
    )
    client.create(CONFIG_MAPS, owned("child", owner, "Widget", "example.com/v1"), "default")
    client.delete(WIDGETS, "w", "default")
    wait_gone(client, CONFIG_MAPS, "child")


def test_objects_of_a_kind_go_with_its_definition_and_take_theirs_along(client, collector):
    client.create(CRDS, CRD)
    owner = client.create(
        WIDGETS, {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}, "default"
    )
    client.create(CONFIG_MAPS, owned("child", owner, "Widget", "example.com/v1"), "default")
    client.delete(CRDS, "widgets.example.com")
    wait_gone(client, CONFIG_MAPS, "child")


def test_an_owner_of_a_kind_that_nobody_serves_keeps_its_dependents(client, collector):
    stranger = {"metadata": {"name": "x", "uid": "u"}}
    child = client.create(CONFIG_MAPS, owned("child", stranger, "Stranger", "nobody.example.com/v1"), "default")
    ghost = client.create(CONFIG_MAPS, owned("ghost", {"metadata": {"name": "x", "uid": "u2"}}), "default")
    wait_gone(client, CONFIG_MAPS, "ghost")  # made later, so the first has been looked at
    assert ghost
    assert client.get(CONFIG_MAPS, "child", "default") == child


def test_a_job_with_its_pods_costs_no_request_until_it_is_deleted(client, collector, asked):
    spec = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "i"}]}
    jobs = [
        client.create(JOBS, {"metadata": {"name": f"j{index}"}, "spec": {"template": {"spec": spec}}}, "default")
        for index in range(20)
    ]
    for job in jobs:
        pod = owned(job["metadata"]["name"], job, "Job", "batch/v1") | {"spec": spec}
        client.create(PODS, pod, "default")
    client.delete(JOBS, "j0", "default")
    wait_gone(client, PODS, "j0")
    assert asked.methods.count("DELETE") == 1
    assert len(client.list(PODS, "default")["items"]) == 19


def test_it_stops_and_says_so(client, asked):
    collector = GarbageCollector(Client(asked))
    collector.start()
    collector.stop()
    owner = client.create(CONFIG_MAPS, {"metadata": {"name": "owner"}}, "default")
    client.create(CONFIG_MAPS, owned("child", owner), "default")
    before = len(asked.methods)
    client.delete(CONFIG_MAPS, "owner", "default")
    assert client.get(CONFIG_MAPS, "child", "default")
    assert len(asked.methods) == before
