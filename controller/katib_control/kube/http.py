"""The API server as a function: ``Transport = Callable[[Request], Response]``.

In process the transport is the embedded server's ``handle``; on a cluster it is the official client's connection.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Request:
    """One HTTP request: path without query (percent-decoded), query parameters, lower-case headers, body bytes."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """Return the body read as JSON; raise ValueError when it is none."""
        return json.loads(self.body)


class Stream(Protocol):
    """A body whose chunks may not end: a watch, a followed log. ``close`` may be called from another thread."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield chunks as they come."""

    def close(self) -> None:
        """End the stream: a blocked reader returns promptly."""


@dataclass(frozen=True)
class Response:
    """One HTTP response: its body is bytes, or a Stream."""

    status: int
    body: bytes | Stream = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})

    def json(self) -> Any:
        """Return the body read as JSON; only for a body that has ended."""
        if not isinstance(self.body, bytes):
            raise TypeError("a stream has no single JSON value")
        return json.loads(self.body)


Transport = Callable[[Request], Response]
