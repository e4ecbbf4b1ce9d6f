"""Compiled schemas against an independent validator of JSON Schema, on generated schemas and values.

Where Kubernetes differs from JSON Schema, and so what is kept out of the comparison:

- null in a field that is not nullable is pruned before validation, not refused; only ``nullable`` is compared;
- exclusive bounds are booleans beside the bound (draft 4), numbers in later drafts: they are translated;
- ``format`` is an assertion here and a remark there: left out, it has tests of its own;
- unknown fields are pruned, so ``additionalProperties: false`` is never used;
- ``x-kubernetes-*`` has no counterpart: int-or-string becomes a list of types, list types have tests of their own.
"""

from __future__ import annotations

import copy
from typing import Any

import jsonschema_rs
from hypothesis import given, settings
from hypothesis import strategies as st

from katib_control.apiserver.schema import compile_schema

NAMES = st.sampled_from(["a", "b", "c"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-4, 4),
    st.sampled_from([0.5, 1.0, -2.5, 3.0]),
    st.sampled_from(["", "a", "ab"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
NUMBER_RULES = st.fixed_dictionaries(
    {},
    optional={
        "minimum": st.integers(-2, 2),
        "maximum": st.integers(-2, 2),
        "exclusiveMinimum": st.booleans(),
        "exclusiveMaximum": st.booleans(),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "enum": st.lists(st.sampled_from([0, 1, 1.0, 2.5]), min_size=1, max_size=2),
    },
)
STRING_RULES = st.fixed_dictionaries(
    {},
    optional={
        "minLength": st.integers(0, 2),
        "maxLength": st.integers(0, 2),
        "pattern": st.sampled_from(["^a", "b$", "^[ab]+$"]),
        "enum": st.lists(st.sampled_from(["", "a", "b"]), min_size=1, max_size=2),
    },
)
LIST_RULES = st.fixed_dictionaries(
    {}, optional={"minItems": st.integers(0, 2), "maxItems": st.integers(0, 2), "uniqueItems": st.booleans()}
)
RULES = st.one_of(
    NUMBER_RULES, STRING_RULES, LIST_RULES, st.builds(lambda names: {"required": names}, st.lists(NAMES, unique=True))
)


@st.composite
def with_junctors(draw: st.DrawFn, base: dict[str, Any]) -> dict[str, Any]:
    made = dict(base)
    for name in draw(st.sets(st.sampled_from(["allOf", "anyOf", "oneOf", "not"]), max_size=1)):
        made[name] = draw(RULES) if name == "not" else draw(st.lists(RULES, min_size=1, max_size=2))
    if draw(st.booleans()):
        made["nullable"] = True
    return made


def _containers(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    lists = st.builds(lambda items, rules: {"type": "array", "items": items} | rules, inner, LIST_RULES)
    objects = st.builds(
        lambda properties, needed: {"type": "object", "properties": properties, "required": needed},
        st.dictionaries(NAMES, inner, max_size=3),
        st.lists(NAMES, unique=True, max_size=2),
    )
    maps = st.builds(lambda values: {"type": "object", "additionalProperties": values}, inner)
    return st.one_of(lists, objects, maps).flatmap(with_junctors)


LEAVES = st.one_of(
    st.builds(lambda rules: {"type": "integer"} | rules, NUMBER_RULES),
    st.builds(lambda rules: {"type": "number"} | rules, NUMBER_RULES),
    st.builds(lambda rules: {"type": "string"} | rules, STRING_RULES),
    st.just({"type": "boolean"}),
    st.just({"x-kubernetes-int-or-string": True}),
).flatmap(with_junctors)
SCHEMAS = st.recursive(LEAVES, _containers, max_leaves=6)


def translated(schema: Any) -> Any:
    """Return the JSON Schema (2020-12) that means the same as a structural schema."""
    made = {key: value for key, value in schema.items() if not key.startswith("x-") and key != "nullable"}
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if made.pop(exclusive, False) and bound in made:
            made[exclusive] = made.pop(bound)
    if schema.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
    for key in ("items", "additionalProperties", "not"):
        if key in made:
            made[key] = translated(made[key])
    for key in ("allOf", "anyOf", "oneOf"):
        if key in made:
            made[key] = [translated(item) for item in made[key]]
    if "properties" in made:
        made["properties"] = {name: translated(inner) for name, inner in made["properties"].items()}
    # null ends the check of a nullable field: no other rule is asked
    return {"anyOf": [{"type": "null"}, made]} if schema.get("nullable") else made


@settings(max_examples=400, deadline=None)
@given(schema=SCHEMAS, value=VALUES)
def test_it_accepts_what_json_schema_accepts(schema: dict[str, Any], value: Any) -> None:
    ours = compile_schema({"type": "object", "properties": {"foo": schema}}).validate({"foo": value})
    assert (ours == []) is jsonschema_rs.validator_for(translated(schema)).is_valid(value), (ours, translated(schema))


@settings(max_examples=200, deadline=None)
@given(schema=SCHEMAS, value=VALUES)
def test_every_error_names_a_place_that_is_there(schema: dict[str, Any], value: Any) -> None:
    for error in compile_schema({"type": "object", "properties": {"foo": schema}}).validate({"foo": value}):
        assert error.field.startswith("foo")
        assert error.rule
        assert error.value is None


@settings(max_examples=200, deadline=None)
@given(schema=SCHEMAS, value=VALUES)
def test_pruning_twice_is_pruning_once_and_changes_no_argument(schema: dict[str, Any], value: Any) -> None:
    compiled = compile_schema({"type": "object", "properties": {"foo": schema}})
    before = copy.deepcopy(value)
    pruned, _ = compiled.prune({"foo": value})
    assert compiled.prune(pruned) == (pruned, [])
    assert value == before


def test_defaults_come_after_pruning_and_before_validation() -> None:
    schema = compile_schema(
        {
            "type": "object",
            "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer", "default": 1}}}},
        }
    )
    pruned, unknown = schema.prune({"spec": {"n": None, "m": 2}})
    filled = schema.default(pruned)
    assert (filled, unknown, schema.validate(filled)) == ({"spec": {"n": 1}}, ["spec.m"], [])
