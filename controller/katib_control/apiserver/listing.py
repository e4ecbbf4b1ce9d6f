"""Lists as they were at one version: the first page as of now, later pages as of the first."""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from katib_control.apiserver.changes import Marks
from katib_control.apiserver.store import Compacted, Store
from katib_control.kube.errors import BadRequest

Place = tuple[str, str]
"""Namespace and name: the order of a list."""
Row = tuple[str, str, str, str]
"""Namespace, name, body, marks as JSON."""

_CHANGED = (
    "SELECT e.namespace, e.name, e.type, p.body, p.marks FROM events e LEFT JOIN events p ON p.id = e.previous"
    " WHERE e.id IN (SELECT min(id) FROM events WHERE resource = ? AND id > ? GROUP BY namespace, name)"
)


@dataclass(frozen=True, kw_only=True)
class Query:
    """What is listed: a resource, in one namespace or ("") in all, what matches, after a place, up to a limit."""

    resource: str
    namespace: str = ""
    name: str = ""
    matches: Callable[[Marks], bool] | None = None
    after: Place | None = None
    limit: int = 0
    at: int | None = None


@dataclass(frozen=True)
class Page:
    """Texts of objects at a version; ``last`` is where the next page goes on (None: this was the end)."""

    version: int
    texts: list[str]
    last: Place | None
    remaining: int


def read_page(store: Store, query: Query) -> Page:
    """Return one page; raise Compacted when its version is out of reach."""
    with store.database.reading() as connection:
        (newest,) = connection.execute("SELECT coalesce(max(id), 1) FROM events").fetchone()
        at = newest if query.at is None else query.at
        rows = _rows(connection, query)
        if at < newest:
            if at < store.compacted:
                raise Compacted(at, store.compacted)
            rows = _undone(rows, connection, query, at)
        return _cut(rows, query, at)


def _rows(connection: sqlite3.Connection, query: Query) -> Iterator[Row]:
    where, arguments = ["resource = ?"], [query.resource]
    if query.namespace:
        where.append("namespace = ?")
        arguments.append(query.namespace)
    if query.name:
        where.append("name = ?")
        arguments.append(query.name)
    if query.after:
        where.append("name > ?" if query.namespace else "(namespace, name) > (?, ?)")
        arguments += query.after[1:] if query.namespace else query.after
    return connection.execute(
        f"SELECT namespace, name, body, marks FROM objects WHERE {' AND '.join(where)} ORDER BY namespace, name",
        arguments,
    )


def _undone(rows: Iterator[Row], connection: sqlite3.Connection, query: Query, at: int) -> Iterator[Row]:
    """Take back what has changed after a version."""
    before: dict[Place, Row | None] = {}
    for namespace, name, kind, body, marks in connection.execute(_CHANGED, (query.resource, at)):
        if kind != "ADDED" and body is None:
            raise Compacted(at, at + 1)
        before[namespace, name] = None if kind == "ADDED" else (namespace, name, body, marks)
    if not before:
        return rows
    old = [row for place, row in before.items() if row and _within(place, query)]
    return iter(sorted([row for row in rows if (row[0], row[1]) not in before] + old, key=lambda row: row[:2]))


def _within(place: Place, query: Query) -> bool:
    return (
        query.namespace in ("", place[0])
        and query.name in ("", place[1])
        and (query.after is None or place > query.after)
    )


def _cut(rows: Iterator[Row], query: Query, at: int) -> Page:
    texts: list[str] = []
    last: Place | None = None
    for namespace, name, body, marks in rows:
        if query.matches and not query.matches(json.loads(marks)):
            continue
        if query.limit and len(texts) == query.limit:
            remaining = 0 if query.matches else 1 + sum(1 for _ in rows)
            return Page(at, texts, last, remaining)
        texts.append(body)
        last = (namespace, name)
    return Page(at, texts, None, 0)


def encode_continue(version: int, last: Place) -> str:
    """Return the token that leads to the next page."""
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": list(last)})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_continue(token: str) -> tuple[int, Place]:
    """Return the version and the place in a token; raise BadRequest."""
    try:
        found: Any = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, name = found["start"]
        if not (isinstance(namespace, str) and isinstance(name, str)):
            raise TypeError
        return int(found["rv"]), (namespace, name)
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise BadRequest("continue key is not valid: it must be the one of the previous page, unchanged") from None
