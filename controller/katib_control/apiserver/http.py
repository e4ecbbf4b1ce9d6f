"""HTTP around the API server's function: token, limits, streams, and a server in a thread of its own.

Nothing about Kubernetes is decided here. uvicorn handles no signals and configures no logging.
"""

from __future__ import annotations

import asyncio
import errno
import hmac
import logging
import secrets
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn

from katib_control.api.errors import KatibError
from katib_control.apiserver.asgi import Gateway, HttpLimits
from katib_control.apiserver.certificates import make_certificate
from katib_control.kube.http import Transport
from katib_control.runtime.clock import system_clock

logger = logging.getLogger(__name__)

_START_SECONDS = 10.0
_STOP_SECONDS = 2.0
_HANG_UP_SECONDS = 0.4
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class CannotListen(KatibError):
    """The address or port cannot be had."""


def new_token() -> str:
    """Return a bearer token nobody can guess."""
    return secrets.token_urlsafe(32)


@dataclass
class HttpServer:
    """A server that is listening at ``url``; ``authority`` (PEM) is what clients check its certificate with."""

    url: str
    authority: str
    _gateway: Gateway
    _server: uvicorn.Server
    _thread: threading.Thread

    def stop(self) -> None:
        """End the streams, close the connections and return, within two seconds; twice is fine."""
        self._gateway.close()
        self._server.should_exit = True
        self._thread.join(_STOP_SECONDS)
        if self._thread.is_alive():
            self._server.force_exit = True
            logger.warning("HTTP server did not stop in time: %s", self.url)


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, context: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self.running = threading.Event()
        self._context = context

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        self.config.ssl = self._context
        await super().startup(sockets)
        self.running.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let answers under way go out, then hang up: an idle TLS connection would wait for its client's farewell."""
        asyncio.get_running_loop().call_later(_HANG_UP_SECONDS, self._hang_up)
        await super().shutdown(sockets)

    def _hang_up(self) -> None:
        for connection in tuple(self.server_state.connections):
            if transport := getattr(connection, "transport", None):
                transport.abort()


def serve(
    handle: Transport,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str,
    tls: bool = True,
    limits: HttpLimits = HttpLimits(),  # noqa: B008  frozen
) -> HttpServer:
    """Listen (port 0: any free one) and return when requests are answered; raise CannotListen.

    kubectl sends its token over TLS only, so without ``tls`` it cannot get in.
    """
    if not token:
        raise CannotListen("an HTTP server needs a bearer token: an empty one would let everybody in")
    if host not in _LOOPBACK and not tls:
        logger.warning("listening without TLS beyond this machine: %s", host)
    listener = _bound(host, port)
    gateway = Gateway(handle, limits, _is_token(token))
    config = uvicorn.Config(
        gateway,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    certificate = make_certificate(host, system_clock()) if tls else None
    server = _Server(config, certificate.context() if certificate else None)
    thread = threading.Thread(target=server.run, args=([listener],), name="apiserver-http", daemon=True)
    thread.start()
    if not server.running.wait(_START_SECONDS):
        server.should_exit = True
        raise CannotListen(f"the HTTP server on {host} did not start within {_START_SECONDS:.0f} seconds")
    authority = certificate.authority if certificate else ""
    return HttpServer(_url(listener, tls), authority, gateway, server, thread)


def _is_token(token: str) -> Callable[[str], bool]:
    expected = f"Bearer {token}".encode()
    return lambda header: hmac.compare_digest(header.encode("utf-8", "surrogateescape"), expected)


def _bound(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise CannotListen(f"port {port} is not a port: it must be between 0 (any free one) and 65535")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With its protocol named, asyncio turns off Nagle's algorithm: else each small answer costs 40 ms.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(128)
        except BaseException:
            listener.close()
            raise
        return listener
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotListen(f"port {port} on {host} is in use: stop what listens there or choose another") from None
        raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror or error}") from None


def _url(listener: socket.socket, tls: bool) -> str:
    host, port = listener.getsockname()[:2]
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
