"""The answer to ``as=Table``: what ``kubectl get`` prints, one row for each object. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from katib_control.apiserver.ages import UNKNOWN, age
from katib_control.apiserver.json_path import BadPath, compile_path
from katib_control.apiserver.printers import PRINTERS
from katib_control.apiserver.types import Column, ServedType

Include = Literal["None", "Metadata", "Object"]

_NAME = Column(
    "Name",
    "string",
    "",
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a"
    " client to request the generation of an appropriate name automatically.",
    format="name",
)


def make_table(
    served: ServedType,
    objects: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
    metadata: Mapping[str, Any] | None = None,
    include: Include = "Metadata",
    headers: bool = True,
) -> dict[str, Any]:
    """Return a meta.k8s.io/v1 Table.

    ``metadata`` is the list's (resourceVersion, continue); ``include`` says what ``row.object`` holds; without
    ``headers`` (later events of a watch) the columns are left out.
    """
    cells = _cells(served)
    rows = [{"cells": cells(obj, now), "object": _included(obj, include)} for obj in objects]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": dict(metadata or {}),
        "columnDefinitions": [_definition(column) for column in _shown(served)] if headers else None,
        "rows": rows,
    }


def _included(obj: Mapping[str, Any], include: Include) -> Mapping[str, Any] | None:
    if include == "Object":
        return obj
    if include == "None":
        return None
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj.get("metadata", {})}


def _definition(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    }


def _shown(served: ServedType) -> tuple[Column, ...]:
    return (_NAME, *served.columns) if served.custom else served.columns


def _cells(served: ServedType) -> Callable[[Mapping[str, Any], datetime], list[Any]]:
    if not served.custom:
        return PRINTERS[served.resource.kind].cells
    return _custom_cells(served.columns)


@lru_cache(maxsize=64)
def _custom_cells(columns: tuple[Column, ...]) -> Callable[[Mapping[str, Any], datetime], list[Any]]:
    finders = [(column.type, _finder(column.json_path)) for column in columns]

    def cells(obj: Mapping[str, Any], now: datetime) -> list[Any]:
        row: list[Any] = [obj.get("metadata", {}).get("name", "")]
        row += [_cell(kind, find(obj), now) for kind, find in finders]
        return row

    return cells


def _finder(path: str) -> Callable[[Any], list[Any]]:
    try:
        return compile_path(path)
    except BadPath:
        return lambda obj: []  # a column that cannot be read is empty; a real server refuses the CRD only for syntax


def _cell(kind: str, values: list[Any], now: datetime) -> Any:
    """Return one cell: the first value; several strings joined; dates as ages; null where there is nothing."""
    if kind == "date":
        return age(values[0], now) if values else UNKNOWN
    if not values:
        return None
    if kind == "string":
        return ",".join(map(_text, values))
    first = values[0]
    if kind == "integer":
        return int(first) if isinstance(first, (int, float)) and not isinstance(first, bool) else None
    if kind == "number":
        return float(first) if isinstance(first, (int, float)) and not isinstance(first, bool) else None
    return first if isinstance(first, bool) else None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
