"""meta/v1 ObjectMeta as a schema: what every object has without its kind's schema saying so."""

from __future__ import annotations

from typing import Any

_STRING: dict[str, Any] = {"type": "string"}
_TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
_STRINGS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}

#: Known at the root of an object and of an embedded resource, beside metadata.
ROOT_FIELDS = ("apiVersion", "kind")

OWNER_REFERENCE: dict[str, Any] = {
    "type": "object",
    "required": ["apiVersion", "kind", "name", "uid"],
    "properties": {
        "apiVersion": _STRING,
        "kind": _STRING,
        "name": _STRING,
        "uid": _STRING,
        "controller": {"type": "boolean"},
        "blockOwnerDeletion": {"type": "boolean"},
    },
}

OBJECT_META: dict[str, Any] = {
    "type": "object",
    "properties": {
        "annotations": _STRINGS,
        "creationTimestamp": _TIME,
        "deletionGracePeriodSeconds": {"type": "integer", "format": "int64"},
        "deletionTimestamp": _TIME,
        "finalizers": {"type": "array", "items": _STRING, "x-kubernetes-list-type": "set"},
        "generateName": _STRING,
        "generation": {"type": "integer", "format": "int64"},
        "labels": _STRINGS,
        "managedFields": {
            "type": "array",
            "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
        "name": _STRING,
        "namespace": _STRING,
        "ownerReferences": {"type": "array", "items": OWNER_REFERENCE},
        "resourceVersion": _STRING,
        "selfLink": _STRING,
        "uid": _STRING,
    },
}

#: ListMeta, for the documents that describe the API.
LIST_META: dict[str, Any] = {
    "type": "object",
    "properties": {
        "continue": _STRING,
        "remainingItemCount": {"type": "integer", "format": "int64"},
        "resourceVersion": _STRING,
        "selfLink": _STRING,
    },
}
