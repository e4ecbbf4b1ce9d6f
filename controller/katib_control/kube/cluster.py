"""The transport to a real cluster: connection, TLS and credentials of the official client, raw JSON through it.

    explicit kubeconfig or context  >  in-cluster service account  >  KUBECONFIG  >  none

``kubernetes`` is loaded when a cluster is connected to, not when this module is.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from katib_control.api.errors import KatibError
from katib_control.kube.connection import BodyStream, connection_pool, reason
from katib_control.kube.errors import Unauthorized, Unreachable
from katib_control.kube.http import Request, Response

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_CONNECT, _READ, _WATCH_MARGIN = 10.0, 60.0, 15.0


class KubeconfigError(KatibError):
    """A kubeconfig or service account that cannot be used; names the file and what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """How a cluster is reached: ``source`` for messages, ``load`` reads configuration and credentials (again)."""

    source: str
    namespace: str
    load: Callable[[], Any]


class Cluster:
    """A Transport. Raises Unreachable when there is no answer, Unauthorized when the credentials are refused."""

    def __init__(self, access: Access) -> None:
        self.source, self.namespace = access.source, access.namespace
        self._load = access.load
        self._lock = threading.Lock()
        self._configuration = access.load()
        self._pool = connection_pool(self._configuration)

    @property
    def host(self) -> str:
        """The API server's URL."""
        return str(self._configuration.host)

    def __call__(self, request: Request) -> Response:
        """Send one request; a 401 is tried once more when the credentials have been renewed meanwhile."""
        credentials = self._credentials()
        response = self._send(request, credentials)
        if response.status == 401 and (renewed := self._renewed(credentials)) is not None:
            response = self._send(request, renewed)
        if response.status == 401:
            raise Unauthorized(
                f"{self.host} refused the credentials of {self.source} (expired, or of another cluster): "
                "log in again, or name another kubeconfig or context"
            )
        return response

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.clear()

    def _send(self, request: Request, credentials: Mapping[str, str]) -> Response:
        answer = self._open(request, {**request.headers, **credentials})
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if answer.status < 400 and _streams(request):
            return Response(answer.status, BodyStream(answer, self.host), headers)
        try:
            return Response(answer.status, answer.read(), headers)
        except _transport_errors() as error:
            raise Unreachable(f"{self.host}: {reason(error)} ({self.source})") from error
        finally:
            answer.release_conn()

    def _open(self, request: Request, headers: dict[str, str]) -> Any:
        url = self.host.rstrip("/") + quote(request.path, safe="/:@!$&'()*+,;=~")
        if request.query:
            url += "?" + urlencode(request.query)
        attempts = 2 if request.method == "GET" else 1
        while True:
            attempts -= 1
            try:
                return self._pool.request(
                    request.method, url, body=request.body or None, headers=headers, preload_content=False,
                    timeout=_timeout(request), redirect=False, retries=False,
                )  # fmt: skip
            except _transport_errors() as error:
                # A kept-alive connection that the server has closed: reading may be tried again on a new one.
                if attempts and _broken(error):
                    continue
                raise Unreachable(f"{self.host} cannot be reached: {reason(error)} ({self.source})") from error

    def _credentials(self) -> dict[str, str]:
        """Return the authorization header; tokens that are due are refreshed by the official client."""
        with self._lock:
            try:
                settings = self._configuration.auth_settings()
            except Exception as error:
                raise KubeconfigError(f"{self.source}: the credentials cannot be renewed: {error}") from error
        return {item["key"]: item["value"] for item in settings.values() if item.get("in") == "header"}

    def _renewed(self, refused: Mapping[str, str]) -> dict[str, str] | None:
        """Read the credentials again; return them when they are others than those refused."""
        configuration = self._load()
        with self._lock:
            self._configuration = configuration
        credentials = self._credentials()
        return credentials if credentials != refused else None


