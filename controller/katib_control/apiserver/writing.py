"""What creates and updates share: is it the right object, fields the schema knows, defaults, admission, validation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

from katib_control.api.errors import FieldError
from katib_control.apiserver.calls import Call
from katib_control.apiserver.core import Core
from katib_control.apiserver.problems import invalid, invalid_as, strict_text, unknown_fields
from katib_control.apiserver.types import ServedType
from katib_control.kube.errors import BadRequest, Invalid

Object = dict[str, Any]


def identify(call: Call, obj: Object) -> None:
    """Refuse another kind, version, namespace or name than the path's, and fill in the kind."""
    resource = call.served.resource
    version, kind = obj.get("apiVersion") or resource.api_version, obj.get("kind") or resource.kind
    if version != resource.api_version:
        raise BadRequest(
            f"the API version in the data ({version}) does not match the expected API version ({resource.api_version})"
        )
    if kind != resource.kind:
        raise BadRequest(f'{kind} in version "{resource.version}" cannot be handled as a {resource.kind}')
    metadata = obj.get("metadata") or {}
    if resource.namespaced and metadata.get("namespace") not in (None, "", call.namespace):
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
    if call.name and metadata.get("name") not in (None, "", call.name):
        raise BadRequest(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({call.name})"
        )
    obj["apiVersion"], obj["kind"], obj["metadata"] = version, kind, metadata


def conform(
    call: Call, obj: Object, known: Collection[int] = (), *, patched: bool = False
) -> tuple[Object, Sequence[str]]:
    """Return the object as its schema knows it, defaults filled in, and warnings about what was dropped.

    ``known``: ids of its parts that the schema has accepted before.
    """
    served = call.served
    if served.schema is None:
        return obj, ()
    pruned, unknown = served.schema.prune(obj, known)
    validation = call.field_validation
    warnings: Sequence[str] = ()
    if unknown and validation == "Strict":
        if patched:
            error = FieldError("patch", f"Invalid value: {call.name}: {strict_text(unknown)}")
            raise invalid_as(f'{served.resource.kind} "{call.name}"', [error], {"name": call.name})
        raise unknown_fields(served, unknown)
    if unknown and validation == "Warn":
        warnings = [f'unknown field "{path}"' for path in unknown]
    return served.schema.default(pruned), warnings


def admitted(
    core: Core,
    call: Call,
    operation: Literal["CREATE", "UPDATE"],
    objects: tuple[Object, Object | None],
    errors: Sequence[FieldError],
    known: Collection[int] = (),
) -> Object:
    """Return (object, old)'s object as admission wants it stored.

    Raises Invalid with these errors, those of the schema and those of admission together: whoever wrote the object sees
    all of them at once.
    """
    obj, served = objects[0], call.served
    found = [*errors, *_violations(served, obj, known)]
    try:
        changed = core.admitted(served, operation, objects, subresource=call.subresource, dry_run=call.dry_run)
    except Invalid as refusal:
        if not found:
            raise
        told = _told(refusal)
        fields = {error.field for error in told}
        # Where both complain, admission knows more: it names the value.
        found = [error for error in found if error.field not in fields] + told
        changed = None
    if changed is not None and changed is not obj and not found:
        found = _violations(served, changed)
    if found:
        raise invalid(served, str(obj["metadata"].get("name", "")), found)
    return obj if changed is None else changed


def _violations(served: ServedType, obj: Object, known: Collection[int] = ()) -> list[FieldError]:
    return served.schema.validate(obj, known) if served.schema else []


def _told(refusal: Invalid) -> list[FieldError]:
    return [
        FieldError(cause["field"], cause["message"], reason=cause["reason"])
        for cause in refusal.details.get("causes", ())
    ]
