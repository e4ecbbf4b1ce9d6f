"""The JSONPath of printer columns."""

from __future__ import annotations

from typing import Any

import pytest

from katib_control.apiserver.json_path import BadPath, compile_path

OBJECT = {
    "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "x"}},
    "spec": {"n": 3, "zero": 0, "off": False, "list": [1, 2, 3]},
    "status": {
        "conditions": [
            {"type": "Created", "status": "True", "n": 1},
            {"type": "Running", "status": "False", "n": 2},
            {"type": "Ready", "status": "True", "n": 3},
        ]
    },
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(".metadata.name", ["a"], id="fields"),
        pytest.param(".spec.zero", [0], id="zero is there"),
        pytest.param(".spec.gone.deeper", [], id="nowhere"),
        pytest.param(".spec.list[0]", [1], id="an index"),
        pytest.param(".spec.list[-1]", [3], id="an index from the end"),
        pytest.param(".spec.list[9]", [], id="an index past the end"),
        pytest.param(".spec.list[-1:]", [3], id="a slice from the end"),
        pytest.param(".spec.list[:2]", [1, 2], id="a slice to"),
        pytest.param(".spec.list[0:3:2]", [1, 3], id="a slice with a step"),
        pytest.param(".spec.list[*]", [1, 2, 3], id="all of a list"),
        pytest.param(".metadata.labels.*", ["x"], id="all of a map"),
        pytest.param(r".metadata.labels.app\.kubernetes\.io/name", ["x"], id="an escaped name"),
        pytest.param(".metadata.labels['app.kubernetes.io/name']", ["x"], id="a quoted name"),
        pytest.param(r".metadata.labels['app\.kubernetes\.io/name']", ["x"], id="a quoted and escaped name"),
        pytest.param(".status.conditions[-1:].type", ["Ready"], id="the latest condition"),
        pytest.param('.status.conditions[?(@.type=="Ready")].status', ["True"], id="a filter"),
        pytest.param(".status.conditions[?(@.type=='Ready')].status", ["True"], id="a filter in single quotes"),
        pytest.param('.status.conditions[?(@.status != "True")].type', ["Running"], id="a filter by difference"),
        pytest.param(".status.conditions[?(@.n >= 2)].type", ["Running", "Ready"], id="a filter by order"),
        pytest.param(".status.conditions[?(@.type > 2)].type", [], id="what cannot be compared does not hold"),
        pytest.param(".spec.list[?(@ == 2)]", [2], id="a filter on the item itself"),
        pytest.param(".status.conditions[?(@.n)].n", [1, 2, 3], id="a filter by presence"),
    ],
)
def test_find(path: str, expected: list[Any]) -> None:
    assert compile_path(path)(OBJECT) == expected


@pytest.mark.parametrize("path", ["spec", ".spec[", ".a[?(x)]", ".a[?(@.b == x)]", ".a[b]"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(BadPath):
        compile_path(path)
