"""Which fields a field selector may name, by resource, and the marks that are stored for selectors to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from katib_control.apiserver.changes import Marks
from katib_control.kube.errors import BadRequest
from katib_control.kube.selectors import FieldSelector, parse_fields, parse_labels

Matches = Callable[[Marks], bool]

_METADATA = ("metadata.name", "metadata.namespace")
_SELECTABLE: Mapping[str, tuple[str, ...]] = {
    "pods": (
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
        "status.phase", "status.podIP", "status.nominatedNodeName",
    ),
    "events": (
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath",
        "reason", "reportingComponent", "source", "type",
    ),
    "events.events.k8s.io": ("reason", "regarding.kind", "regarding.name", "regarding.namespace", "type"),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "secrets": ("type",),
    "jobs.batch": ("status.successful",),
    "persistentvolumeclaims": ("status.phase",),
}  # fmt: skip


def marks(resource: str, obj: Mapping[str, Any]) -> Marks:
    """Return what selectors can see of an object of ``plural.group``."""
    metadata = obj["metadata"]
    seen: Marks = {"metadata": {"name": metadata["name"]}}
    for field in ("namespace", "labels"):
        if value := metadata.get(field):
            seen["metadata"][field] = value
    for path in _SELECTABLE.get(resource, ()):
        *parents, last = path.split(".")
        value = obj
        for part in parents:
            value = value.get(part) or {}
        found = value.get(last)
        if path == "source" and isinstance(found, dict):
            found = found.get("component")
        if found is not None:
            _place(seen, parents, last, found)
    return seen


def _place(seen: Marks, parents: list[str], last: str, value: Any) -> None:
    for part in parents:
        seen = seen.setdefault(part, {})
    seen[last] = value


def matcher(resource: str, labels: str, fields: str, *, custom: bool = False) -> Matches | None:
    """Return the predicate of a label and a field selector over marks, None for neither; raise BadRequest."""
    by_label = parse_labels(labels) if labels else None
    by_field = parse_fields(fields) if fields else None
    if by_field:
        _check(resource, by_field, custom)
    if by_label and by_label.requirements and by_field and by_field.requirements:
        return lambda seen: by_label(seen) and by_field(seen)
    if by_label and by_label.requirements:
        return by_label
    return by_field if by_field and by_field.requirements else None


def _check(resource: str, selector: FieldSelector, custom: bool) -> None:
    known = _METADATA + _SELECTABLE.get(resource, ())
    for path in selector.paths:
        if path in known:
            continue
        if custom or resource in _SELECTABLE:
            raise BadRequest(f"field label not supported: {path}")
        raise BadRequest(f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"')


def only_name(fields: str) -> str | None:
    """Return the name that a field selector ties the list to, if it does."""
    for path, operator, value in parse_fields(fields).requirements if fields else ():
        if path == "metadata.name" and operator == "=":
            return value
    return None
