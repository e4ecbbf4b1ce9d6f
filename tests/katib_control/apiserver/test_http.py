"""The HTTP shell: who gets in, what is too much, who leaves, how it ends."""

from __future__ import annotations

import http.client
import json
import logging
import signal
import socket
import ssl
import threading
import time

import pytest

from katib_control.apiserver.asgi import HttpLimits
from katib_control.apiserver.http import CannotListen, new_token, serve
from katib_control.apiserver.server import ApiServer
from katib_control.apiserver.store import Store
from katib_control.kube.errors import BadRequest

PODS = "/api/v1/namespaces/default/pods"
POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "main", "image": "i"}]}}


class EndlessLog:
    """A followed log with one line, and then silence until it is closed."""

    def __init__(self):
        self.closed = threading.Event()

    def __iter__(self):
        yield b"first line\n"
        self.closed.wait(30)

    def close(self):
        self.closed.set()


@pytest.fixture
def log():
    return EndlessLog()


@pytest.fixture
def api(log):
    server = ApiServer(Store(), logs=lambda query: log if query.follow else b"all of it\n")
    yield server
    server.close()


@pytest.fixture
def shell(api):
    token = new_token()
    server = serve(api.handle, token=token, tls=False, limits=HttpLimits(body_bytes=10_000, streams=2))
    server.token = token
    yield server
    server.stop()


def connect(shell, timeout=10):
    return http.client.HTTPConnection(shell.url.removeprefix("http://"), timeout=timeout)


def ask(shell, method, path, body=None, **headers):
    connection = connect(shell)
    headers.setdefault("authorization", f"Bearer {shell.token}")
    connection.request(method, path, body if body is None or isinstance(body, bytes) else json.dumps(body), headers)
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


OPENED = []


def open_stream(shell, path):
    connection = connect(shell)
    connection.request("GET", path, headers={"authorization": f"Bearer {shell.token}"})
    OPENED.append((connection, connection.getresponse()))
    return OPENED[-1]


@pytest.fixture(autouse=True)
def closing():
    yield
    while OPENED:
        leave(*OPENED.pop())


def leave(connection, answer):
    answer.close()
    connection.close()


def until(holds, seconds=5.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer wrong", "Basic dXNlcjpwYXNz", "Bearer \xff"],
    ids=["none", "empty", "wrong", "another scheme", "not ASCII"],
)
def test_nobody_gets_in_without_the_token(shell, header):
    answer = ask(shell, "GET", PODS, authorization=header)
    assert answer.status == 401
    assert json.loads(answer.text)["reason"] == "Unauthorized"


def test_health_needs_no_token(shell):
    assert ask(shell, "GET", "/readyz", authorization="").text == "ok"


def test_an_empty_token_is_refused(api):
    with pytest.raises(CannotListen, match="needs a bearer token"):
        serve(api.handle, token="")


def test_an_object_goes_in_and_comes_out(shell):
    assert ask(shell, "POST", PODS, POD).status == 201
    found = ask(shell, "GET", PODS + "?fieldSelector=metadata.name%3Dp")
    assert [item["metadata"]["name"] for item in json.loads(found.text)["items"]] == ["p"]


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "in chunks"])
def test_a_body_that_is_too_large_is_refused(shell, chunked):
    body = iter([b"x" * 8_000, b"x" * 8_000]) if chunked else b"x" * 16_000
    headers = {"authorization": f"Bearer {shell.token}"} | ({"transfer-encoding": "chunked"} if chunked else {})
    connection = connect(shell)
    connection.request("POST", PODS, body, headers, encode_chunked=chunked)
    answer = connection.getresponse()
    assert answer.status == 413
    leave(connection, answer)


def test_the_number_of_streams_is_limited(shell):
    streams = [open_stream(shell, PODS + "?watch=1") for _ in range(2)]
    assert [answer.status for _, answer in streams] == [200, 200]
    refused = ask(shell, "GET", PODS + "?watch=1")
    assert refused.status == 429
    assert refused.headers["retry-after"] == "1"
    leave(*streams[0])
    until(lambda: len(shell._gateway._streams) == 1)
    _, answer = open_stream(shell, PODS + "?watch=1")
    assert answer.status == 200


