"""Durations as kubectl prints them, and the time stamps they are made from."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from katib_control.api.times import from_wire

UNKNOWN = "<unknown>"
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def human_duration(span: timedelta) -> str:
    """Return apimachinery's HumanDuration: two digits of the two largest units (``2m30s``, ``5h7m``, ``3d``)."""
    seconds = int(span.total_seconds())
    if seconds < -1:
        return "<invalid>"
    if seconds <= 0:
        return "0s"
    minutes, hours, days = seconds // _MINUTE, seconds // _HOUR, seconds // _DAY
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    if minutes < 10:
        return _pair(minutes, "m", seconds % _MINUTE, "s")
    if minutes < 3 * 60:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _pair(days, "d", hours % 24, "h")
    if days < 2 * 365:
        return f"{days}d"
    years = seconds // _YEAR
    return _pair(years, "y", days % 365, "d") if years < 8 else f"{years}y"


def _pair(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def age(stamp: Any, now: datetime) -> str:
    """Return how long ago a time stamp was; ``<unknown>`` without one."""
    if not isinstance(stamp, str) or not stamp:
        return UNKNOWN
    try:
        return human_duration(now - from_wire(stamp))
    except ValueError:
        return "<invalid>"


def between(start: Any, end: Any, now: datetime) -> str:
    """Return how long something took, or has taken so far; empty when it has not begun."""
    if not isinstance(start, str):
        return ""
    until = from_wire(end) if isinstance(end, str) else now
    return human_duration(until - from_wire(start))
