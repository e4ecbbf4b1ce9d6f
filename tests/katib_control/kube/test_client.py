from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from katib_control.kube import errors
from katib_control.kube.client import Client
from katib_control.kube.http import Response
from katib_control.kube.resources import NAMESPACES, PODS, TRIALS
from katib_control.kube.streams import LogOptions


class Script:
    """A Transport that answers from a list, and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else {}
        return answer if isinstance(answer, Response) else Response(200, json.dumps(answer).encode())

    @property
    def last(self):
        return self.requests[-1]


def failure(code, reason="", message="no", **more):
    status = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message, **more}
    return Response(code, json.dumps(status).encode())


MERGE = "application/merge-patch+json"


@pytest.mark.parametrize(
    ("call", "method", "path", "query", "body"),
    [
        pytest.param(lambda c: c.get(PODS, "p", "n"), "GET", "/api/v1/namespaces/n/pods/p", {}, None, id="get"),
        pytest.param(lambda c: c.get(NAMESPACES, "n"), "GET", "/api/v1/namespaces/n", {}, None, id="get, no namespace"),
        pytest.param(
            lambda c: c.list(PODS, "n", labels="a=b", fields="status.phase=Running"),
            "GET",
            "/api/v1/namespaces/n/pods",
            {"labelSelector": "a=b", "fieldSelector": "status.phase=Running", "limit": "500"},
            None,
            id="list",
        ),
        pytest.param(
            lambda c: c.list(PODS, limit=3, resource_version="0"),
            "GET",
            "/api/v1/pods",
            {"limit": "3", "resourceVersion": "0"},
            None,
            id="list of one page in all namespaces",
        ),
        pytest.param(
            lambda c: c.create(PODS, {"metadata": {"namespace": "n"}}),
            "POST",
            "/api/v1/namespaces/n/pods",
            {},
            {"metadata": {"namespace": "n"}},
            id="create in the body's namespace",
        ),
        pytest.param(
            lambda c: c.create(PODS, {"metadata": {}}, "m", dry_run=True),
            "POST",
            "/api/v1/namespaces/m/pods",
            {"dryRun": "All"},
            {"metadata": {}},
            id="create in the namespace of the argument, for a trial",
        ),
        pytest.param(
            lambda c: c.replace(TRIALS, {"metadata": {"name": "t", "namespace": "n"}}, subresource="status"),
            "PUT",
            "/apis/kubeflow.org/v1beta1/namespaces/n/trials/t/status",
            {},
            {"metadata": {"name": "t", "namespace": "n"}},
            id="replace a status",
        ),
        pytest.param(
            lambda c: c.patch(PODS, "p", {"a": 1}, "n"),
            "PATCH",
            "/api/v1/namespaces/n/pods/p",
            {},
            {"a": 1},
            id="patch",
        ),
        pytest.param(
            lambda c: c.delete(PODS, "p", "n", uid="u", grace_seconds=0, propagation="Foreground"),
            "DELETE",
            "/api/v1/namespaces/n/pods/p",
            {},
            {
                "kind": "DeleteOptions",
                "apiVersion": "v1",
                "propagationPolicy": "Foreground",
                "preconditions": {"uid": "u"},
                "gracePeriodSeconds": 0,
            },
            id="delete",
        ),
        pytest.param(
            lambda c: c.delete_collection(PODS, "n", labels="a=b"),
            "DELETE",
            "/api/v1/namespaces/n/pods",
            {"labelSelector": "a=b"},
            {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"},
            id="delete a collection",
        ),
        pytest.param(
            lambda c: c.watch(PODS, "n", resource_version="7", labels="a", timeout_seconds=0),
            "GET",
            "/api/v1/namespaces/n/pods",
            {
                "watch": "true",
                "resourceVersion": "7",
                "labelSelector": "a",
                "timeoutSeconds": "0",
                "allowWatchBookmarks": "true",
            },
            None,
            id="watch",
        ),
        pytest.param(
            lambda c: c.logs("p", "n", options=LogOptions()),
            "GET",
            "/api/v1/namespaces/n/pods/p/log",
            {},
            None,
            id="log",
        ),
        pytest.param(
            lambda c: c.logs(
                "p",
                "n",
                options=LogOptions(
                    container="c",
                    follow=True,
                    tail_lines=0,
                    since_time=datetime(2026, 1, 1, tzinfo=timezone.utc),
                    timestamps=True,
                    limit_bytes=10,
                ),
            ),
            "GET",
            "/api/v1/namespaces/n/pods/p/log",
            {
                "container": "c",
                "follow": "true",
                "tailLines": "0",
                "sinceTime": "2026-01-01T00:00:00.000000Z",
                "timestamps": "true",
                "limitBytes": "10",
            },
            None,
            id="log with every option",
        ),
        pytest.param(lambda c: c.version(), "GET", "/version", {}, None, id="version"),
    ],
)
def test_each_verb_is_one_request(call, method, path, query, body):
    script = Script()
    call(Client(script))
    (request,) = script.requests
    assert (request.method, request.path, dict(request.query)) == (method, path, query)
    assert (request.json() if request.body else None) == body


@pytest.mark.parametrize(
    ("kind", "media"),
    [
        ("merge", MERGE),
        ("json", "application/json-patch+json"),
        ("strategic", "application/strategic-merge-patch+json"),
    ],
)
def test_the_kind_of_patch_is_its_media_type(kind, media):
    script = Script()
    Client(script).patch(PODS, "p", [], "n", kind=kind)
    assert script.last.headers["content-type"] == media


def test_a_body_is_sent_as_compact_utf8():
    script = Script()
    Client(script).create(PODS, {"metadata": {"name": "ä"}}, "n")
    assert script.last.body == '{"metadata":{"name":"ä"}}'.encode()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda c: c.create(PODS, {"metadata": {}}), id="create without a namespace"),
        pytest.param(lambda c: c.get(PODS, "p"), id="get without a namespace"),
        pytest.param(lambda c: c.get(PODS, "", "n"), id="get without a name"),
        pytest.param(lambda c: c.delete(PODS, "a/b", "n"), id="a name with a slash"),
        pytest.param(lambda c: c.patch(PODS, "..", {}, "n"), id="a name that leads upwards"),
        pytest.param(lambda c: c.logs("a/b", "n"), id="the log of a name with a slash"),
    ],
)
def test_what_names_no_object_is_not_sent(call):
    script = Script()
    with pytest.raises(errors.BadRequest):
        call(Client(script))
    assert script.requests == []


def test_names_reach_the_transport_as_they_are():
    script = Script()
    Client(script).get(PODS, "a:b", "n")
    assert script.last.path == "/api/v1/namespaces/n/pods/a:b"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(failure(404, "NotFound"), errors.NotFound, id="not found"),
        pytest.param(failure(409, "AlreadyExists"), errors.AlreadyExists, id="already exists"),
        pytest.param(failure(409, "Conflict"), errors.Conflict, id="conflict"),
        pytest.param(failure(410, "Expired"), errors.Gone, id="too old"),
        pytest.param(failure(422, "Invalid"), errors.Invalid, id="invalid"),
        pytest.param(failure(500, "InternalError"), errors.ServerError, id="the server's trouble"),
        pytest.param(Response(502, b"<html>bad gateway</html>"), errors.ServerError, id="a proxy's trouble"),
        pytest.param(Response(403, b"not json"), errors.Forbidden, id="no Status"),
        pytest.param(Response(404, b'"a string"'), errors.NotFound, id="JSON, but no Status"),
        pytest.param(Response(404, iter([b"no such", b" thing"])), errors.NotFound, id="in a stream"),
    ],
)
def test_answers_of_400_and_more_are_errors(answer, error):
    with pytest.raises(error) as caught:
        Client(Script(answer)).get(PODS, "p", "n")
    assert type(caught.value) is error
    assert caught.value.message


def test_the_causes_of_an_error_are_kept():
    causes = [{"field": "spec.x", "message": "Required value", "reason": "FieldValueRequired"}]
    with pytest.raises(errors.Invalid) as caught:
        Client(Script(failure(422, "Invalid", details={"causes": causes}))).get(PODS, "p", "n")
    assert caught.value.details["causes"] == causes


def page(*names, token=None, version="9"):
    metadata = {"resourceVersion": version} | ({"continue": token} if token else {})
    return {"kind": "PodList", "metadata": metadata, "items": [{"metadata": {"name": name}} for name in names]}


def test_a_list_without_a_limit_follows_the_pages():
    script = Script(page("a", token="t1"), page("b", token="t2"), page("c"))
    listed = Client(script).list(PODS, "n", labels="x", resource_version="5")
    assert [item["metadata"]["name"] for item in listed["items"]] == ["a", "b", "c"]
    assert listed["metadata"] == {"resourceVersion": "9"}
    assert script.requests[0].query["resourceVersion"] == "5"
    assert script.requests[1].query == {"labelSelector": "x", "limit": "500", "continue": "t1"}


def test_a_list_whose_continuation_expires_is_asked_for_in_one_piece():
    script = Script(page("a", token="t1"), failure(410, "Expired"), page("a", "b"))
    assert len(Client(script).list(PODS, "n")["items"]) == 2
    assert "limit" not in script.last.query


def test_a_list_from_a_version_too_old_is_gone():
    with pytest.raises(errors.Gone):
        Client(Script(failure(410, "Expired"))).list(PODS, "n", resource_version="1")


def test_an_empty_list_may_have_null_for_its_items():
    assert Client(Script({"metadata": {}, "items": None})).list(PODS)["items"] == []


DISCOVERY = {
    "resources": [
        {"name": "jobs", "kind": "Job", "namespaced": True},
        {"name": "jobs/status", "kind": "Job", "namespaced": True},
        {"name": "widgets", "kind": "Widget", "namespaced": False},
    ]
}


def test_kinds_are_discovered_once():
    script = Script(DISCOVERY)
    client = Client(script)
    job, widget = client.resource_for("batch/v1", "Job"), client.resource_for("batch/v1", "Widget")
    assert (job.group, job.version, job.plural, job.namespaced) == ("batch", "v1", "jobs", True)
    assert widget.namespaced is False
    assert [request.path for request in script.requests] == ["/apis/batch/v1"]


def test_a_kind_that_came_later_is_found():
    client = Client(Script({"resources": []}, DISCOVERY))
    with pytest.raises(errors.NotFound, match='no matches for kind "Job" in version "batch/v1"'):
        client.resource_for("batch/v1", "Job")
    assert client.resource_for("batch/v1", "Job").plural == "jobs"


def test_a_version_that_is_not_served_has_no_kinds():
    with pytest.raises(errors.NotFound, match='no matches for kind "Pod" in version "v9"'):
        Client(Script(failure(404, "NotFound"))).resource_for("v9", "Pod")


class Chunks:
    def __init__(self, *chunks):
        self.chunks, self.closed = chunks, False

    def __iter__(self):
        return iter(self.chunks)

    def close(self):
        self.closed = True


def event(kind, name):
    return json.dumps({"type": kind, "object": {"metadata": {"name": name}}}).encode() + b"\n"


def watched(*chunks):
    return [
        (kind, obj["metadata"]["name"]) for kind, obj in Client(Script(Response(200, Chunks(*chunks)))).watch(PODS, "n")
    ]


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([event("ADDED", "a"), event("DELETED", "b")], id="a line a chunk"),
        pytest.param([event("ADDED", "a") + event("DELETED", "b")], id="all in one chunk"),
        pytest.param([bytes([byte]) for byte in event("ADDED", "a") + event("DELETED", "b")], id="a byte a chunk"),
        pytest.param([event("ADDED", "a"), b"\n", b" \n", event("DELETED", "b")], id="blank lines between"),
        pytest.param([event("ADDED", "a"), event("DELETED", "b"), b'{"type":"ADD'], id="the last line cut off"),
    ],
)
def test_a_watch_yields_an_event_for_each_line_however_it_is_cut(chunks):
    assert watched(*chunks) == [("ADDED", "a"), ("DELETED", "b")]


def test_a_watch_that_has_ended_already_is_read_too():
    answer = Response(200, event("ADDED", "a"))
    assert [kind for kind, _ in Client(Script(answer)).watch(PODS)] == ["ADDED"]


def test_an_error_in_a_watch_is_raised():
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
    line = json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
    with pytest.raises(errors.Gone, match="too old resource version"):
        watched(event("ADDED", "a"), line)


def test_closing_a_watch_or_a_log_closes_its_body():
    for open_stream in (lambda c: c.watch(PODS), lambda c: c.logs("p", "n")):
        chunks = Chunks(b"")
        open_stream(Client(Script(Response(200, chunks)))).close()
        assert chunks.closed


def test_a_log_is_bytes_in_chunks():
    assert list(Client(Script(Response(200, Chunks(b"a", b"b")))).logs("p", "n")) == [b"a", b"b"]
    assert list(Client(Script(Response(200, b"whole"))).logs("p", "n")) == [b"whole"]
    assert list(Client(Script(Response(200, b""))).logs("p", "n")) == []
