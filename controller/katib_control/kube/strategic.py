"""Strategic merge (apimachinery ``strategicpatch``): lists of the built-in kinds merge item by item, by a key.

Directives: ``$patch: replace|delete`` in a map or a list item, ``$retainKeys`` in a map,
``$setElementOrder/<field>`` and ``$deleteFromPrimitiveList/<field>`` beside a list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from katib_control.kube.errors import BadRequest, Invalid
from katib_control.kube.merge_keys import Shape

_PATCH, _RETAIN = "$patch", "$retainKeys"
_ORDER, _REMOVE = "$setElementOrder/", "$deleteFromPrimitiveList/"
_DIRECTIVES = (_PATCH, _RETAIN, _ORDER, _REMOVE)


def merge_maps(original: Mapping[str, Any], patch: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """Return the original with the patch merged into it; neither is changed."""
    if _PATCH in patch:
        return _directed(patch[_PATCH], patch)
    merged = dict(original)
    if _RETAIN in patch:
        _retain(merged, patch)
    fields = {key: value for key, value in patch.items() if not key.startswith(_DIRECTIVES)}
    orders = {key.removeprefix(_ORDER): value for key, value in patch.items() if key.startswith(_ORDER)}
    for key, value in fields.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged_value(merged.get(key), value, shape.of(key))
    for key, order in orders.items():
        _reorder(merged, original.get(key), (fields.get(key), order), (key, shape.of(key)))
    for key, value in patch.items():
        if key.startswith(_REMOVE):
            _remove(merged, key.removeprefix(_REMOVE), value)
    return merged


def _merged_value(old: Any, new: Any, shape: Shape) -> Any:
    if isinstance(new, dict) and isinstance(old, Mapping):
        return merge_maps(old, new, shape)
    if isinstance(new, list) and isinstance(old, list) and shape.key is not None:
        return _merged_list(old, new, shape)
    return _without_directives(new, shape)


def _merged_list(old: list[Any], new: list[Any], shape: Shape) -> list[Any]:
    if not all(isinstance(item, dict) for item in (*old, *new)):
        if any(isinstance(item, dict | list) for item in (*old, *new)):
            raise BadRequest("lists of lists, or of both maps and values, cannot be merged")
        return _interleaved([*old, *(item for item in _distinct(new) if item not in old)], new, old, "")
    key = shape.key or ""
    if not key and new:
        raise BadRequest("cannot merge lists without merge key")
    plain, deleted, replaced = _split_items(new, key)
    if replaced:
        return [merge_maps({}, item, shape) for item in plain]
    # Two ports of one number (TCP and UDP) have one key: the first is merged into, and both stay.
    kept = [item for item in old if _key(item, key) not in deleted]
    places = _places(kept, key)
    for item in plain:
        place = places.setdefault(_key(item, key), len(kept))
        kept[place : place + 1] = [merge_maps(kept[place] if place < len(kept) else {}, item, shape)]
    return _interleaved(kept, plain, old, key)


def _split_items(items: list[dict[str, Any]], key: str) -> tuple[list[dict[str, Any]], set[str], bool]:
    """Return the items to merge, the keys of those to delete, and whether the list is replaced."""
    plain, deleted, replaced = [], set(), False
    for item in items:
        directive = item.get(_PATCH)
        if directive is None:
            _key(item, key)
            plain.append(item)
        elif directive == "delete":
            deleted.add(_key(item, key))
        elif directive == "replace":
            replaced = True
        elif directive == "merge":
            raise BadRequest("merging lists cannot yet be specified in the patch")
        else:
            raise _unknown(directive, item)
    return plain, deleted, replaced


def _directed(directive: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != _PATCH}
    if directive == "delete":
        return {}
    raise _unknown(directive, patch)


def _retain(merged: dict[str, Any], patch: Mapping[str, Any]) -> None:
    names = patch[_RETAIN]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadRequest("invalid patch format of retainKeys")
    for key, value in patch.items():
        if value is not None and key not in names and not key.startswith(_DIRECTIVES):
            raise Invalid("patch content doesn't match retainKeys list", causes=_cause(f"{key} is not in {names}"))
    for key in [key for key in merged if key not in names]:
        del merged[key]


def _reorder(merged: dict[str, Any], live: Any, patched: tuple[Any, Any], named: tuple[str, Shape]) -> None:
    """Give the list the order that the patch asks for; items only the server has keep their places among them."""
    (items, order), (name, shape) = patched, named
    if not isinstance(order, list):
        raise BadRequest("invalid patch format of setElementOrder list")
    if not isinstance(merged.get(name), list):
        return
    key = shape.key or ""
    asked = [_identity(item, key) for item in items or () if not (isinstance(item, dict) and _PATCH in item)]
    places = {_identity(item, key): index for index, item in enumerate(order)}
    known = [places[item] for item in asked if item in places]
    if len(known) < len(asked) or known != sorted(known):
        shown = f"The order in patch list:\n{_json(items)}\n doesn't match {_ORDER} list:\n{_json(order)}\n"
        raise BadRequest(shown)
    merged[name] = _interleaved(merged[name], order, live if isinstance(live, list) else [], key)


def _remove(merged: dict[str, Any], name: str, values: Any) -> None:
    if not isinstance(values, list) or any(isinstance(value, dict | list) for value in values):
        raise BadRequest("invalid patch format of primitive list")
    if isinstance(merged.get(name), list):
        merged[name] = [value for value in merged[name] if value not in values]


def _interleaved(items: list[Any], first: Sequence[Any], live: Sequence[Any], key: str) -> list[Any]:
    """Sort: what the patch names in the patch's order, the server's own items before the first they once preceded."""
    wanted = _places(first, key)
    before = _places(live, key)
    named = sorted((item for item in items if _identity(item, key) in wanted), key=lambda i: wanted[_identity(i, key)])
    others = [item for item in items if _identity(item, key) not in wanted]
    others.sort(key=lambda item: before.get(_identity(item, key), len(before)))
    result: list[Any] = []
    for item in named:
        place = before.get(_identity(item, key), -1)
        while others and before.get(_identity(others[0], key), len(before)) < place:
            result.append(others.pop(0))
        result.append(item)
    return result + others


def _places(items: Sequence[Any], key: str) -> dict[str, int]:
    places: dict[str, int] = {}
    for index, item in enumerate(items):
        places.setdefault(_identity(item, key), index)
    return places


def _without_directives(value: Any, shape: Shape) -> Any:
    """Return a value that nothing in the original stands against: nulls and directives have done their work."""
    if isinstance(value, dict):
        return merge_maps({}, value, shape)
    if isinstance(value, list) and shape.key:
        return _merged_list([], value, shape) if all(isinstance(item, dict) for item in value) else value
    return _distinct(value) if isinstance(value, list) and shape.key == "" else value


def _distinct(items: list[Any]) -> list[Any]:
    return [item for index, item in enumerate(items) if item not in items[:index]]


def _key(item: Mapping[str, Any], key: str) -> str:
    if key not in item:
        raise BadRequest(f"map: {_json(item)} does not contain declared merge key: {key}")
    return _json(item[key])


def _identity(item: Any, key: str) -> str:
    return _key(item, key) if key and isinstance(item, dict) else _json(item)


def _unknown(directive: Any, item: Mapping[str, Any]) -> BadRequest:
    return BadRequest(f"unknown patch type '{directive}' in map: {_json(item)}")


def _cause(message: str) -> list[dict[str, str]]:
    return [{"reason": "FieldValueInvalid", "message": message}]


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
