"""Bodies in Kubernetes' protobuf, as kubectl's typed commands send them (``create configmap``, ``auth can-i``).

Small kinds only: their field numbers are listed here. Anything else is refused, whole and with the remedy, never read in
part. Answers are always JSON.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from katib_control.api.times import to_wire
from katib_control.kube.errors import BadRequest, UnsupportedMediaType

_MAGIC = b"k8s\x00"
_REMEDY = "send JSON or YAML instead (kubectl create -f FILE)"

# Message -> field number -> "name type". A type is a scalar, "map" (of strings), "map-bytes", or a message; "[]" repeats;
# "*" marks what may be absent, so that its zero counts (everything else is sent as zero when it is not set).
_MESSAGES: Mapping[str, Mapping[int, str]] = {
    "Unknown": {1: "typeMeta TypeMeta", 2: "raw raw", 3: "contentEncoding string", 4: "contentType string"},
    "TypeMeta": {1: "apiVersion string", 2: "kind string"},
    "ObjectMeta": {
        1: "name string", 2: "generateName string", 3: "namespace string", 4: "selfLink string", 5: "uid string",
        6: "resourceVersion string", 7: "generation int", 8: "creationTimestamp time", 9: "deletionTimestamp time",
        10: "deletionGracePeriodSeconds int*", 11: "labels map", 12: "annotations map",
        13: "ownerReferences []OwnerReference", 14: "finalizers []string",
    },
    "OwnerReference": {
        1: "kind string", 3: "name string", 4: "uid string", 5: "apiVersion string", 6: "controller bool*",
        7: "blockOwnerDeletion bool*",
    },
    "ConfigMap": {1: "metadata ObjectMeta", 2: "data map", 3: "binaryData map-bytes", 4: "immutable bool*"},
    "Secret": {
        1: "metadata ObjectMeta", 2: "data map-bytes", 3: "type string", 4: "stringData map", 5: "immutable bool*",
    },
    "Namespace": {1: "metadata ObjectMeta", 2: "spec NamespaceSpec", 3: "status NamespaceStatus"},
    "NamespaceSpec": {1: "finalizers []string"},
    "NamespaceStatus": {1: "phase string"},
    "ServiceAccount": {
        1: "metadata ObjectMeta", 3: "imagePullSecrets []LocalObjectReference", 4: "automountServiceAccountToken bool*",
    },
    "LocalObjectReference": {1: "name string"},
    "SelfSubjectAccessReview": {1: "metadata ObjectMeta", 2: "spec AccessReviewSpec", 3: "status AccessReviewStatus"},
    "AccessReviewSpec": {
        1: "resourceAttributes ResourceAttributes*", 2: "nonResourceAttributes NonResourceAttributes*",
    },
    "AccessReviewStatus": {1: "allowed bool", 2: "reason string", 3: "evaluationError string", 4: "denied bool"},
    "ResourceAttributes": {
        1: "namespace string", 2: "verb string", 3: "group string", 4: "version string", 5: "resource string",
        6: "subresource string", 7: "name string",
    },
    "NonResourceAttributes": {1: "path string", 2: "verb string"},
    "SelfSubjectRulesReview": {1: "metadata ObjectMeta", 2: "spec RulesReviewSpec", 3: "status RulesReviewStatus"},
    "RulesReviewSpec": {1: "namespace string"},
    "RulesReviewStatus": {3: "incomplete bool", 4: "evaluationError string"},
    "SelfSubjectReview": {1: "metadata ObjectMeta", 2: "status SelfSubjectReviewStatus"},
    "SelfSubjectReviewStatus": {1: "userInfo UserInfo"},
    "UserInfo": {1: "username string", 2: "uid string"},
    "DeleteOptions": {
        1: "gracePeriodSeconds int*", 2: "preconditions Preconditions*", 3: "orphanDependents bool*",
        4: "propagationPolicy string*", 5: "dryRun []string",
    },
    "Preconditions": {1: "uid string*", 2: "resourceVersion string*"},
}  # fmt: skip
_INNER = frozenset({"Unknown", "TypeMeta", "ObjectMeta"})


def read_protobuf(body: bytes) -> dict[str, Any]:
    """Return the object; raise BadRequest for what is no protobuf, UnsupportedMediaType for what is not listed."""
    if not body.startswith(_MAGIC):
        raise BadRequest("the body is not Kubernetes protobuf: it does not begin with its four magic bytes")
    try:
        envelope = _message("Unknown", memoryview(body)[len(_MAGIC) :])
        about = envelope.get("typeMeta", {})
        kind = about.get("kind", "")
        if kind not in _MESSAGES or kind in _INNER or envelope.get("contentEncoding"):
            raise UnsupportedMediaType(f"{kind or 'this'} is not understood in protobuf: {_REMEDY}")
        return about | _message(kind, envelope.get("raw", memoryview(b"")))
    except (IndexError, ValueError) as error:
        raise BadRequest(f"the body cannot be read as protobuf: {error}") from None


def _message(name: str, data: memoryview) -> dict[str, Any]:
    fields = _MESSAGES[name]
    found: dict[str, Any] = {}
    for number, value in _fields(data):
        if number not in fields:
            raise UnsupportedMediaType(f"field {number} of {name} is not understood in protobuf: {_REMEDY}")
        field, kind = fields[number].split()
        if kind.startswith("[]"):
            found.setdefault(field, []).append(_value(kind[2:], value))
        elif kind.startswith("map"):
            found.setdefault(field, {}).update(_entry(kind, value))
        elif (decoded := _value(kind.rstrip("*"), value)) or kind.endswith("*"):
            found[field] = decoded
    return found


def _value(kind: str, value: Any) -> Any:
    if kind in ("int", "bool"):
        if not isinstance(value, int):
            raise ValueError(f"a number was expected, not {len(value)} bytes")
        return bool(value) if kind == "bool" else value - (1 << 64) if value >> 63 else value
    if isinstance(value, int):
        raise ValueError("text or a message was expected, not a number")
    if kind == "raw":
        return value
    if kind == "string":
        return str(value, "utf-8")
    if kind == "time":
        seconds = dict(_fields(value)).get(1, 0)
        return to_wire(datetime.fromtimestamp(seconds, timezone.utc)) if seconds else None
    return _message(kind, value)


def _entry(kind: str, value: Any) -> dict[str, str]:
    if isinstance(value, int):
        raise ValueError("an entry of a map was expected, not a number")
    parts = dict(_fields(value))
    key, content = str(parts.get(1, b""), "utf-8"), parts.get(2, b"")
    return {key: base64.b64encode(content).decode() if kind == "map-bytes" else str(content, "utf-8")}


def _fields(data: memoryview) -> Iterator[tuple[int, Any]]:
    """Yield field numbers with their numbers or bytes."""
    at = 0
    while at < len(data):
        tag, at = _number(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = _number(data, at)
            yield tag >> 3, value
        elif wire == 2:
            size, at = _number(data, at)
            if at + size > len(data):
                raise ValueError("it is cut off")
            yield tag >> 3, data[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {wire} is not used here")


def _number(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")
