"""The server as a function: what only the embedded one has, and what a contract suite cannot move (clock, node)."""

from __future__ import annotations

import json
import logging
import threading
from datetime import datetime, timedelta, timezone

import pytest

from katib_control.apiserver.core import Limits
from katib_control.apiserver.server import ApiServer
from katib_control.apiserver.store import Store
from katib_control.kube.client import Client
from katib_control.kube.errors import BadRequest, Forbidden, Invalid, NotFound, ServerError
from katib_control.kube.http import Request
from katib_control.kube.resources import CONFIG_MAPS, JOBS, NAMESPACES, PODS
from katib_control.kube.streams import LogOptions

NOON = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
POD = {
    "metadata": {"name": "p"},
    "spec": {"nodeName": "local", "containers": [{"name": "main", "image": "i"}, {"name": "side", "image": "i"}]},
}
MAP = {"metadata": {"name": "m"}, "data": {"a": "1"}}


class Clock:
    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def server(clock):
    found = ApiServer(Store(), clock=clock)
    yield found
    found.close()


@pytest.fixture
def client(server):
    return Client(server.handle)


class TestPods:
    def test_a_running_pod_is_given_its_time_and_goes_when_the_node_says_so(self, client, clock):
        client.create(PODS, POD, "default")
        marked = client.delete(PODS, "p", "default")["metadata"]
        assert marked["deletionGracePeriodSeconds"] == 30
        assert marked["deletionTimestamp"] == "2026-01-31T12:00:30Z"
        clock.now += timedelta(seconds=5)
        assert client.delete(PODS, "p", "default")["metadata"] == marked
        shorter = client.delete(PODS, "p", "default", grace_seconds=2)["metadata"]
        assert shorter["deletionTimestamp"] == "2026-01-31T12:00:07Z"
        client.delete(PODS, "p", "default", grace_seconds=0)
        with pytest.raises(NotFound):
            client.get(PODS, "p", "default")

    def test_its_finalizer_may_hold_it_longer(self, client):
        client.create(PODS, POD | {"metadata": {"name": "p", "finalizers": ["a.example.com/b"]}}, "default")
        client.delete(PODS, "p", "default", grace_seconds=0)
        client.patch(PODS, "p", {"metadata": {"finalizers": None}}, "default")
        with pytest.raises(NotFound):
            client.get(PODS, "p", "default")

    def test_a_finalizer_that_goes_first_leaves_the_node_its_time(self, client):
        client.create(PODS, POD | {"metadata": {"name": "p", "finalizers": ["a.example.com/b"]}}, "default")
        client.delete(PODS, "p", "default")
        client.patch(PODS, "p", {"metadata": {"finalizers": None}}, "default")
        assert client.get(PODS, "p", "default")
        client.delete(PODS, "p", "default", grace_seconds=0)
        with pytest.raises(NotFound):
            client.get(PODS, "p", "default")

    @pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
    def test_a_finished_pod_goes_at_once(self, client, phase):
        client.create(PODS, POD, "default")
        client.patch(PODS, "p", {"status": {"phase": phase}}, "default", subresource="status")
        client.delete(PODS, "p", "default")
        with pytest.raises(NotFound):
            client.get(PODS, "p", "default")


class TestLogs:
    @pytest.fixture
    def asked(self, server):
        found = []
        server.core.logs = lambda query: found.append(query) or b"line\n"
        return found

    def test_every_option_reaches_the_node(self, client, asked):
        client.create(PODS, POD, "default")
        since = datetime(2026, 1, 1, 0, 0, 1, 500, tzinfo=timezone.utc)
        options = LogOptions(container="side", tail_lines=3, since_time=since, timestamps=True, limit_bytes=10)
        assert b"".join(client.logs("p", "default", options=options)) == b"line\n"
        (query,) = asked
        assert query.pod["metadata"]["name"] == "p"
        assert (query.container, query.tail_lines, query.since_time) == ("side", 3, since)
        assert (query.timestamps, query.limit_bytes, query.follow) == (True, 10, False)

    def test_seconds_ago_are_counted_from_now(self, client, server, asked):
        client.create(PODS, POD, "default")
        path = PODS.path("default", "p", "log")
        server.handle(Request("GET", path, {"container": "main", "sinceSeconds": "10"}))
        assert asked[0].since_time == NOON - timedelta(seconds=10)

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            pytest.param({}, "choose one of: [main side]", id="which of several containers"),
            pytest.param({"container": "nope"}, "container nope is not valid for pod p", id="no such container"),
            pytest.param({"container": "main", "tailLines": "-1"}, "greater than or equal to 0", id="negative"),
            pytest.param({"container": "main", "sinceTime": "today"}, "must be an RFC 3339 time", id="no time"),
            pytest.param({"container": "main", "limitBytes": "0"}, "must be greater than 0", id="no bytes at all"),
            pytest.param({"container": "main", "previous": "true"}, "only the current log is kept", id="previous"),
        ],
    )
    def test_what_cannot_be_asked_is_refused(self, client, server, asked, query, words):
        client.create(PODS, POD, "default")
        answer = server.handle(Request("GET", PODS.path("default", "p", "log"), query))
        assert answer.status in (400, 422)
        assert words in answer.json()["message"]
        assert asked == []

    def test_the_default_container_may_be_named_by_an_annotation(self, client, server, asked):
        annotations = {"kubectl.kubernetes.io/default-container": "side"}
        client.create(PODS, POD | {"metadata": {"name": "p", "annotations": annotations}}, "default")
        server.handle(Request("GET", PODS.path("default", "p", "log")))
        assert asked[0].container == "side"

    def test_without_a_node_there_is_no_log(self, client):
        client.create(PODS, POD, "default")
        with pytest.raises(BadRequest, match='no node runs here that has the log of pod "p"'):
            client.logs("p", "default", options=LogOptions(container="main"))