def test_an_idle_watch_notices_that_its_client_has_left(shell, api):
    stream = open_stream(shell, PODS + "?watch=1")
    assert len(shell._gateway._streams) == 1
    leave(*stream)
    until(lambda: not shell._gateway._streams)
    assert api.core._streams == 0


def test_events_reach_a_watch(shell):
    _, answer = open_stream(shell, PODS + "?watch=1")
    ask(shell, "POST", PODS, POD)
    event = json.loads(answer.readline())
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "p")


def test_a_watch_ends_when_its_time_is_over(shell):
    _, answer = open_stream(shell, PODS + "?watch=1&timeoutSeconds=1")
    assert answer.read() == b""


def test_logs_are_followed_and_let_go(shell, log):
    ask(shell, "POST", PODS, POD)
    assert ask(shell, "GET", f"{PODS}/p/log").text == "all of it\n"
    connection, answer = open_stream(shell, f"{PODS}/p/log?follow=true")
    assert answer.readline() == b"first line\n"
    leave(connection, answer)
    assert log.closed.wait(5)


def test_it_stops_within_two_seconds_with_open_watches(api, log):
    token = new_token()
    shell = serve(api.handle, token=token, tls=False)
    shell.token = token
    ask(shell, "POST", PODS, POD)
    for _ in range(20):
        open_stream(shell, PODS + "?watch=1")
    open_stream(shell, f"{PODS}/p/log?follow=true")
    began = time.monotonic()
    shell.stop()
    assert time.monotonic() - began < 2
    assert log.closed.is_set()
    shell.stop()
    with pytest.raises(ConnectionError):
        ask(shell, "GET", PODS)


def test_it_stops_quickly_beside_idle_tls_connections(api, caplog):
    shell = serve(api.handle, token="t")
    context = ssl.create_default_context(cadata=shell.authority)
    connection = http.client.HTTPSConnection(shell.url.removeprefix("https://"), context=context, timeout=5)
    connection.request("GET", PODS, headers={"authorization": "Bearer t"})
    assert connection.getresponse().read()
    began = time.monotonic()
    with caplog.at_level(logging.WARNING):
        shell.stop()
    assert time.monotonic() - began < 2
    assert caplog.records == []
    connection.close()


def test_its_certificate_is_checked_against_its_authority_alone(api):
    shell = serve(api.handle, token="t")
    connection = http.client.HTTPSConnection(
        shell.url.removeprefix("https://"), context=ssl.create_default_context(), timeout=5
    )
    with pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", PODS)
    shell.stop()


def test_a_port_in_use_is_one_clear_error(api):
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    with pytest.raises(CannotListen, match=f"port {port} on 127.0.0.1 is in use"):
        serve(api.handle, port=port, token="t")
    taken.close()


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        pytest.param("127.0.0.1", 70000, "port 70000 is not a port", id="no port"),
        pytest.param("192.0.2.1", 0, "cannot listen on 192.0.2.1:0", id="an address of another machine"),
    ],
)
def test_where_it_cannot_listen_is_told(api, host, port, words):
    with pytest.raises(CannotListen, match=words):
        serve(api.handle, host=host, port=port, token="t")


def test_signal_handlers_stay_as_they_were(api):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    shell = serve(api.handle, token="t")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    shell.stop()


def test_an_error_in_a_followed_log_ends_it(log):
    def broken(query):
        raise BadRequest("container main is waiting to start: ContainerCreating")

    api = ApiServer(Store(), logs=broken)
    shell = serve(api.handle, token="t", tls=False)
    shell.token = "t"
    ask(shell, "POST", PODS, POD)
    answer = ask(shell, "GET", f"{PODS}/p/log?follow=true")
    assert answer.status == 400
    assert "waiting to start" in json.loads(answer.text)["message"]
    shell.stop()
    api.close()
