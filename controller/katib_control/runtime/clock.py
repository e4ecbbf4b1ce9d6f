"""Time, handed in, so that tests can move it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone

Clock = Callable[[], datetime]
"""Returns the current time, aware, in UTC."""


def system_clock() -> datetime:
    """Return the machine's time."""
    return datetime.now(timezone.utc)


Monotonic = Callable[[], float]
monotonic: Monotonic = time.monotonic