class TestAdmission:
    def test_it_sees_every_write_and_may_change_it(self, server, client):
        seen = []

        def admit(admission):
            seen.append((admission.operation, admission.resource.plural, admission.subresource, admission.dry_run))
            if admission.operation == "CREATE" and admission.object:
                return admission.object | {"data": {"set": "by admission"}}
            return None

        server.core.admit = admit
        assert client.create(CONFIG_MAPS, MAP, "default")["data"] == {"set": "by admission"}
        client.patch(CONFIG_MAPS, "m", {"data": {"b": "2"}}, "default", dry_run=True)
        client.delete(CONFIG_MAPS, "m", "default")
        assert seen == [
            ("CREATE", "configmaps", None, False),
            ("UPDATE", "configmaps", None, True),
            ("DELETE", "configmaps", None, False),
        ]

    def test_what_it_refuses_is_not_stored(self, server, client):
        def admit(admission):
            raise Invalid("no", causes=[{"field": "data", "reason": "FieldValueInvalid", "message": "no"}])

        server.core.admit = admit
        with pytest.raises(Invalid) as caught:
            client.create(CONFIG_MAPS, MAP, "default")
        assert caught.value.details["causes"][0]["field"] == "data"
        with pytest.raises(NotFound):
            client.get(CONFIG_MAPS, "m", "default")

    def test_what_it_makes_invalid_is_not_stored(self, server, client):
        server.core.admit = lambda admission: admission.object | {"data": {"a": 1}}
        with pytest.raises(Invalid):
            client.create(CONFIG_MAPS, MAP, "default")

    def test_it_may_ask_the_server_itself(self, server, client):
        def admit(admission):
            client.get(NAMESPACES, "default")

        server.core.admit = admit
        assert client.create(CONFIG_MAPS, MAP, "default")


class TestLimits:
    def test_a_body_has_a_largest_size(self):
        server = ApiServer(Store(), limits=Limits(body_bytes=100))
        answer = server.handle(Request("POST", CONFIG_MAPS.path("default"), body=b" " * 101))
        assert (answer.status, answer.json()["reason"]) == (413, "RequestEntityTooLarge")
        server.close()

    def test_watches_are_counted_and_uncounted(self):
        server = ApiServer(Store(), limits=Limits(streams=2))
        watch = Request("GET", CONFIG_MAPS.path("default"), {"watch": "1"})
        open_ones = [server.handle(watch), server.handle(watch)]
        assert server.handle(watch).status == 429
        open_ones[0].body.close()
        open_ones[0].body.close()
        assert server.handle(watch).status == 200
        assert server.handle(watch).status == 429
        server.close()

    def test_a_watch_that_is_refused_is_not_counted(self, server):
        for query in ({"resourceVersion": "x"}, {"fieldSelector": "nope=1"}, {"resourceVersion": "999999"}):
            server.handle(Request("GET", CONFIG_MAPS.path("default"), {"watch": "1"} | query))
        assert server.core._streams == 0


class TestWatches:
    def test_bookmarks_come_while_nothing_happens(self, server, client):
        now = [0.0]
        server.core.monotonic = lambda: now[0]
        query = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": "100", "resourceVersion": "1"}
        stream = server.handle(Request("GET", CONFIG_MAPS.path("default"), query)).body
        assert stream.poll() == b""
        client.create(PODS, POD, "default")
        now[0] = 31.0
        event = json.loads(stream.poll())
        assert (event["type"], event["object"]["kind"]) == ("BOOKMARK", "ConfigMap")
        assert event["object"]["metadata"]["resourceVersion"] == str(server.core.store.version)
        assert stream.poll() == b""
        now[0] = 101.0
        assert json.loads(stream.poll())["type"] == "BOOKMARK"
        assert stream.ended

    def test_a_version_of_another_life_must_be_listed_again(self, server):
        query = {"watch": "1", "resourceVersion": "4711"}
        event = json.loads(server.handle(Request("GET", CONFIG_MAPS.path("default"), query)).body)
        assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")

    def test_close_ends_every_watch(self, server):
        stream = server.handle(Request("GET", CONFIG_MAPS.path("default"), {"watch": "1"})).body
        reader = threading.Thread(target=lambda: list(stream))
        reader.start()
        server.close()
        reader.join(5)
        assert not reader.is_alive()


