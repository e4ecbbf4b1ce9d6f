"""The observation log in a SQL database: SQLite (a file, or memory), later PostgreSQL and MySQL.

SQLAlchemy takes 0.2 s to import, so it is imported at the first use and not when the control plane starts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from katib_control.api.observation import MetricLog, TrialKey

if TYPE_CHECKING:
    from katib_control.observations.database import Database

Listener = Callable[[TrialKey], None]

MEMORY = "sqlite://"
"""A store that is gone with the process."""


class ObservationStore:
    """Implements the ``ObservationLog`` port. Safe to use from several threads.

    ``url`` is SQLAlchemy's (``sqlite:////var/lib/katib/observations.db``), or the path of an SQLite file. Errors of the
    database come as ObservationStoreError, naming the file or server and what to do.
    """

    def __init__(self, url: str | Path = MEMORY) -> None:
        self._url = url
        self._database: Database | None = None
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []

    def open(self) -> None:
        """Connect and bring the schema up to date now; else the first use does it."""
        self._opened()

    def report(self, trial: TrialKey, logs: Sequence[MetricLog]) -> None:
        """Add entries: all of them or none. What is already there is not added again.

        Entries are the same when time (to the nanosecond), name and value are; where one report has several such, they
        are counted, so that the same report twice is still one.
        """
        if logs:
            self._opened().insert(trial, logs)
            for listener in self._listeners:
                listener(trial)

    def on_report(self, listener: Listener) -> None:
        """Call the listener after each report of this process, on its thread; it must be quick and must not raise."""
        self._listeners.append(listener)

    def read(self, trial: TrialKey, metric: str | None = None) -> Sequence[MetricLog]:
        """Return entries in time order (ties: in the order they were reported), of one metric or of all."""
        return self._opened().select(trial, metric)

    def read_after(self, trial: TrialKey, metric: str, mark: int) -> tuple[Sequence[MetricLog], int, int]:
        """Return entries of one metric in the order of reporting that are behind a mark (0: all of them).

        Also the mark behind them, and how many entries of the metric there are in all: who has another number missed
        that some were removed, and must begin again.
        """
        return self._opened().select_after(trial, metric, mark)

    def delete(self, trial: TrialKey) -> None:
        """Remove a trial's entries; none there is success."""
        self._opened().delete(trial)

    def close(self) -> None:
        """Let go of the database; a later use opens it again. What was in memory is gone."""
        with self._lock:
            database, self._database = self._database, None
        if database is not None:
            database.close()

    def _opened(self) -> Database:
        database = self._database
        if database is None:
            from katib_control.observations.database import Database

            with self._lock:
                if self._database is None:
                    self._database = Database(self._url)
                database = self._database
        return database


@contextmanager
def observation_store(url: str | Path = MEMORY) -> Iterator[ObservationStore]:
    """Open a store for the length of a ``with`` block."""
    store = ObservationStore(url)
    try:
        yield store
    finally:
        store.close()
