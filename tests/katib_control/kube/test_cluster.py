from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from katib_control.kube.client import Client
from katib_control.kube.cluster import Cluster, KubeconfigError, connect, find_access
from katib_control.kube.errors import NotFound, Unauthorized, Unreachable
from katib_control.kube.http import Request
from katib_control.kube.resources import PODS
from katib_control.kube.streams import LogOptions


class Server(ThreadingHTTPServer):
    """What a test needs of an API server over HTTP: a token, objects, streams that go on."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.tokens = {"good"}
        self.seen = []
        self.drop = 0
        self.more = threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """Clients that leave are what is tested here."""

    def close(self):
        self.more.set()
        self.shutdown()
        self.server_close()
        self.thread.join(5)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        if self.server.drop:
            self.server.drop -= 1
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif self.headers.get("authorization") not in {f"Bearer {token}" for token in self.server.tokens}:
            self._answer(401, {"kind": "Status", "code": 401, "reason": "Unauthorized", "message": "Unauthorized"})
        elif "watch=true" in self.path or "/log" in self.path:
            self._stream(b"half" in body)
        elif self.path.endswith("/missing"):
            self._answer(404, {"kind": "Status", "code": 404, "reason": "NotFound", "message": "not found"})
        else:
            self._answer(200, {"path": self.path, "method": self.command})

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _answer(self, code, obj):
        data = json.dumps(obj).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, half):
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        line = json.dumps({"type": "ADDED", "object": {"metadata": {"name": "a"}}}).encode() + b"\n"
        self._chunk(line)
        self.server.more.wait(10)
        if "breaks" in self.path:
            self.close_connection = True
            return
        self._chunk(line)
        self._chunk(b"")

    def _chunk(self, data):
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def log_message(self, *args):
        """Keep the test's output clean."""


@pytest.fixture
def server():
    found = Server()
    yield found
    found.close()


def kubeconfig(path, url, token="good", namespace=None, name="main"):
    context = {"cluster": "c", "user": "u"} | ({"namespace": namespace} if namespace else {})
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": context}, {"name": "other", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": token}}],
    }
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture
def cluster(server, tmp_path):
    found = connect(kubeconfig(tmp_path / "config", server.url))
    yield found
    found.close()


def test_requests_arrive_as_they_were_made_with_the_token(cluster, server):
    client = Client(cluster)
    assert client.get(PODS, "p:1", "n")["path"] == "/api/v1/namespaces/n/pods/p:1"
    client.list(PODS, "n", labels="a in (b,c)")
    assert "labelSelector=a+in+%28b%2Cc%29" in server.seen[-1][1]
    client.patch(PODS, "p", [{"op": "test", "path": "/a", "value": 1}], "n", kind="json")
    method, _, headers, body = server.seen[-1]
    headers = {name.lower(): value for name, value in headers.items()}
    assert method == "PATCH"
    assert headers["content-type"] == "application/json-patch+json"
    assert headers["authorization"] == "Bearer good"
    assert json.loads(body) == [{"op": "test", "path": "/a", "value": 1}]


def test_errors_are_the_servers(cluster):
    with pytest.raises(NotFound, match="not found"):
        Client(cluster).get(PODS, "missing", "n")


def test_a_refused_token_names_the_kubeconfig_and_what_to_do(server, tmp_path):
    path = kubeconfig(tmp_path / "config", server.url, token="expired")
    with pytest.raises(Unauthorized) as caught:
        Client(connect(path)).version()
    assert str(path) in caught.value.message
    assert "context main" in caught.value.message
    assert "log in again" in caught.value.message


def test_a_token_that_was_renewed_in_the_file_is_taken_up(cluster, server, tmp_path):
    assert Client(cluster).version()
    server.tokens = {"new"}
    kubeconfig(tmp_path / "config", server.url, token="new")
    assert Client(cluster).version()["path"] == "/version"


def test_nobody_there_is_unreachable_in_one_line(tmp_path, caplog):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        path = kubeconfig(tmp_path / "config", url)
        with pytest.raises(Unreachable) as caught:
            Client(connect(path)).version()
    message = caught.value.message
    assert message.startswith(f"{url} cannot be reached: ")
    assert "refused" in message
    assert str(path) in message
    assert "\n" not in message
    assert caplog.text == ""


def test_a_kept_connection_that_the_server_closed_does_not_fail_a_read(cluster, server):
    client = Client(cluster)
    client.version()
    server.drop = 1
    assert client.version()
    server.drop = 1
    with pytest.raises(Unreachable):
        client.create(PODS, {"metadata": {}}, "n")


