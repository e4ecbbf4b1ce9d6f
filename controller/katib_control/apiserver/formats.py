"""String formats of OpenAPI that Kubernetes checks, and Go's regular expressions as Python's."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from urllib.parse import urlsplit

_DATE_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):?[0-5]\d)", re.ASCII
)
_DURATION = re.compile(
    r"[-+]?(\d+(\.\d+)?|\.\d+)\s*(ns|us|µs|μs|ms|s|m|h|d|w)(\s*(\d+(\.\d+)?)\s*(ns|us|µs|μs|ms|s|m|h|d|w))*"
)
_HOSTNAME = re.compile(
    r"(?=.{1,255}\Z)([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*\.?"
)
_EMAIL = re.compile(r"[^@\s<>\"(),:;]+@[^@\s<>\"(),:;]+")
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}([:-][0-9A-Fa-f]{2}){0,2}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{4}-?([0-9A-Fa-f])[0-9A-Fa-f]{3}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{12}")

_POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7F", "blank": r"\t ", "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r"\t\n\v\f\r ",
    "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip


@lru_cache(maxsize=1024)
def go_pattern(pattern: str) -> re.Pattern[str]:
    r"""Compile a pattern of Go's syntax; raise re.error when it is none.

    What differs: ``$`` and ``\z`` match only at the very end, ``\d`` ``\w`` ``\s`` are ASCII, POSIX classes exist.
    """
    out, index, in_class = [], 0, False
    while index < len(pattern):
        char = pattern[index]
        if char == "\\" and index + 1 < len(pattern):
            pair = pattern[index : index + 2]
            out.append(r"\Z" if pair == r"\z" else pair)
            index += 2
            continue
        posix = re.match(r"\[:(\w+):\]", pattern[index:]) if in_class else None
        if posix and posix.group(1) in _POSIX:
            out.append(_POSIX[posix.group(1)])
            index += posix.end()
            continue
        step, in_class = _translate(pattern, index, in_class)
        out.append(step)
        index += 1
    return re.compile("".join(out), re.ASCII)


def _translate(pattern: str, index: int, in_class: bool) -> tuple[str, bool]:
    """Return the Python form of one plain character, and whether what follows is in a bracket class."""
    char = pattern[index]
    if in_class:
        first = pattern[index - 1] == "[" or pattern[max(0, index - 2) : index] == "[^"
        if char == "]" and not first:
            return char, False
        # Python warns of nested sets and set operations, which neither language has.
        return ("\\" + char if char in "[&~|" else char), True
    if char == "$":
        return r"\Z", False
    return char, char == "["


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


@lru_cache(maxsize=1024)  # the same few moments are in every condition
def _is_date_time(text: str) -> bool:
    found = _DATE_TIME.fullmatch(text)
    return found is not None and _is_date(found.group(1))


def _is_byte(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _is_ip(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def _is_cidr(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def _is_uri(text: str) -> bool:
    """Go's url.ParseRequestURI: an absolute URI or an absolute path."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return not re.search(r"[\x00-\x20\x7f]", text) and (bool(parts.scheme) or text.startswith("/"))


def _uuid(version: str) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        found = _UUID.fullmatch(text)
        return found is not None and version in ("", found.group(1))

    return check


def _full(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


#: Format name -> whether a string has it. Formats that are not here are not checked, as in Kubernetes.
FORMATS: dict[str, Callable[[str], bool]] = {
    "byte": _is_byte,
    "cidr": _is_cidr,
    "date": _is_date,
    "date-time": _is_date_time,
    "datetime": _is_date_time,
    "duration": _full(_DURATION),
    "email": _full(_EMAIL),
    "hostname": _full(_HOSTNAME),
    "ipv4": lambda text: _is_ip(text, 4),
    "ipv6": lambda text: _is_ip(text, 6),
    "mac": _full(_MAC),
    "uri": _is_uri,
    "uuid": _uuid(""),
    "uuid3": _uuid("3"),
    "uuid4": _uuid("4"),
    "uuid5": _uuid("5"),
}

#: Ranges of integer formats.
INTEGER_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}

#: resource.Quantity: a decimal number with an optional binary, decimal or exponent suffix.
QUANTITY = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?\d+))?")
