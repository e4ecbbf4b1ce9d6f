"""The HTTP end of a cluster: pooled connections, bodies that are read as they come, errors in plain words."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from katib_control.kube.errors import Unreachable

_CHUNK = 1 << 16
_CONNECTIONS = 64


class BodyStream:
    """The chunks of an answer as they arrive; ``close`` wakes a reader that waits for the next."""

    def __init__(self, answer: Any, host: str) -> None:
        self._answer, self._host = answer, host
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            while not self._closed and (chunk := self._answer.read1(_CHUNK)):
                yield chunk
        except Exception as error:
            if not self._closed:
                raise Unreachable(f"{self._host}: the answer broke off: {reason(error)}") from error
        finally:
            self._closed = True
            self._answer.close()

    def close(self) -> None:
        """End the stream: a blocked reader returns promptly."""
        if self._closed:
            return
        self._closed = True
        # Reading is stopped first: closing alone would wait for the reader that it is to wake.
        with suppress(Exception):
            self._answer.shutdown()
        with suppress(Exception):
            self._answer.close()


def connection_pool(configuration: Any) -> Any:
    """Return a urllib3 pool manager with the configuration's TLS and proxy; connections are kept alive and watched."""
    from kubernetes.client.rest import RESTClientObject
    from urllib3.connection import HTTPConnection

    pool = RESTClientObject(configuration, maxsize=_CONNECTIONS).pool_manager
    options = [*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    pool.connection_pool_kw["socket_options"] = options
    return pool


def reason(error: BaseException) -> str:
    """Return what is at the bottom of an error, in one line."""
    while True:
        inner = getattr(error, "reason", None)
        inner = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__
        if inner is None or inner is error:
            break
        error = inner
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())