def connect(kubeconfig: str | os.PathLike[str] | None = None, context: str | None = None) -> Cluster | None:
    """Return the cluster that is meant, or None when none is named anywhere.

    Raises KubeconfigError when the one that is named cannot be read. Nothing is sent yet.
    """
    access = find_access(kubeconfig, context)
    return Cluster(access) if access else None


def find_access(
    kubeconfig: str | os.PathLike[str] | None = None,
    context: str | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    service_account: Path = SERVICE_ACCOUNT,
) -> Access | None:
    """Decide which cluster is meant; in order: the arguments, the pod's service account, KUBECONFIG."""
    held = os.environ if environment is None else environment
    if kubeconfig is not None:
        return _kubeconfig_access(os.fspath(kubeconfig), context)
    if context is not None:
        return _kubeconfig_access(held.get("KUBECONFIG") or str(Path.home() / ".kube" / "config"), context)
    if held.get("KUBERNETES_SERVICE_HOST") and (service_account / "token").exists():
        return _service_account_access(held, service_account)
    if held.get("KUBECONFIG"):
        return _kubeconfig_access(held["KUBECONFIG"], None)
    return None


def _kubeconfig_access(files: str, context: str | None) -> Access:
    """Several files, joined as in KUBECONFIG, are merged; those that are not there are passed over, but not all."""
    from kubernetes.config import kube_config

    if not any(Path(name).expanduser().is_file() for name in files.split(os.pathsep) if name):
        raise KubeconfigError(f"kubeconfig {files}: there is no such file")
    try:
        contexts, active = kube_config.list_kube_config_contexts(files)
    except Exception as error:
        raise KubeconfigError(f"kubeconfig {files}: {_one_line(error)}") from error
    chosen = next((item for item in contexts if item["name"] == context), None) if context else active
    if chosen is None:
        names = ", ".join(sorted(item["name"] for item in contexts)) or "none"
        raise KubeconfigError(f"kubeconfig {files}: there is no context {context!r}; it has: {names}")
    source = f"kubeconfig {files}, context {chosen['name']}"

    def load() -> Any:
        from kubernetes.client import Configuration

        configuration = Configuration()
        try:
            kube_config.load_kube_config(files, chosen["name"], configuration)
        except Exception as error:
            raise KubeconfigError(f"{source}: {_one_line(error)}") from error
        return configuration

    return Access(source=source, namespace=chosen["context"].get("namespace") or "default", load=load)


def _service_account_access(environment: Mapping[str, str], directory: Path) -> Access:
    source = f"service account {directory}"

    def load() -> Any:
        from kubernetes.client import Configuration
        from kubernetes.config.incluster_config import InClusterConfigLoader

        configuration = Configuration()
        token, certificate = str(directory / "token"), str(directory / "ca.crt")
        try:
            InClusterConfigLoader(token, certificate, environ=environment).load_and_set(configuration)
        except Exception as error:
            raise KubeconfigError(f"{source}: {_one_line(error)}") from error
        return configuration

    namespace = directory / "namespace"
    return Access(
        source=source, namespace=namespace.read_text().strip() if namespace.exists() else "default", load=load
    )


def _streams(request: Request) -> bool:
    return request.query.get("watch") in ("true", "1") or request.path.endswith("/log")


def _timeout(request: Request) -> Any:
    from urllib3 import Timeout

    read: float | None = _READ
    if request.query.get("follow") == "true":
        # A container may be silent for hours; TCP keep-alive notices a connection that has died.
        read = None
    elif request.query.get("watch") in ("true", "1"):
        seconds = request.query.get("timeoutSeconds")
        read = float(seconds) + _WATCH_MARGIN if seconds else None
    return Timeout(connect=_CONNECT, read=read)


def _transport_errors() -> tuple[type[Exception], ...]:
    from urllib3.exceptions import HTTPError

    return (HTTPError, OSError)


def _broken(error: Exception) -> bool:
    from urllib3.exceptions import ProtocolError

    return isinstance(error, ProtocolError)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
