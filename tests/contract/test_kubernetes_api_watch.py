"""Watches: what they tell, from where, how they end."""

from __future__ import annotations

import json
import threading
import time

import pytest

from katib_control.kube.errors import Gone
from katib_control.kube.http import Request
from katib_control.kube.resources import CONFIG_MAPS, PODS


def version_of(api):
    return api.client.list(CONFIG_MAPS, api.namespace)["metadata"]["resourceVersion"]


def test_a_watch_tells_what_happens_in_order(api):
    watching = api.watching(CONFIG_MAPS, resource_version=version_of(api), labels="mine")
    made = api.client.create(CONFIG_MAPS, api.config_map("a", labels={"mine": ""}), api.namespace)
    api.client.patch(CONFIG_MAPS, "a", {"data": {"a": "2"}}, api.namespace)
    api.client.delete(CONFIG_MAPS, "a", api.namespace)

    kind, obj = watching.next()
    assert (kind, obj) == ("ADDED", made)
    kind, obj = watching.next()
    assert (kind, obj["data"]) == ("MODIFIED", {"a": "2"})
    changed = int(obj["metadata"]["resourceVersion"])
    kind, obj = watching.next()
    assert (kind, obj["data"]) == ("DELETED", {"a": "2"})
    assert int(obj["metadata"]["resourceVersion"]) > changed


def test_a_watch_goes_on_from_any_version_that_was_seen(api):
    start = version_of(api)
    for name in "abc":
        api.client.create(CONFIG_MAPS, api.config_map(name, labels={"mine": ""}), api.namespace)
    assert api.watching(CONFIG_MAPS, resource_version=start, labels="mine").names(3) == [
        ("ADDED", "a"),
        ("ADDED", "b"),
        ("ADDED", "c"),
    ]
    middle = api.client.get(CONFIG_MAPS, "b", api.namespace)["metadata"]["resourceVersion"]
    assert api.watching(CONFIG_MAPS, resource_version=middle, labels="mine").names(1) == [("ADDED", "c")]


@pytest.mark.parametrize("version", ["", "0"], ids=["no version", "version 0"])
def test_without_a_version_what_is_there_comes_first(api, version):
    for name in "ab":
        api.client.create(CONFIG_MAPS, api.config_map(name, labels={"mine": ""}), api.namespace)
    watching = api.watching(CONFIG_MAPS, resource_version=version, labels="mine")
    assert sorted(watching.names(2)) == [("ADDED", "a"), ("ADDED", "b")]
    api.client.create(CONFIG_MAPS, api.config_map("c", labels={"mine": ""}), api.namespace)
    assert watching.names(1) == [("ADDED", "c")]


def test_an_object_enters_and_leaves_a_filtered_watch(api):
    api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    watching = api.watching(CONFIG_MAPS, resource_version=version_of(api), labels="mine=yes")

    def label(value):
        return api.client.patch(CONFIG_MAPS, "a", {"metadata": {"labels": {"mine": value}}}, api.namespace)

    label("no")
    entered = label("yes")
    left = label("no")
    assert watching.next() == ("ADDED", entered)
    kind, obj = watching.next()
    assert (kind, obj["metadata"]["labels"]) == ("DELETED", {"mine": "yes"})
    assert obj["metadata"]["resourceVersion"] == left["metadata"]["resourceVersion"]


def test_a_field_selector_filters_a_watch(api):
    watching = api.watching(CONFIG_MAPS, resource_version=version_of(api), fields="metadata.name=b")
    for name in "abc":
        api.client.create(CONFIG_MAPS, api.config_map(name), api.namespace)
    assert watching.names(1) == [("ADDED", "b")]


def test_pods_enter_and_leave_by_phase(api):
    spec = {"nodeSelector": {"no": "such-node"}, "containers": [{"name": "main", "image": "busybox"}]}
    api.client.create(PODS, {"metadata": {"name": "a"}, "spec": spec}, api.namespace)
    version = api.client.list(PODS, api.namespace)["metadata"]["resourceVersion"]
    watching = api.watching(PODS, resource_version=version, fields="status.phase=Failed")
    api.client.patch(PODS, "a", {"status": {"phase": "Failed"}}, api.namespace, subresource="status")
    assert watching.names(1) == [("ADDED", "a")]


def test_a_watch_ends_when_its_time_is_over(api):
    watch = api.client.watch(CONFIG_MAPS, api.namespace, resource_version=version_of(api), timeout_seconds=1)
    began = time.monotonic()
    assert [kind for kind, _ in watch if kind != "BOOKMARK"] == []
    assert time.monotonic() - began < 10


def test_a_version_from_long_ago_is_gone(api):
    with pytest.raises(Gone, match=r"too old resource version|expired"):
        list(api.client.watch(CONFIG_MAPS, api.namespace, resource_version="1", timeout_seconds=2))


def test_closing_a_watch_wakes_its_reader(api):
    watch = api.client.watch(CONFIG_MAPS, api.namespace, resource_version=version_of(api))
    ended = threading.Event()

    def read():
        for _ in watch:
            pass
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    watch.close()
    assert ended.wait(5)


def test_initial_events_end_with_a_marked_bookmark(api):
    api.client.create(CONFIG_MAPS, api.config_map("a", labels={"mine": ""}), api.namespace)
    query = {
        "watch": "true",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "2",
        "labelSelector": "mine",
    }
    path = CONFIG_MAPS.path(api.namespace)
    answer = api.transport(Request("GET", path, query, {"accept": "application/json"}))
    events = [json.loads(line) for line in b"".join(answer.body).splitlines()]
    assert [event["type"] for event in events[:2]] == ["ADDED", "BOOKMARK"]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_many_watches_see_the_same(api):
    version = version_of(api)
    watches = [api.watching(CONFIG_MAPS, resource_version=version, labels="mine") for _ in range(5)]
    for index in range(20):
        api.client.create(CONFIG_MAPS, api.config_map(f"c{index:02}", labels={"mine": ""}), api.namespace)
    expected = [("ADDED", f"c{index:02}") for index in range(20)]
    assert all(watching.names(20) == expected for watching in watches)
