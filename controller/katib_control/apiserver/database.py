"""The file behind the store: its schema, its connections, and the lock that keeps it to one process.

``events`` is append-only and ``objects`` is what it adds up to: triggers keep the two in step inside one statement, so
one INSERT is one transaction and nothing can be half-written.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from katib_control.api.errors import KatibError

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 1
FILE_NAME = "objects.sqlite3"
_LITTLE = 1 << 20
"""Bytes of free space below which an I/O error is put down to the disk being full."""

Durability = Literal["process", "power"]
"""What committed writes survive: the end of the process (WAL, synchronous NORMAL), or power loss too (FULL)."""

_SCHEMA = """
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    type TEXT NOT NULL CHECK (type IN ('ADDED', 'MODIFIED', 'DELETED')),
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    body TEXT NOT NULL, marks TEXT NOT NULL, old_marks TEXT,
    previous INTEGER NOT NULL
);
CREATE INDEX events_by_resource ON events (resource, id);
CREATE TABLE objects (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    version INTEGER NOT NULL, marks TEXT NOT NULL, body TEXT NOT NULL
);
CREATE UNIQUE INDEX objects_by_key ON objects (resource, namespace, name);
CREATE TRIGGER object_added AFTER INSERT ON events WHEN new.type = 'ADDED' BEGIN
    INSERT INTO objects (resource, namespace, name, version, marks, body)
    VALUES (new.resource, new.namespace, new.name, new.id, new.marks, new.body);
END;
CREATE TRIGGER object_modified AFTER INSERT ON events WHEN new.type = 'MODIFIED' BEGIN
    UPDATE objects SET version = new.id, marks = new.marks, body = new.body
    WHERE resource = new.resource AND namespace = new.namespace AND name = new.name;
END;
CREATE TRIGGER object_deleted AFTER INSERT ON events WHEN new.type = 'DELETED' BEGIN
    DELETE FROM objects WHERE resource = new.resource AND namespace = new.namespace AND name = new.name;
END;
"""


class StorageError(KatibError):
    """The state directory cannot be used, or a write did not get through; nothing was half-written."""


class Database:
    """One SQLite file in a directory of its own; no directory: a temporary one, removed on close."""

    def __init__(self, directory: Path | None, durability: Durability = "process") -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="katib-apiserver-") if directory is None else None
        self.directory = Path(self._temporary.name) if self._temporary else Path(directory or "")
        self._synchronous = "OFF" if self._temporary else "FULL" if durability == "power" else "NORMAL"
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        with self.explained("open the state"):
            self.directory.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(self.directory)
            try:
                self.writer = self._connect()
                self._prepare()
            except BaseException:
                os.close(self._lock)
                raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.directory / FILE_NAME, isolation_level=None, check_same_thread=False, timeout=30
        )
        connection.execute(f"PRAGMA synchronous={self._synchronous}")
        return connection

    def _prepare(self) -> None:
        self.writer.execute("PRAGMA journal_mode=WAL")
        self.writer.execute("PRAGMA wal_autocheckpoint=4000")
        (found,) = self.writer.execute("PRAGMA user_version").fetchone()
        if found == 0:
            self.writer.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")
        elif found != SCHEMA_VERSION:
            raise StorageError(
                f"{self.directory / FILE_NAME} has schema version {found}, this program reads {SCHEMA_VERSION}: "
                "use the release that wrote it, or another state directory"
            )

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection whose reads see one moment from the first to the last."""
        if self._closed:
            raise StorageError(f"the state in {self.directory} is closed")
        with self.explained("read"):
            connection = self._idle.pop() if self._idle else self._connect()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                connection.execute("COMMIT")
                if self._closed:
                    connection.close()
                else:
                    self._idle.append(connection)

    @contextmanager
    def explained(self, doing: str) -> Iterator[None]:
        """Turn what SQLite and the operating system say into one line that names the directory and the remedy."""
        try:
            yield
        except (sqlite3.OperationalError, sqlite3.DatabaseError, OSError) as error:
            if isinstance(error, sqlite3.IntegrityError):
                raise
            raise StorageError(f"cannot {doing} in {self.directory}: {_remedy(error, self.directory)}") from error

    def close(self) -> None:
        """Close every connection and give up the lock; twice is fine."""
        if self._closed:
            return
        self._closed = True
        while self._idle:
            self._idle.pop().close()
        self.writer.close()
        os.close(self._lock)
        if self._temporary:
            self._temporary.cleanup()


def snapshot(source: Path, target: Path) -> None:
    """Copy what a state directory holds now into another, while a process may be writing; raise StorageError."""
    file = source / FILE_NAME
    if not file.exists():
        return  # nobody has written yet
    address = f"{file.resolve().as_uri()}?mode=ro"
    try:
        with (
            closing(sqlite3.connect(address, uri=True, timeout=30)) as original,
            closing(sqlite3.connect(target / FILE_NAME)) as copy,
        ):
            original.backup(copy)
    except sqlite3.Error as error:
        raise StorageError(f"cannot read the state in {source}: {_remedy(error, source)}") from error


def _remedy(error: Exception, directory: Path) -> str:
    text = str(error)
    # Where SQLite maps a file into memory it only says that the disk has refused.
    refused = "disk I/O error" in text and _free(directory) < _LITTLE
    if refused or "disk is full" in text or getattr(error, "errno", None) == errno.ENOSPC:
        return "the disk is full; free some space and try again"
    if "readonly" in text or "unable to open" in text or isinstance(error, PermissionError):
        return f"it cannot be written ({text}); make it writable or choose another state directory"
    if "malformed" in text or "not a database" in text:
        return f"{FILE_NAME} is damaged ({text}); restore a copy or choose another state directory"
    return text


def _free(directory: Path) -> int:
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return _LITTLE


def _lock(directory: Path) -> int:
    """Take the directory for this process; the operating system lets go of it however the process ends."""
    file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError:
        owner = os.pread(file, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(file)
        raise StorageError(
            f"state directory {directory} is in use by process {owner}: "
            "stop that one, connect to it over HTTP, or choose another directory"
        ) from None
    except BaseException:
        os.close(file)
        raise
    return file
