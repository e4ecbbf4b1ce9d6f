"""From lines of text to metric values. Pure: knows neither pods nor stores.

Only finite numbers are values: ``loss=nan`` and ``loss=None`` give none, but the name counts as found. The metric's
name must be exactly the one that is wanted.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import timezone

from katib_control.api.observation import MetricLog, number
from katib_control.api.times import from_wire
from katib_control.collectors.filters import finder, nearly

MAX_LINE = 16_384
"""Bytes of a line that are looked at; the rest is passed by."""

MAX_VALUE = 255
"""Characters of a number's text; longer ones are no values."""

MAX_NAMES, TAIL_LINES, TAIL_WIDTH = 50, 10, 400
_ZERO_TIME = "0001-01-01T00:00:00Z"
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ZONE = re.compile(r"(?:[Zz]|[+-]\d\d:\d\d)$")


class TextParser:
    """Reads the lines of one log in order. ``names_found`` and ``tail`` serve the diagnosis when nothing was found."""

    def __init__(self, metrics: Sequence[str], filters: Sequence[str] = ()) -> None:
        self._wanted = frozenset(metrics)
        self._find = finder(metrics, filters)
        self._names: dict[str, None] = {}
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)

    def feed(self, line: str, time: str = _ZERO_TIME) -> list[MetricLog]:
        """Return the values of wanted metrics in a line; terminal colours are passed by.

        A line that starts with a time of its own (RFC 3339, then a space) has that time, else the one given.
        """
        if "\x1b" in line:
            line = _COLOUR.sub("", line)
        if line and not line.isspace():
            self._tail.append(line[:TAIL_WIDTH])
        own, text = split_time(line)
        found = []
        for name, value in self._find(text):
            self._note(name)
            if name in self._wanted and len(value) <= MAX_VALUE and number(value) is not None:
                found.append(MetricLog(own or time, name, value))
        if not found and len(self._names) < MAX_NAMES:
            for name in nearly(text):
                self._note(f"{name}:")
        return found

    def feed_stamped(self, line: str) -> list[MetricLog]:
        """Do the same for a line of a log with timestamps: the log's own time stands before the text."""
        time, text = split_time(line)
        return self.feed(text, time) if time else self.feed(line)

    @property
    def names_found(self) -> tuple[str, ...]:
        """Names printed like metrics, in the order of their first appearance; ``loss:`` for one with a colon."""
        return tuple(self._names)

    @property
    def tail(self) -> tuple[str, ...]:
        """The last lines that are not blank, readable and cut to a bearable width."""
        return tuple(_CONTROL.sub("", line).rstrip() for line in self._tail)

    def _note(self, name: str) -> None:
        if name and len(self._names) < MAX_NAMES:
            self._names.setdefault(name[:MAX_VALUE])


def split_time(line: str) -> tuple[str, str]:
    """Return the time at the start of a line, in UTC ("" if there is none), and the rest."""
    if line[4:5] != "-" or not line[:4].isdigit():
        return "", line
    word, _, rest = line.partition(" ")
    try:
        when = from_wire(word)
    except ValueError:
        return "", line
    if word[-1] == "Z":
        return word, rest
    fraction = _ZONE.sub("", word).partition(".")[2]
    try:
        clock = when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    except OverflowError:
        return "", line
    return f"{clock}{'.' if fraction else ''}{fraction}Z", rest


def parse(lines: Iterable[str], metrics: Sequence[str], filters: Sequence[str] = ()) -> list[MetricLog]:
    """Return the values of wanted metrics in lines that carry their own time or none."""
    parser = TextParser(metrics, filters)
    return [entry for line in lines for entry in parser.feed(line)]


def split_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of a byte stream as text, without their ends; long ones cut, invalid bytes replaced."""
    rest = b""
    cut = False
    for chunk in chunks:
        *whole, last = chunk.split(b"\n")
        for part in whole:
            line, rest = (rest if cut else rest + part), b""
            cut = False
            yield line[:MAX_LINE].decode("utf-8", "replace").rstrip("\r")
        if not cut:
            rest += last
            cut = len(rest) > MAX_LINE
            rest = rest[:MAX_LINE]
    if rest:
        yield rest.decode("utf-8", "replace").rstrip("\r")
