"""A container's log in the format of the container runtime interface (CRI), as kubelets keep it. Standard library only.

    2026-01-31T12:00:00.000000001Z stdout F a whole line
    2026-01-31T12:00:00.000000002Z stderr P the first 16 KiB of a line that is longer

Times are those of reading, strictly increasing within a file, so that they order the lines of both streams.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

LINE_LIMIT = 16 * 1024
HELD_LIMIT = 1024 * 1024
"""Bytes that are held in memory while the disk is full."""


def stamp(nanoseconds: int) -> str:
    """Return the time in RFC 3339 with nine digits of fraction, in UTC."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{fraction:09d}Z"


class LogFile:
    """Cuts what a container writes into lines and appends them. Holds at most one piece of a line per stream.

    A full disk must not stop the container, which would block on its pipe: the latest lines wait in memory until they
    can be written, ``lost`` counts the bytes of those that were too many.
    """

    def __init__(self, path: Path, now: Callable[[], int] = time.time_ns) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._now = now
        self._last = 0
        self._second = -1
        self._prefix = b""
        self._rest: dict[str, bytes] = {"stdout": b"", "stderr": b""}
        self._held = b""
        self.lost = 0

    def feed(self, stream: str, chunk: bytes) -> None:
        """Take what was read from ``stdout`` or ``stderr``; whole lines go to disk at once."""
        *whole, rest = (self._rest[stream] + chunk).split(b"\n")
        lines: list[bytes] = []
        for line in whole:
            rest_of_line = self._cut(stream, line, lines)
            lines.append(self._line(stream, b"F", rest_of_line))
        self._rest[stream] = self._cut(stream, rest, lines)
        self._append(lines)

    def close(self) -> None:
        """Write what came without a newline, and close the file; raise OSError as long as the disk is full."""
        ends = [self._line(name, b"F", rest) for name, rest in self._rest.items() if rest]
        self._rest = dict.fromkeys(self._rest, b"")
        self._append(ends)
        if self._held:
            raise OSError(errno.ENOSPC, "the end of a container's log cannot be written")
        os.close(self._file)

    def _cut(self, stream: str, line: bytes, lines: list[bytes]) -> bytes:
        while len(line) > LINE_LIMIT:
            lines.append(self._line(stream, b"P", line[:LINE_LIMIT]))
            line = line[LINE_LIMIT:]
        return line

    def _line(self, stream: str, tag: bytes, text: bytes) -> bytes:
        self._last = when = max(self._now(), self._last + 1)
        second, fraction = divmod(when, 1_000_000_000)
        if second != self._second:
            self._second = second
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        return b"%b.%09dZ %b %b %b\n" % (self._prefix, fraction, stream.encode(), tag, text)

    def _append(self, lines: list[bytes]) -> None:
        self._held += b"".join(lines)
        try:
            while self._held:
                self._held = self._held[os.write(self._file, self._held) :]
        except OSError:
            if len(self._held) > HELD_LIMIT:
                first = self._held.index(b"\n") + 1  # may have been written in part
                latest = self._held.index(b"\n", len(self._held) - HELD_LIMIT) + 1
                self.lost += latest - first
                self._held = self._held[:first] + self._held[latest:]
