"""What the server knows about one served kind. Data only: no store, no handlers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from katib_control.api.errors import FieldError
from katib_control.kube.resources import Resource

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


class Schema(Protocol):
    """A structural schema, compiled. Arguments are never changed; what is equal may be shared with the result."""

    def prune(self, obj: dict[str, Any], known: Collection[int] = ()) -> tuple[dict[str, Any], list[str]]:
        """Return the object without the fields the schema does not know, and their paths (``spec.foo[0].bar``).

        ``known``: ids of maps and lists in it that this schema has accepted before, and that need no second look.
        """

    def default(self, obj: dict[str, Any]) -> dict[str, Any]:
        """Return the object with the schema's defaults where a field is absent (or null and not nullable)."""

    def validate(self, obj: dict[str, Any], known: Collection[int] = ()) -> list[FieldError]:
        """Return every rule that the object breaks, in Kubernetes' words.

        ``FieldError.rule`` is the whole message of a cause (``Invalid value: "x": ...``, ``Required value``) and
        ``value`` is None, so ``str(error)`` is ``spec.foo: Required value`` as a real server writes it.
        """


@dataclass(frozen=True)
class Column:
    """One printer column; ``priority`` 0 is always shown, more only by ``-o wide``.

    ``type`` is string, integer, number, boolean or date; ``json_path`` (``.spec.foo``) is empty for the computed
    columns of built-in kinds.
    """

    name: str
    type: str
    json_path: str
    description: str = ""
    priority: int = 0
    format: str = ""


@dataclass(frozen=True)
class ScalePaths:
    """Where an object keeps what its ``scale`` subresource shows, as dotted paths (``spec.replicas``).

    ``selector`` leads to a label selector, or to its text; empty: it has none.
    """

    wanted: str
    observed: str
    selector: str = ""


@dataclass(frozen=True)
class Alias:
    """A second view of a kind: its objects are kept as those of ``resource`` (``plural.group``).

    ``fields`` renames what field selectors name here to what they name there.
    """

    resource: str
    shown: Callable[[dict[str, Any]], dict[str, Any]]
    stored: Callable[[dict[str, Any]], dict[str, Any]]
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class ServedType:
    """One kind in one version, as it is served."""

    resource: Resource
    singular: str
    list_kind: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    schema: Schema | None = None
    openapi: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    has_status: bool = False
    custom: bool = False  # from a CRD: strategic merge patches are refused
    verbs: tuple[str, ...] = VERBS
    subresources: tuple[str, ...] = ()  # beside status and scale: those of pods
    scale: ScalePaths | None = None
    alias: Alias | None = None
    storage_version: str = ""  # the version that objects are stored in; empty: this one
    #: Called on create when defaults and metadata (uid) are filled in, before validation: a Job's selector.
    on_create: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    #: What may not change: called with (old, new) on update and patch, after ``schema.validate``.
    on_update: Callable[[dict[str, Any], dict[str, Any]], list[FieldError]] | None = None
