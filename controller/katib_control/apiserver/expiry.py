"""Events are kept for an hour, and only so many of them: a server that runs for months must not fill up with them."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from katib_control.api.times import from_wire
from katib_control.apiserver.changes import Key
from katib_control.apiserver.core import loads
from katib_control.apiserver.store import Stale, Store
from katib_control.runtime.clock import Clock

logger = logging.getLogger(__name__)

EVENTS = "events"
TIME_TO_LIVE = timedelta(hours=1)
MOST = 10_000
_EVERY = 60.0
_BATCH = 500
_OLDEST_FIRST = (
    "SELECT namespace, name, version, body FROM objects WHERE resource = ? AND version > ? ORDER BY version LIMIT ?"
)
_COUNT = "SELECT count(*) FROM objects WHERE resource = ?"


def expire(store: Store, now: datetime, time_to_live: timedelta = TIME_TO_LIVE, most: int = MOST) -> int:
    """Remove Events that nobody has written for ``time_to_live``, and the oldest above ``most``; return how many."""
    with store.database.reading() as connection:
        (count,) = connection.execute(_COUNT, (EVENTS,)).fetchone()
    surplus, removed = count - most, 0
    for key, version, event in _oldest_first(store):
        # Versions are in the order of the writes: behind the first that is young enough there is none to remove.
        if removed >= surplus and last_said(event) > now - time_to_live:
            break
        with contextlib.suppress(Stale):  # it was just said again
            store.remove(key, event, version)
        removed += 1
    return removed


def last_said(event: dict[str, Any]) -> datetime:
    """Return when an Event was last written, as far as it says so itself."""
    series = event.get("series") or {}
    said = (event["metadata"]["creationTimestamp"], event.get("lastTimestamp"), series.get("lastObservedTime"))
    return max(from_wire(stamp) for stamp in said if stamp)


def _oldest_first(store: Store) -> Iterator[tuple[Key, int, dict[str, Any]]]:
    after = 0
    while True:
        with store.database.reading() as connection:
            rows = connection.execute(_OLDEST_FIRST, (EVENTS, after, _BATCH)).fetchall()
        for namespace, name, version, body in rows:
            yield Key(EVENTS, namespace, name), version, loads(body)
            after = version
        if len(rows) < _BATCH:
            return


class EventExpiry:
    """Looks once a minute, in a thread of its own."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="event-expiry", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; also what never began."""
        self._stopped.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(_EVERY):
            try:
                if removed := expire(self._store, self._clock()):
                    logger.debug("events have expired: number=%d", removed)
            except Exception:
                logger.exception("events could not be removed; the next try is in a minute")
