"""Who has applied which fields: trees of field names (meta/v1 ``fieldsV1``) for server-side apply. Pure.

Lists of built-in kinds have an entry for each item that their merge key names; every other list is one value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from katib_control.kube.merge_keys import Shape

Tree = dict[str, Any]
_IDENTITY = ("apiVersion", "kind")
_METADATA_IDENTITY = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "managedFields")


def fields_of(config: Mapping[str, Any], shape: Shape) -> Tree:
    """Return the tree of what an applied configuration says, without what identifies the object."""
    plain = {key: value for key, value in config.items() if key not in _IDENTITY}
    metadata = config.get("metadata")
    if isinstance(metadata, Mapping):
        plain["metadata"] = {key: value for key, value in metadata.items() if key not in _METADATA_IDENTITY}
        if not plain["metadata"]:
            del plain["metadata"]
    return _tree(plain, shape)


def _tree(value: Any, shape: Shape) -> Tree:
    return {step: _tree(child, below) for step, child, below in _children(value, shape)}


def _children(value: Any, shape: Shape) -> Iterator[tuple[str, Any, Shape]]:
    """Yield (step, value, shape) of what has an owner of its own."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield f"f:{key}", child, shape.of(key)
    elif isinstance(value, list) and shape.key is not None:
        for item in value:
            yield _item_step(item, shape.key), item if isinstance(item, dict) else None, Shape(None, shape.fields)


def _item_step(item: Any, key: str) -> str:
    if not key or not isinstance(item, dict):
        return "v:" + json.dumps(item, separators=(",", ":"))
    return "k:" + json.dumps({key: item.get(key)}, separators=(",", ":"))


def union(trees: Iterable[Tree]) -> Tree:
    """Return the fields that are in any of the trees."""
    whole: Tree = {}
    for tree in trees:
        for step, below in tree.items():
            whole[step] = union((whole.get(step, {}), below))
    return whole


def without(tree: Tree, taken: Tree) -> Tree:
    """Return a tree without the leaves of another."""
    left: Tree = {}
    for step, below in tree.items():
        if step not in taken:
            left[step] = below
        elif taken[step] and below and (rest := without(below, taken[step])):
            left[step] = rest
    return left


def conflicts(live: Any, config: Any, owned: Tree, shape: Shape, path: str = "") -> list[str]:
    """Return the paths of fields that another owner has set to another value than this configuration does."""
    found: list[str] = []
    there = {step: value for step, value, _ in _children(live, shape)}
    for step, wanted, below in _children(config, shape):
        if step not in owned or step not in there:
            continue
        here = f"{path}.{step[2:]}" if step.startswith("f:") else f"{path}[{step[2:]}]"
        if owned[step]:
            found += conflicts(there[step], wanted, owned[step], below, here)
        elif wanted != there[step] and not (isinstance(wanted, Mapping) and not wanted):
            found.append(here)
    return found


def remove(value: Any, gone: Tree, kept: Tree, shape: Shape) -> Any:
    """Return the value without the fields in ``gone``, apart from those in ``kept``."""
    if isinstance(value, list):
        return _remove_items(value, gone, kept, shape)
    if not isinstance(value, Mapping):
        return value
    left = dict(value)
    for step, below in gone.items():
        key = step[2:]
        if key not in left:
            continue
        if step not in kept and not (below and isinstance(left[key], dict)):
            del left[key]
        elif below:
            left[key] = remove(left[key], below, kept.get(step, {}), shape.of(key))
            if step not in kept and not left[key]:
                del left[key]
    return left


def _remove_items(items: list[Any], gone: Tree, kept: Tree, shape: Shape) -> list[Any]:
    if shape.key is None:
        return items
    inner = Shape(None, shape.fields)
    left = []
    for item in items:
        step = _item_step(item, shape.key)
        if step not in gone:
            left.append(item)
        elif step in kept:
            left.append(remove(item, gone[step], kept[step], inner))
    return left
