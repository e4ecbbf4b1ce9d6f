"""Times on the wire: RFC 3339 in UTC; whole seconds in objects, fractions in logs."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[-+]\d\d:\d\d)", re.ASCII)

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SECOND = timedelta(seconds=1)


def to_wire(when: datetime) -> str:
    """Return ``2026-01-31T12:00:00Z``."""
    return when.astimezone(timezone.utc).isoformat(timespec="seconds")[:19] + "Z"


def to_wire_exact(when: datetime) -> str:
    """Return ``2026-01-31T12:00:00.000001Z``."""
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_wire(text: str) -> datetime:
    """Read an RFC 3339 time with up to nine digits of fraction (cut to microseconds); raise ValueError otherwise."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no RFC 3339 time such as 2026-01-31T12:00:00Z")
    day, time, fraction, offset = match.groups(default="")
    offset = "+00:00" if offset in "Zz" else offset
    return datetime.fromisoformat(f"{day}T{time}.{fraction[:6]:0<6}{offset}")


def nanoseconds(text: str) -> int:
    """Return the nanoseconds since 1970 of an RFC 3339 time, cut to 64 bits (Katib's year 1); else raise ValueError."""
    match = _RFC3339.fullmatch(text)
    whole = (from_wire(text) - _EPOCH) // _SECOND  # the fraction is cut: it may have more digits than a datetime keeps
    fraction = (match.group(3) if match else None) or ""
    return min(max(whole * 10**9 + int(f"{fraction:0<9}"), -(1 << 63)), (1 << 63) - 1)