def test_a_watch_delivers_events_as_they_come_and_ends_when_the_server_ends_it(cluster, server):
    events = iter(Client(cluster).watch(PODS, "n", timeout_seconds=30))
    assert next(events)[0] == "ADDED"
    server.more.set()
    assert [kind for kind, _ in events] == ["ADDED"]


@pytest.mark.parametrize("kind", ["watch", "log"])
def test_closing_a_stream_wakes_its_blocked_reader(cluster, kind):
    client = Client(cluster)
    stream = client.watch(PODS, "n") if kind == "watch" else client.logs("p", "n", options=LogOptions(follow=True))
    got, read, ended = [], threading.Event(), threading.Event()

    def reader():
        for item in stream:
            got.append(item)
            read.set()
        ended.set()

    threading.Thread(target=reader, daemon=True).start()
    assert read.wait(5)
    time.sleep(0.05)
    began = time.monotonic()
    stream.close()
    assert ended.wait(2)
    assert time.monotonic() - began < 0.3
    assert len(got) == 1
    stream.close()


def test_a_stream_that_nobody_reads_can_be_closed(cluster):
    Client(cluster).watch(PODS, "n").close()


def test_a_stream_that_breaks_off_is_unreachable(cluster, server):
    stream = iter(Client(cluster).logs("breaks", "n", options=LogOptions(follow=True)))
    assert next(stream)
    server.more.set()
    with pytest.raises(Unreachable, match="broke off"):
        next(stream)


def test_an_error_instead_of_a_stream_is_whole(server, tmp_path):
    cluster = connect(kubeconfig(tmp_path / "config", server.url, token="bad"))
    with pytest.raises(Unauthorized):
        Client(cluster).watch(PODS, "n")


def test_a_path_with_odd_characters_is_quoted(cluster, server):
    cluster(Request("GET", "/api/v1/namespaces/n/pods/ä b"))
    assert server.seen[-1][1] == "/api/v1/namespaces/n/pods/%C3%A4%20b"


def service_account(directory, namespace="team"):
    directory.mkdir()
    (directory / "token").write_text("good")
    (directory / "ca.crt").write_text("-----BEGIN CERTIFICATE-----")
    (directory / "namespace").write_text(namespace + "\n")
    return directory


POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


def test_which_cluster_is_meant(tmp_path):
    one = kubeconfig(tmp_path / "one", "http://one", namespace="team-one")
    two = kubeconfig(tmp_path / "two", "http://two")
    account = service_account(tmp_path / "account")

    def source(kubeconfig=None, context=None, **environment):
        access = find_access(kubeconfig, context, environment=environment, service_account=account)
        return access and (access.source, access.namespace, access.load().host)

    assert source(one, KUBECONFIG=str(two), **POD) == (f"kubeconfig {one}, context main", "team-one", "http://one")
    assert source(None, "other", KUBECONFIG=str(two), **POD) == (
        f"kubeconfig {two}, context other",
        "default",
        "http://two",
    )
    assert source(KUBECONFIG=str(two), **POD) == (f"service account {account}", "team", "https://10.0.0.1:443")
    assert source(KUBECONFIG=str(two)) == (f"kubeconfig {two}, context main", "default", "http://two")
    assert source() is None


def test_several_files_in_kubeconfig_are_merged(tmp_path):
    one = kubeconfig(tmp_path / "one", "http://one")
    access = find_access(environment={"KUBECONFIG": f"{tmp_path / 'none'}:{one}"})
    assert access.load().host == "http://one"


@pytest.mark.parametrize(
    ("text", "context", "message"),
    [
        pytest.param(None, None, "there is no such file", id="no file"),
        pytest.param("", None, "Invalid kube-config", id="an empty file"),
        pytest.param("{not yaml", None, "expected", id="no YAML"),
        pytest.param("- a list", None, "", id="a list"),
        pytest.param("apiVersion: v1", None, "", id="a map that says nothing"),
        pytest.param("good", "absent", "there is no context 'absent'; it has: main, other", id="no such context"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_named_with_the_reason(tmp_path, text, context, message):
    path = tmp_path / "config"
    if text == "good":
        kubeconfig(path, "http://one")
    elif text is not None:
        path.write_text(text)
    with pytest.raises(KubeconfigError) as caught:
        connect(path, context)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_broken_service_account_is_named_with_the_reason(tmp_path):
    account = service_account(tmp_path / "account")
    (account / "ca.crt").unlink()
    with pytest.raises(KubeconfigError, match="account"):
        Cluster(find_access(environment=POD, service_account=account))


def test_importing_the_module_does_not_load_the_official_client():
    code = "import sys, katib_control.kube.cluster; sys.exit('kubernetes' in sys.modules or 'urllib3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
