"""The server's refusals, in Kubernetes' words: which error, its message, and its details."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from katib_control.api.errors import FieldError
from katib_control.apiserver.types import ServedType
from katib_control.kube.errors import AlreadyExists, BadRequest, Conflict, Forbidden, Invalid, NotFound

STALE = "the object has been modified; please apply your changes to the latest version and try again"


def qualified(served: ServedType) -> str:
    """Return ``jobs.batch``, ``pods``: how messages name a resource."""
    resource = served.resource
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


def details(served: ServedType, name: str, kind: str = "") -> dict[str, Any]:
    """Return the details of a Status about an object; ``kind`` is the plural unless given."""
    group = served.resource.group
    return {"name": name} | ({"group": group} if group else {}) | {"kind": kind or served.resource.plural}


def not_found(served: ServedType, name: str) -> NotFound:
    """There is no such object."""
    return NotFound(f'{qualified(served)} "{name}" not found', details=details(served, name))


def no_such_resource() -> NotFound:
    """There is no such kind, version or path."""
    return NotFound("the server could not find the requested resource")


def already_exists(served: ServedType, name: str) -> AlreadyExists:
    """The name is taken."""
    return AlreadyExists(f'{qualified(served)} "{name}" already exists', details=details(served, name))


def conflict(served: ServedType, name: str, why: str = STALE) -> Conflict:
    """Somebody else has written in between, or a precondition does not hold."""
    return Conflict(
        f'Operation cannot be fulfilled on {qualified(served)} "{name}": {why}', details=details(served, name)
    )


def forbidden(served: ServedType, name: str, why: str, causes: Sequence[dict[str, str]] = ()) -> Forbidden:
    """Known, but not allowed."""
    return Forbidden(f'{qualified(served)} "{name}" is forbidden: {why}', details=details(served, name), causes=causes)


def invalid(served: ServedType, name: str, errors: Sequence[FieldError]) -> Invalid:
    """The object breaks these rules."""
    resource = served.resource
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    return invalid_as(f'{kind} "{name}"', errors, details(served, name, resource.kind))


def invalid_as(what: str, errors: Sequence[FieldError], about: dict[str, Any]) -> Invalid:
    """Return the error for something that is named otherwise than by kind and name."""
    lines = [str(error) for error in errors]
    text = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    causes = [{"reason": error.reason, "message": error.rule, "field": error.field} for error in errors]
    return Invalid(f"{what} is invalid: {text}", details=about, causes=causes)


def immutable(field: str, shown: str, rule: str = "field is immutable") -> FieldError:
    """A field that may not change has changed."""
    return FieldError(field, f"Invalid value: {shown}: {rule}")


def unknown_fields(served: ServedType, paths: Sequence[str]) -> BadRequest:
    """Strict field validation has found fields that the schema does not know."""
    resource = served.resource
    return BadRequest(
        f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {strict_text(paths)}'
    )


def strict_text(paths: Sequence[str]) -> str:
    """Return ``strict decoding error: unknown field "spec.foo"``."""
    return "strict decoding error: " + ", ".join(f'unknown field "{path}"' for path in paths)
