"""Times on the wire: RFC 3339 in UTC; whole seconds in objects, fractions in logs."""

from __future__ import annotations

from datetime import datetime, timezone


def to_wire(when: datetime) -> str:
    """Return ``2026-01-31T12:00:00Z``."""
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_wire_exact(when: datetime) -> str:
    """Return ``2026-01-31T12:00:00.000001Z``."""
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_wire(text: str) -> datetime:
    """Read an RFC 3339 time with up to nine digits of fraction (cut to microseconds); raise ValueError otherwise."""
    body, offset = (text[:-1], "+00:00") if text[-1:] in "Zz" else (text[:-6], text[-6:])
    whole, _, fraction = body.partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}{offset}")
