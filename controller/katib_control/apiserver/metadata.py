"""ObjectMeta: what the server fills in on create, what an update may not change, and which values are allowed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from katib_control.api.errors import FieldError
from katib_control.api.times import to_wire
from katib_control.apiserver.findings import shown
from katib_control.apiserver.object_names import name_problems
from katib_control.apiserver.problems import immutable
from katib_control.apiserver.types import ServedType
from katib_control.kube.errors import BadRequest
from katib_control.kube.labels import key_problems, value_problems

Object = dict[str, Any]
_MAX_ANNOTATIONS = 256 * 1024
_SERVERS = ("uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
            "generation", "selfLink", "managedFields")  # fmt: skip
_LASTING = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
            "resourceVersion", "name", "namespace")  # fmt: skip
# Kinds with a status whose metadata.generation a real server leaves out.
_UNCOUNTED = frozenset({"namespaces", "nodes", "persistentvolumeclaims", "persistentvolumes", "services"})
_COUNTED = frozenset({"customresourcedefinitions", "cronjobs", "ingresses", "networkpolicies"})


def counts_generations(served: ServedType) -> bool:
    """Whether objects of this kind carry metadata.generation."""
    plural = served.resource.plural
    return served.custom or plural in _COUNTED or (served.has_status and plural not in _UNCOUNTED)


def new_metadata(served: ServedType, given: Mapping[str, Any], namespace: str, uid: str, now: datetime) -> Object:
    """Return the metadata of an object that is about to be created; raise BadRequest."""
    if given.get("resourceVersion"):
        raise BadRequest("resourceVersion should not be set on objects to be created")
    metadata = {key: value for key, value in given.items() if key not in _SERVERS and value is not None}
    if namespace:
        metadata["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
    metadata["uid"] = uid
    metadata["creationTimestamp"] = to_wire(now)
    if counts_generations(served):
        metadata["generation"] = 1
    return metadata


def kept_metadata(old: Mapping[str, Any], new: Mapping[str, Any]) -> Object:
    """Return the metadata of an update: what the server owns is as it was."""
    metadata = {key: value for key, value in new.items() if key not in _LASTING and value is not None}
    metadata.pop("selfLink", None)
    if "managedFields" in old and "managedFields" not in new:
        metadata["managedFields"] = old["managedFields"]
    for key in _LASTING:
        if key in old:
            metadata[key] = old[key]
    return metadata


def identity_errors(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[FieldError]:
    """Return which parts of an object's identity an update tries to change."""
    return [
        immutable(f"metadata.{key}", shown(new[key]))
        for key in ("name", "namespace", "uid")
        if new.get(key) and new[key] != old.get(key)
    ]


def create_errors(plural: str, metadata: Mapping[str, Any]) -> list[FieldError]:
    """Return what is wrong with the metadata of a new object."""
    name = metadata.get("name")
    if not name:
        rule = "Required value: name or generateName is required"
        return [FieldError("metadata.name", rule, reason="FieldValueRequired"), *value_errors(metadata, {})]
    if not isinstance(name, str):
        raise BadRequest(f"metadata.name is not a string but {shown(name)}")
    found = [
        FieldError("metadata.name", f"Invalid value: {shown(name)}: {text}") for text in name_problems(plural, name)
    ]
    return found + value_errors(metadata, {})


def update_errors(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[FieldError]:
    """Return what is wrong with the metadata of an updated object."""
    found = value_errors(new, old)
    if old.get("deletionTimestamp"):
        added = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if added:
            names = ", ".join(f'"{name}"' for name in added)
            rule = (
                "Forbidden: no new finalizers can be added if the object is being deleted, "
                f"found new finalizers []string{{{names}}}"
            )
            found.append(FieldError("metadata.finalizers", rule, reason="FieldValueForbidden"))
    return found


def value_errors(metadata: Mapping[str, Any], old: Mapping[str, Any]) -> list[FieldError]:
    """Check labels, annotations, finalizers and owners; what is as it was before is not looked at again."""
    found: list[FieldError] = []
    for field, check in (
        ("labels", _label_errors),
        ("annotations", _annotation_errors),
        ("finalizers", _finalizer_errors),
        ("ownerReferences", _owner_errors),
    ):
        value = metadata.get(field)
        if value and value != old.get(field):
            found += check(value)
    return found


def _label_errors(labels: Any) -> list[FieldError]:
    if not isinstance(labels, dict):
        return []  # the schema says so
    found = []
    for key, value in labels.items():
        found += [FieldError("metadata.labels", f"Invalid value: {shown(key)}: {text}") for text in key_problems(key)]
        if isinstance(value, str):
            found += [
                FieldError("metadata.labels", f"Invalid value: {shown(value)}: {text}")
                for text in value_problems(value)
            ]
    return found


def _annotation_errors(annotations: Any) -> list[FieldError]:
    if not isinstance(annotations, dict):
        return []
    field = "metadata.annotations"
    found = []
    size = 0
    for key, value in annotations.items():
        found += [FieldError(field, f"Invalid value: {shown(key)}: {text}") for text in key_problems(key.lower())]
        size += len(key.encode()) + len(str(value).encode(errors="replace"))
    if size > _MAX_ANNOTATIONS:
        found.append(FieldError(field, f"Too long: may not be more than {_MAX_ANNOTATIONS} bytes"))
    return found


def _finalizer_errors(finalizers: Any) -> list[FieldError]:
    names = [name for name in finalizers if isinstance(name, str)] if isinstance(finalizers, list) else []
    found = [
        FieldError("metadata.finalizers", f"Invalid value: {shown(name)}: {text}")
        for name in names
        for text in key_problems(name)
    ]
    if {"foregroundDeletion", "orphan"} <= set(names):
        rule = 'finalizer "orphan" and "foregroundDeletion" cannot be both set'
        found.append(FieldError("metadata.finalizers", f"Invalid value: {shown(names)}: {rule}"))
    return found


def _owner_errors(owners: Any) -> list[FieldError]:
    if not isinstance(owners, list) or not all(isinstance(owner, dict) for owner in owners):
        return []
    found = [
        FieldError(f"metadata.ownerReferences.{field}", f'Invalid value: "": {field} must not be empty')
        for owner in owners
        for field in ("apiVersion", "kind", "name", "uid")
        if owner.get(field) == ""
    ]
    controllers = [str(owner.get("name")) for owner in owners if owner.get("controller")]
    if len(controllers) > 1:
        rule = (
            'Only one reference can have Controller set to true. Found "true" in references for '
            f"{controllers[0]} and {controllers[1]}"
        )
        found.append(FieldError("metadata.ownerReferences", f"Invalid value: {shown(owners)}: {rule}"))
    return found
