"""What is dropped, what is told, and that nothing is copied in vain."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from katib_control.apiserver.findings import Notes
from katib_control.apiserver.pruning import compile_prune

STRING = {"type": "string"}


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def prune(schema: dict[str, Any], value: Any, *, root: bool = False) -> tuple[Any, list[str]]:
    unknown: Notes[str] = Notes()
    compiled = compile_prune(schema, lambda name: None, root=root)
    return (value if compiled is None else compiled(value, unknown)), sorted(unknown)


@pytest.mark.parametrize(
    ("schema", "value", "expected", "unknown"),
    [
        pytest.param(obj(a=STRING), {"a": "x", "b": 1}, {"a": "x"}, ["b"], id="an unknown field goes and is told"),
        pytest.param(
            obj(a=obj(b={"type": "array", "items": obj(c=STRING)})),
            {"a": {"b": [{"c": "x"}, {"d": 1, "c": "y"}]}},
            {"a": {"b": [{"c": "x"}, {"c": "y"}]}},
            ["a.b[1].d"],
            id="the path leads through fields and indexes",
        ),
        pytest.param(
            {"type": "array", "items": {"type": "array", "items": obj()}},
            [[{"x": 1}]],
            [[{}]],
            ["[0][0].x"],
            id="a list in a list has two indexes",
        ),
        pytest.param(obj(a={"type": "object"}), {"a": {"b": 1}}, {"a": {}}, ["a.b"], id="an object without fields"),
        pytest.param(
            obj(a={"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
            {"a": {"b": {"c": None}}},
            {"a": {"b": {"c": None}}},
            [],
            id="preserved fields stay whole, nulls too",
        ),
        pytest.param(
            {"x-kubernetes-preserve-unknown-fields": True} | obj(a=obj(b=STRING)),
            {"a": {"b": "x", "c": 1}, "z": 1},
            {"a": {"b": "x"}, "z": 1},
            ["a.c"],
            id="beside preserved fields the known ones are pruned",
        ),
        pytest.param(
            obj(a={"type": "object", "additionalProperties": obj(b=STRING)}),
            {"a": {"k": {"b": "x", "c": 1}}},
            {"a": {"k": {"b": "x"}}},
            ["a.k.c"],
            id="every value of a map is pruned",
        ),
        pytest.param(
            obj(a={"type": "object", "additionalProperties": True}),
            {"a": {"k": {"b": 1}}},
            {"a": {"k": {"b": 1}}},
            [],
            id="a map of anything stays",
        ),
        pytest.param(obj(a=STRING), {"a": None}, {}, [], id="null goes where the field is not nullable"),
        pytest.param(obj(a=STRING | {"nullable": True}), {"a": None}, {"a": None}, [], id="null stays when nullable"),
        pytest.param(
            obj(a=STRING | {"default": "x"}),
            {"a": None},
            {"a": None},
            [],
            id="null waits for the default to replace it",
        ),
        pytest.param(
            obj(a={"type": "object", "additionalProperties": STRING}),
            {"a": {"k": None, "l": "x"}},
            {"a": {"l": "x"}},
            [],
            id="null goes from a map",
        ),
        pytest.param(
            obj(a={"type": "object", "x-kubernetes-embedded-resource": True}),
            {"a": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "nome": "y"}, "spec": {}}},
            {"a": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}},
            ["a.metadata.nome", "a.spec"],
            id="an embedded resource keeps what every object has",
        ),
        pytest.param(obj(a={"x-kubernetes-int-or-string": True}), {"a": 1}, {"a": 1}, [], id="int-or-string is a leaf"),
        pytest.param(obj(a=obj(b=STRING)), {"a": "text"}, {"a": "text"}, [], id="a wrong type is left to validation"),
        pytest.param(
            obj(a={"type": "string", "format": "quantity"}), {"a": 2}, {"a": "2"}, [], id="a quantity becomes a string"
        ),
    ],
)
def test_prune(schema: dict[str, Any], value: Any, expected: Any, unknown: list[str]) -> None:
    before = copy.deepcopy(value)
    assert prune(schema, value) == (expected, unknown)
    assert value == before, "the argument is never changed"


def test_the_root_knows_metadata_without_being_told() -> None:
    value = {"apiVersion": "v1", "kind": "X", "metadata": {"name": "a", "labels": {"b": "c"}, "foo": 1}, "bar": 1}
    pruned, unknown = prune(obj(), value, root=True)
    assert pruned == {"apiVersion": "v1", "kind": "X", "metadata": {"name": "a", "labels": {"b": "c"}}}
    assert unknown == ["bar", "metadata.foo"]


def test_empty_maps_and_lists_of_metadata_are_not_stored() -> None:
    value = {"metadata": {"name": "a", "labels": {}, "annotations": {"b": "c"}, "finalizers": []}}
    assert prune(obj(), value, root=True) == ({"metadata": {"name": "a", "annotations": {"b": "c"}}}, [])


def test_what_stays_as_it_is_is_not_copied() -> None:
    value = {"a": {"b": [{"c": "x"}]}, "d": {"c": "x", "e": 1}}
    item = obj(c=STRING)
    pruned, _ = prune(obj(a=obj(b={"type": "array", "items": item}), d=item), value)
    assert pruned["a"] is value["a"]
    assert pruned["d"] == {"c": "x"}


def test_a_recursive_definition_is_followed_as_deep_as_the_value_goes() -> None:
    node = obj(name=STRING, children={"type": "array", "items": {"$ref": "Node"}})
    compiled = compile_prune(node, lambda name: compiled)
    assert compiled is not None
    unknown: Notes[str] = Notes()
    pruned = compiled({"name": "a", "children": [{"name": "b", "children": [{"nome": "c"}]}]}, unknown)
    assert pruned == {"name": "a", "children": [{"name": "b", "children": [{}]}]}
    assert unknown == ["children[0].children[0].nome"]