def test_a_list_from_before_the_history_begins_is_gone(server, client):
    for index in range(3):
        client.create(CONFIG_MAPS, MAP | {"metadata": {"name": f"m{index}"}}, "default")
    page = client.list(CONFIG_MAPS, "default", limit=1)["metadata"]
    client.delete(CONFIG_MAPS, "m2", "default")
    server.core.store.compact(keep=0)
    query = {"limit": "1", "continue": page["continue"]}
    answer = server.handle(Request("GET", CONFIG_MAPS.path("default"), query))
    assert (answer.status, answer.json()["reason"]) == (410, "Expired")


def test_a_version_that_has_not_been_is_too_large(server):
    answer = server.handle(Request("GET", CONFIG_MAPS.path("default"), {"resourceVersion": "4711"}))
    assert answer.status == 504
    assert answer.json()["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


def test_a_job_deleted_without_a_word_orphans_its_pods_as_in_kubernetes(server, client):
    spec = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "i"}]}}}
    client.create(JOBS, {"metadata": {"name": "j"}, "spec": spec}, "default")
    answer = server.handle(Request("DELETE", JOBS.path("default", "j")))
    assert answer.json()["metadata"]["finalizers"] == ["orphan"]


def test_namespaces_that_must_stay_cannot_be_deleted(client):
    with pytest.raises(Forbidden):
        client.delete(NAMESPACES, "kube-system")


def test_a_store_that_cannot_write_is_one_clear_error(server, client):
    server.core.store.database.writer.execute("PRAGMA query_only=ON")
    with pytest.raises(ServerError, match="it cannot be written"):
        client.create(CONFIG_MAPS, MAP, "default")


def test_what_nobody_has_thought_of_is_logged_and_answered(server, client, caplog):
    server.core.admit = lambda admission: 1 / 0
    with caplog.at_level(logging.ERROR), pytest.raises(ServerError, match="internal error while handling POST"):
        client.create(CONFIG_MAPS, MAP, "default")
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_it_says_that_it_is_well(server, path):
    assert server.handle(Request("GET", path)).body == b"ok"


@pytest.mark.parametrize("path", ["/", "/nope", "/api/v1/", "/apis/nope", "/api/v1/namespaces/default/nope"])
def test_any_path_has_an_answer(server, path):
    assert server.handle(Request("GET", path)).status in (200, 404)


def test_whoever_gets_in_may_do_everything(server):
    body = json.dumps({"spec": {"resourceAttributes": {"verb": "create", "resource": "pods"}}}).encode()
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = server.handle(Request("POST", path, body=body))
    assert (answer.status, answer.json()["status"]["allowed"]) == (201, True)


def test_protobuf_alone_is_not_what_we_answer_in(server):
    headers = {"accept": "application/vnd.kubernetes.protobuf"}
    assert server.handle(Request("GET", CONFIG_MAPS.path("default"), headers=headers)).status == 406
    headers = {"accept": "application/vnd.kubernetes.protobuf,application/json"}
    assert server.handle(Request("GET", CONFIG_MAPS.path("default"), headers=headers)).status == 200


def test_a_custom_kind_is_served_again_after_a_restart(tmp_path):
    crd = {
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Cluster",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [
                {
                    "name": name,
                    "served": True,
                    "storage": name == "v1",
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                }
                for name in ("v1", "v2")
            ],
        },
    }
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    first = ApiServer(Store(tmp_path))
    assert first.handle(Request("POST", path, body=json.dumps(crd).encode())).status == 201
    widget = json.dumps({"apiVersion": "example.com/v2", "kind": "Widget", "metadata": {"name": "w"}, "x": 1}).encode()
    assert first.handle(Request("POST", "/apis/example.com/v2/widgets", body=widget)).status == 201
    first.close()

    second = ApiServer(Store(tmp_path))
    for version in ("v1", "v2"):
        found = second.handle(Request("GET", f"/apis/example.com/{version}/widgets/w")).json()
        assert (found["apiVersion"], found["x"]) == (f"example.com/{version}", 1)
    listed = second.handle(Request("GET", "/apis/example.com/v2/widgets")).json()
    assert listed["items"][0]["apiVersion"] == "example.com/v2"
    second.close()
