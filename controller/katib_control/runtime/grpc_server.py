"""What every gRPC service of the control plane runs in: address, limits, health check, an orderly end."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn, Protocol

import grpc

from katib_control.api.errors import KatibError
from katib_control.pb import health_pb2, health_pb2_grpc

MESSAGE_LIMIT = 256 * 1024 * 1024
"""Bytes of one message; gRPC's own limit of 4 MB is less than a request with 20,000 Trials."""

METADATA_LIMIT = 64 * 1024

CHANNEL_OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
    ("grpc.max_metadata_size", METADATA_LIMIT),
    ("grpc.absolute_max_metadata_size", METADATA_LIMIT),
)
"""For both sides."""

# A port that another process listens on is an error, not half of the requests for each.
_SERVER_OPTIONS = (*CHANNEL_OPTIONS, ("grpc.so_reuseport", 0))

CALLS = 256
"""Calls that are answered at the same time; most of them wait, for an algorithm or a database."""


class Service(Protocol):
    """What knows how to join a server."""

    def add_to(self, server: grpc.Server) -> None:
        """Register its methods."""


class CannotListen(KatibError):
    """The address is taken or not ours."""


def default_host(environment: Mapping[str, str] = os.environ) -> str:
    """Return where to listen when nobody says: all addresses in a Kubernetes pod, this machine alone elsewhere."""
    return "0.0.0.0" if environment.get("KUBERNETES_SERVICE_HOST") else "127.0.0.1"


def abort(context: grpc.ServicerContext, code: grpc.StatusCode, told: str) -> NoReturn:
    """End a call with this code and these words."""
    context.abort(code, told)
    raise AssertionError("abort returns never")


class GrpcServer:
    """A service on a port, with ``grpc.health.v1.Health`` beside it. ``port`` 0 takes a free one.

    ``names`` are those that the health check knows, besides the empty one, which means the process as a whole.
    ``close`` is called at the end, so that calls which wait can end too. No TLS: as with Katib, who can reach the port
    may ask.
    """

    def __init__(
        self,
        service: Service,
        names: Collection[str],
        *,
        host: str,
        port: int,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        pool = ThreadPoolExecutor(max_workers=CALLS, thread_name_prefix="grpc")
        self._server = grpc.server(pool, options=_SERVER_OPTIONS)
        self._close = close
        self._health = _Health({"", *names})
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)  # type: ignore[no-untyped-call]  # generated
        service.add_to(self._server)
        shown = f"[{host}]" if ":" in host else host
        try:
            self.port: int = self._server.add_insecure_port(f"{shown}:{port}")
        except RuntimeError as error:
            rule = "another process has the port, or the address is not this machine's"
            raise CannotListen(f"cannot listen on {shown}:{port}: {rule}") from error
        self.address = f"{shown}:{self.port}"

    def start(self) -> None:
        """Answer from now on."""
        self._health.serving.set()
        self._server.start()

    def stop(self, grace: float = 5.0) -> None:
        """Tell health checks, take no new calls, end those that wait, give the others ``grace`` seconds."""
        self._health.serving.clear()
        ended = self._server.stop(grace)
        self._close()
        ended.wait()


class _Health(health_pb2_grpc.HealthServicer):
    """Tells of each service that there is whether it serves."""

    def __init__(self, names: set[str]) -> None:
        self._names = names
        self.serving = threading.Event()

    def Check(  # noqa: N802 - the name of the call
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """Answer SERVING or NOT_SERVING; NOT_FOUND for a service that is not here."""
        if request.service not in self._names:
            known = ", ".join(sorted(filter(None, self._names)))
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no service {request.service} here, but {known}")
        status: Any = health_pb2.HealthCheckResponse
        return health_pb2.HealthCheckResponse(status=status.SERVING if self.serving.is_set() else status.NOT_SERVING)
