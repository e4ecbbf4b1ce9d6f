"""CustomResourceDefinitions of Experiment, Suggestion and Trial, made from the types.

Schemas are structural (no references, no ``additionalProperties`` beside ``properties``), so an API server prunes
fields that nobody knows and refuses wrong types. Defaults are left to admission: they depend on each other.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from typing import Any

from katib_control.api.descriptions import FIELDS
from katib_control.api.experiment import Experiment
from katib_control.api.model import GROUP, VERSION, Model
from katib_control.api.suggestion import Suggestion
from katib_control.api.trial import Trial

CATEGORIES = ("all", "kubeflow", "katib")

_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_FORMATS = {"integer": "int32", "number": "double"}
_KEPT = ("enum", "minimum", "maximum", "pattern", "minLength", "maxLength", "minItems", "maxItems", "required")


def crds() -> list[dict[str, Any]]:
    """Return the three CustomResourceDefinitions (``apiextensions.k8s.io/v1``)."""
    return [
        _crd(Experiment, "experiments", ()),
        _crd(
            Suggestion,
            "suggestions",
            (
                _column("Requested", "string", ".spec.requests", "How many points are wanted in all."),
                _column("Assigned", "string", ".status.suggestionCount", "How many points were found."),
            ),
        ),
        _crd(Trial, "trials", ()),
    ]


def _crd(model: type[Model], plural: str, columns: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    kind = model.__name__
    names = {
        "plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List",
        "categories": list(CATEGORIES),
    }  # fmt: skip
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            _column("Type", "string", ".status.conditions[-1:].type", "The state: type of the latest condition."),
            _column("Status", "string", ".status.conditions[-1:].status", "Status of the latest condition."),
            *columns,
            _column("Age", "date", ".metadata.creationTimestamp", "When it was created."),
        ],
        "schema": {"openAPIV3Schema": schema(model)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def _column(name: str, kind: str, path: str, description: str) -> dict[str, Any]:
    return {"name": name, "type": kind, "jsonPath": path, "description": description}


def schema(model: type[Model]) -> dict[str, Any]:
    """Return the structural schema of an object with metadata, spec and status."""
    raw = model.model_json_schema(by_alias=True)
    whole = _structural(raw, raw.get("$defs", {}))
    texts = {"apiVersion": f"{GROUP}/{VERSION}.", "kind": f"{model.__name__}."}
    for name, text in texts.items():
        whole["properties"][name] = {"type": "string", "description": text}
    whole["properties"]["metadata"] = {"type": "object"}
    return whole


def _structural(raw: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    node = _resolved(raw, known)
    text = {"description": inspect.cleandoc(node["description"]).replace("``", "'")} if "description" in node else {}
    if node.get(_PRESERVE):
        return {_PRESERVE: True, **text}
    kind = node["type"]
    kept = copy.deepcopy({name: node[name] for name in _KEPT if name in node})
    out = {"type": kind, **text, **({"format": _FORMATS[kind]} if kind in _FORMATS else {}), **kept}
    if kind == "array":
        out["items"] = _structural(node["items"], known)
    elif kind == "object":
        out |= _members(node, known)
    return out


def _members(node: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    if "properties" in node:
        texts = FIELDS.get(node["title"], {})
        return {
            "properties": {
                name: _structural(value, known) | ({"description": texts[name]} if name in texts else {})
                for name, value in node["properties"].items()
            }
        }
    values = node.get("additionalProperties")
    return {"additionalProperties": _structural(values, known)} if isinstance(values, dict) else {_PRESERVE: True}


def _resolved(raw: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the node with its reference inlined and ``or null`` dropped; what stands beside them wins."""
    node = dict(raw)
    while "$ref" in node or "anyOf" in node:
        if "$ref" in node:
            inner = known[node.pop("$ref").rsplit("/", 1)[1]]
        else:
            (inner,) = (option for option in node.pop("anyOf") if option.get("type") != "null")
        node = {**inner, **node}
    return node
