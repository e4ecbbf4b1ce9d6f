"""Tables: headers, cells of custom columns, and what a row carries."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from katib_control.apiserver.builtin import BUILTINS
from katib_control.apiserver.table import make_table
from katib_control.apiserver.types import Column, ServedType
from katib_control.kube.resources import Resource

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
OBJECT = {
    "metadata": {"name": "w", "creationTimestamp": "2026-01-31T11:59:00Z"},
    "spec": {"n": 3, "ratio": 0.5, "on": True, "words": ["a", "b"], "nested": {"x": 1}, "text": "7"},
    "status": {"conditions": [{"type": "Created"}, {"type": "Running"}]},
}


def widgets(*columns: Column) -> ServedType:
    return ServedType(
        resource=Resource("example.com", "v1", "widgets", "Widget"),
        singular="widget",
        list_kind="WidgetList",
        columns=columns,
        custom=True,
    )


@pytest.mark.parametrize(
    ("kind", "path", "cell"),
    [
        pytest.param("integer", ".spec.n", 3, id="a number"),
        pytest.param("integer", ".spec.text", None, id="text is no number"),
        pytest.param("integer", ".spec.on", None, id="true is no number"),
        pytest.param("number", ".spec.ratio", 0.5, id="a fraction"),
        pytest.param("number", ".spec.n", 3.0, id="a whole number is a number"),
        pytest.param("boolean", ".spec.on", True, id="a truth value"),
        pytest.param("boolean", ".spec.n", None, id="a number is no truth value"),
        pytest.param("string", ".spec.text", "7", id="text"),
        pytest.param("string", ".spec.n", "3", id="a number as text"),
        pytest.param("string", ".spec.words", '["a","b"]', id="a list as text"),
        pytest.param("string", ".spec.words[*]", "a,b", id="several values"),
        pytest.param("string", ".spec.nested", '{"x":1}', id="an object as text"),
        pytest.param("string", ".status.conditions[-1:].type", "Running", id="the latest condition"),
        pytest.param("string", ".status.gone", None, id="nothing there"),
        pytest.param("string", "spec", None, id="a path that cannot be read"),
        pytest.param("date", ".metadata.creationTimestamp", "60s", id="a date is an age"),
        pytest.param("date", ".metadata.gone", "<unknown>", id="no date"),
    ],
)
def test_cell(kind: str, path: str, cell: Any) -> None:
    table = make_table(widgets(Column("C", kind, path)), [OBJECT], now=NOW)
    assert table["rows"][0]["cells"] == ["w", cell]


def test_headers_begin_with_the_name_and_keep_their_priority() -> None:
    table = make_table(widgets(Column("N", "integer", ".spec.n", "How many.", 1)), [], now=NOW)
    name, number = table["columnDefinitions"]
    assert (name["name"], name["format"], name["priority"]) == ("Name", "name", 0)
    assert number == {"name": "N", "type": "integer", "format": "", "description": "How many.", "priority": 1}


def test_later_events_of_a_watch_need_no_headers() -> None:
    assert make_table(widgets(), [OBJECT], now=NOW, headers=False)["columnDefinitions"] is None


def test_a_row_carries_what_was_asked_for() -> None:
    kind = widgets()
    assert make_table(kind, [OBJECT], now=NOW)["rows"][0]["object"] == {
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": OBJECT["metadata"],
    }  # fmt: skip
    assert make_table(kind, [OBJECT], now=NOW, include="Object")["rows"][0]["object"] is OBJECT
    assert make_table(kind, [OBJECT], now=NOW, include="None")["rows"][0]["object"] is None


def test_the_metadata_of_the_list_is_passed_on() -> None:
    table = make_table(widgets(), [], now=NOW, metadata={"resourceVersion": "7"})
    assert (table["kind"], table["apiVersion"], table["metadata"]) == (
        "Table", "meta.k8s.io/v1", {"resourceVersion": "7"},
    )  # fmt: skip


def test_built_in_kinds_have_columns_of_their_own() -> None:
    (pods,) = (served for served in BUILTINS if served.resource.kind == "Pod")
    table = make_table(pods, [{"metadata": {"name": "p"}, "status": {"phase": "Pending"}}], now=NOW)
    assert [column["name"] for column in table["columnDefinitions"]][:3] == ["Name", "Ready", "Status"]
    assert table["rows"][0]["cells"][:3] == ["p", "0/0", "Pending"]
