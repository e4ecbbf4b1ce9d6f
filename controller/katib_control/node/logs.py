"""Reading containers' logs: the files of the supervisor, cut as ``kubectl logs`` asks, followed without polling."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from katib_control.api.times import from_wire

_BLOCK = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Cut:
    """What of a log is wanted."""

    tail_lines: int | None = None
    since: datetime | None = None
    timestamps: bool = False
    limit_bytes: int | None = None


class LogCutter:
    """Turns lines of the CRI format into what the container wrote, as far as it is wanted."""

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self._left = cut.limit_bytes
        self._line_begins = True
        self._since_reached = cut.since is None

    @property
    def full(self) -> bool:
        """Whether as many bytes have come as were asked for."""
        return self._left is not None and self._left <= 0

    def feed(self, lines: list[bytes]) -> bytes:
        """Return the text of these lines (without their line ends)."""
        data = b"".join(text for line in lines for text in self._text(line))
        if self._left is not None:
            data = data[: max(0, self._left)]
            self._left -= len(data)
        return data

    def _text(self, line: bytes) -> Iterator[bytes]:
        stamp, _, rest = line.partition(b" ")
        _, _, rest = rest.partition(b" ")
        tag, _, text = rest.partition(b" ")
        if not self._since_reached:
            assert self._cut.since is not None
            if from_wire(stamp.decode()) < self._cut.since:
                return
            self._since_reached = True
        if self._cut.timestamps and self._line_begins:
            yield stamp + b" "
        yield text
        self._line_begins = tag == b"F"
        if self._line_begins:
            yield b"\n"


def read_whole(path: Path, cut: Cut) -> bytes:
    """Return what has been written until now; empty when there is no file."""
    try:
        with open(path, "rb") as file:
            cutter = LogCutter(cut)
            _seek_tail(file, cut.tail_lines)
            return cutter.feed(file.read().split(b"\n")[:-1])
    except FileNotFoundError:
        return b""


class LogFollower:
    """A Stream of a log that goes on until the container has ended. ``wake`` it when there is something new to see."""

    def __init__(
        self, path: Path, cut: Cut, *, ended: Callable[[], bool], closed: Callable[[LogFollower], None]
    ) -> None:
        self._path = path
        self._cut = cut
        self._ended = ended
        self._on_close = closed
        self._news = threading.Event()
        self._closed = False

    def wake(self) -> None:
        """Have the file looked at again."""
        self._news.set()

    def close(self) -> None:
        """End the stream: a blocked reader returns promptly."""
        if not self._closed:
            self._closed = True
            self._news.set()
            self._on_close(self)

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._chunks()
        finally:
            self.close()

    def _chunks(self) -> Iterator[bytes]:
        cutter, rest = LogCutter(self._cut), b""
        try:
            file = open(self._path, "rb")  # noqa: SIM115  closed below, after many rounds
        except FileNotFoundError:
            return
        with file:
            _seek_tail(file, self._cut.tail_lines)
            while not self._closed and not cutter.full:
                # Asked before reading: what comes between the last read and the end must not be missed.
                ended = self._ended()
                self._news.clear()
                data = file.read(_BLOCK)
                *lines, rest = (rest + data).split(b"\n")
                if text := cutter.feed(lines):
                    yield text
                if data:
                    continue
                if ended:
                    return
                if not self._ended():
                    self._news.wait()


def _seek_tail(file: BinaryIO, count: int | None) -> None:
    """Go to the beginning of the last ``count`` whole lines (pieces of a long line belong to it)."""
    if count is None:
        return
    position = file.seek(0, os.SEEK_END)
    text = b""
    while position > 0:
        step = min(_BLOCK, position)
        position -= step
        file.seek(position)
        text = file.read(step) + text
        if (start := _tail_start(text, count, whole=position == 0)) is not None:
            file.seek(position + start)
            return
    file.seek(0)


def _tail_start(text: bytes, count: int, *, whole: bool) -> int | None:
    """Return where the last ``count`` lines begin; None when the text does not reach back so far."""
    if count <= 0:
        return len(text)
    ends = [0] if whole else []
    at = text.find(b"\n")
    starts: list[int] = []
    while at >= 0:
        ends.append(at + 1)
        at = text.find(b"\n", at + 1)
    previous_ended_a_line = whole
    for begin, end in pairwise(ends):
        if previous_ended_a_line:
            starts.append(begin)
        previous_ended_a_line = text[begin:end].split(b" ", 3)[2:3] == [b"F"]
    if len(starts) >= count:
        return starts[-count]
    return 0 if whole else None
