"""The statements of the observation log, and what each kind of database does differently."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, create_engine, delete, event, func, inspect, select, text
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool
from sqlalchemy.sql.dml import Insert

from katib_control.api.observation import MetricLog, TrialKey
from katib_control.api.times import nanoseconds
from katib_control.observations.errors import ObservationStoreError
from katib_control.observations.schema import ENTRIES, LENGTHS, METADATA, VERSION


@dataclass(frozen=True)
class _Dialect:
    """One kind of database: how to insert what is not there yet, and how to set up a connection."""

    insert_new: Callable[[], Insert]
    pragmas: tuple[str, ...] = ()
    connect: Mapping[str, Any] | None = None


_DIALECTS = {
    "sqlite": _Dialect(
        lambda: sqlite.insert(ENTRIES).on_conflict_do_nothing(),
        # One process, many threads: readers never wait, a crash of the machine may lose the last commits but no more.
        ("journal_mode=WAL", "synchronous=NORMAL"),
        {"timeout": 30, "check_same_thread": False},
    ),
    "postgresql": _Dialect(lambda: postgresql.insert(ENTRIES).on_conflict_do_nothing()),
    "mysql": _Dialect(lambda: mysql.insert(ENTRIES).prefix_with("IGNORE")),
}

_TRIAL = (ENTRIES.c.namespace == bindparam("ns")) & (ENTRIES.c.trial_uid == bindparam("uid"))
_ALL = (
    select(ENTRIES.c.time, ENTRIES.c.metric, ENTRIES.c.value)
    .where(_TRIAL)
    .order_by(ENTRIES.c.time_ns, ENTRIES.c.sequence)
)
_ONE = _ALL.where(ENTRIES.c.metric == bindparam("wanted"))
_AFTER = (
    select(ENTRIES.c.time, ENTRIES.c.metric, ENTRIES.c.value, ENTRIES.c.sequence)
    .where(_TRIAL & (ENTRIES.c.metric == bindparam("wanted")) & (ENTRIES.c.sequence > bindparam("mark")))
    .order_by(ENTRIES.c.sequence)
)
_COUNT = select(func.count()).select_from(ENTRIES).where(_TRIAL & (ENTRIES.c.metric == bindparam("wanted")))
_DELETE = delete(ENTRIES).where(_TRIAL)


class Database:
    """An open database with the newest schema."""

    def __init__(self, url: str | Path) -> None:
        try:
            parsed = URL.create("sqlite", database=str(url)) if isinstance(url, Path) else make_url(url)
            self._dialect = _DIALECTS[parsed.get_backend_name()]
            self.name = parsed.database if parsed.get_backend_name() == "sqlite" else parsed.render_as_string()
            self.name = self.name or "memory"
            memory = parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:")
            pool = {"poolclass": StaticPool} if memory else {}
            self._engine = create_engine(parsed, connect_args=dict(self._dialect.connect or {}), **pool)
        except (ArgumentError, NoSuchModuleError, ImportError, KeyError) as error:
            known = ", ".join(_DIALECTS)
            raise ObservationStoreError(
                f"observation store {url!r}: not the URL of one of {known} ({error})"
            ) from error
        # The one connection of a store in memory is shared by all threads.
        self._turn: AbstractContextManager[Any] = threading.Lock() if memory else nullcontext()
        self._insert = self._dialect.insert_new()
        event.listen(self._engine, "connect", self._set_up)
        with self._begin() as connection:
            _bring_up_to_date(connection)

    def insert(self, trial: TrialKey, logs: Sequence[MetricLog]) -> None:
        """Add entries in one transaction."""
        rows = list(_rows(trial, logs))
        with self._begin() as connection:
            connection.execute(self._insert, rows)

    def select(self, trial: TrialKey, metric: str | None) -> list[MetricLog]:
        """Read entries in time order."""
        key = {"ns": trial.namespace, "uid": trial.uid}
        with self._begin() as connection:
            found = connection.execute(_ALL, key) if metric is None else connection.execute(
                _ONE, {**key, "wanted": metric}
            )  # fmt: skip
            return [MetricLog(*row) for row in found.all()]

    def select_after(self, trial: TrialKey, metric: str, mark: int) -> tuple[list[MetricLog], int, int]:
        """Read entries of one metric behind a mark, in the order of reporting; the new mark; the number of all."""
        key = {"ns": trial.namespace, "uid": trial.uid, "wanted": metric}
        with self._begin() as connection:
            found = connection.execute(_AFTER, {**key, "mark": mark}).all()
            count = connection.execute(_COUNT, key).scalar_one()
        return [MetricLog(*row[:3]) for row in found], found[-1][3] if found else mark, count

    def delete(self, trial: TrialKey) -> None:
        """Remove entries."""
        with self._begin() as connection:
            connection.execute(_DELETE, {"ns": trial.namespace, "uid": trial.uid})

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _set_up(self, connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in self._dialect.pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        try:
            with self._turn, self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            cause = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise ObservationStoreError(f"observation store {self.name}: {cause}{_remedy(cause)}") from error


def _bring_up_to_date(connection: Connection) -> None:
    """Create the schema, or migrate an older one. Up to date costs one query and no import of alembic."""
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" in tables:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if found == VERSION:
            return
        if found is not None and found > VERSION:
            raise ObservationStoreError(
                f"observation store: its schema {found} is newer than this program's {VERSION}; use a newer program"
            )
    elif ENTRIES.name not in tables:
        METADATA.create_all(connection)
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": VERSION})
        return
    from katib_control.observations.migrations import upgrade

    upgrade(connection)


def _rows(trial: TrialKey, logs: Sequence[MetricLog]) -> Iterator[dict[str, Any]]:
    """Turn entries into rows; raise ObservationStoreError for one that cannot be kept."""
    seen: Counter[tuple[int, str, str]] = Counter()
    for entry in logs:
        try:
            time_ns = nanoseconds(entry.time)
        except ValueError as error:
            raise ObservationStoreError(f"metric {entry.name}: {error}") from error
        for column, value in (("metric", entry.name), ("value", entry.value)):
            if len(value) > LENGTHS[column]:
                raise ObservationStoreError(
                    f"metric {entry.name[:60]}: its {column} has {len(value)} characters, at most {LENGTHS[column]}"
                )
        same = (time_ns, entry.name, entry.value)
        yield {
            "namespace": trial.namespace, "trial_uid": trial.uid, "trial_name": trial.name, "metric": entry.name,
            "time_ns": time_ns, "time": entry.time, "value": entry.value, "ordinal": seen[same],
        }  # fmt: skip
        seen[same] += 1


def _remedy(cause: str) -> str:
    """Return what the user can do about it."""
    for sign, remedy in (
        ("unable to open", "; does the directory exist, and may it be written to?"),
        ("readonly", "; make the file and its directory writable"),
        ("disk", "; free some space, then it goes on"),
        ("not a database", "; it is something else, move it away"),
        ("malformed", "; it is damaged, move it away"),
    ):
        if sign in cause:
            return remedy
    return ""
