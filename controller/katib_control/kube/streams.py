"""Answers that may not end: a watch as events, a container's log as bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from katib_control.api.times import to_wire_exact
from katib_control.kube.errors import from_status
from katib_control.kube.http import Stream


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """What of a container's log is asked for; the first container when none is named."""

    container: str = ""
    follow: bool = False
    tail_lines: int | None = None
    since_time: datetime | None = None
    timestamps: bool = False
    limit_bytes: int | None = None

    def query(self) -> dict[str, str]:
        """Return the query parameters of ``pods/log``."""
        asked = {
            "container": self.container,
            "follow": "true" if self.follow else "",
            "tailLines": "" if self.tail_lines is None else str(self.tail_lines),
            "sinceTime": "" if self.since_time is None else to_wire_exact(self.since_time),
            "timestamps": "true" if self.timestamps else "",
            "limitBytes": "" if self.limit_bytes is None else str(self.limit_bytes),
        }
        return {key: value for key, value in asked.items() if value}


class LogStream:
    """An iterator over chunks of a log; ``close`` may be called from another thread."""

    def __init__(self, body: bytes | Stream) -> None:
        self._body = body
        self._chunks = iter((body,) if body else ()) if isinstance(body, bytes) else iter(body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)

    def close(self) -> None:
        """End the stream: a blocked reader returns promptly."""
        if not isinstance(self._body, bytes):
            self._body.close()


class Watch:
    """An iterable of ``(type, object)``: ADDED, MODIFIED, DELETED, BOOKMARK; ends when the server ends it.

    An ERROR event is raised as the error it carries (Gone: list again). ``close`` may be called from another thread.
    """

    def __init__(self, body: bytes | Stream) -> None:
        self._body = body

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for line in _lines((self._body,) if isinstance(self._body, bytes) else self._body):
            event = json.loads(line)
            kind, obj = event["type"], event["object"]
            if kind == "ERROR":
                raise from_status(obj.get("code", 500), obj)
            yield kind, obj

    def close(self) -> None:
        """End the stream: a blocked reader returns promptly."""
        if not isinstance(self._body, bytes):
            self._body.close()


def _lines(chunks: Stream | tuple[bytes]) -> Iterator[bytes]:
    """Yield whole lines that are not blank; what comes after the last line end was cut off, and is dropped."""
    rest: list[bytes] = []
    for chunk in chunks:
        head, end, tail = chunk.rpartition(b"\n")
        if end:
            rest.append(head)
            yield from (line for line in b"".join(rest).split(b"\n") if line.strip())
            rest = []
        if tail:
            rest.append(tail)
