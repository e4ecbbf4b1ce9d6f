"""Structural schemas, compiled to closures: prune, default, validate. One compiler for custom and built-in kinds.

Each of the three is compiled when it is first asked for, and definitions (``$ref``) when they are first met, so a
schema that nobody uses costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any, TypeVar

from katib_control.api.errors import FieldError
from katib_control.apiserver.defaulting import Default, compile_default
from katib_control.apiserver.findings import Finding, Notes
from katib_control.apiserver.pruning import Prune, compile_prune
from katib_control.apiserver.validating import Check, compile_check

F = TypeVar("F")
Definitions = Mapping[str, Mapping[str, Any]]


class Library:
    """Named definitions, each compiled once, when it is first met."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._prunes: dict[str, Prune | None] = {}
        self._defaults: dict[str, Default | None] = {}
        self._checks: dict[str, Check | None] = {}

    def prune(self, name: str) -> Prune | None:
        """Return the pruning function of a definition."""
        return self._once(self._prunes, name, lambda raw: compile_prune(raw, self.prune))

    def default(self, name: str) -> Default | None:
        """Return the defaulting function of a definition."""
        return self._once(self._defaults, name, lambda raw: compile_default(raw, self.default))

    def check(self, name: str) -> Check | None:
        """Return the checking function of a definition."""
        return self._once(self._checks, name, lambda raw: compile_check(raw, self.check))

    def _once(
        self, done: dict[str, F | None], name: str, compiled: Callable[[Mapping[str, Any]], F | None]
    ) -> F | None:
        if name not in done:
            done[name] = compiled(self._definitions[name])
        return done[name]


class CompiledSchema:
    """The Schema of one kind. ``definitions`` is asked for when the first object comes along."""

    def __init__(self, raw: Callable[[], Mapping[str, Any]], library: Callable[[], Library]) -> None:
        self._raw = raw
        self._library = library

    @cached_property
    def _prune(self) -> Prune | None:
        return compile_prune(self._raw(), self._library().prune, root=True)

    @cached_property
    def _default(self) -> Default | None:
        return compile_default(self._raw(), self._library().default)

    @cached_property
    def _check(self) -> Check | None:
        return compile_check(self._raw(), self._library().check, root=True)

    def prune(self, obj: dict[str, Any], known: Collection[int] = ()) -> tuple[dict[str, Any], list[str]]:
        """Return the object without the fields the schema does not know, and their paths (``spec.foo[0].bar``).

        ``known``: ids of maps and lists in it that this schema has left as they are.
        """
        unknown: Notes[str] = Notes()
        unknown.known = known
        pruned = obj if self._prune is None else self._prune(obj, unknown)
        return pruned, unknown

    def default(self, obj: dict[str, Any]) -> dict[str, Any]:
        """Return the object with the schema's defaults where a field is absent."""
        if self._default is None:
            return obj
        filled: dict[str, Any] = self._default(obj)
        return filled

    def validate(self, obj: dict[str, Any], known: Collection[int] = ()) -> list[FieldError]:
        """Return every rule that the object breaks; ``rule`` is the whole text, ``value`` None.

        ``known``: ids of maps and lists in it that this schema has found nothing in.
        """
        if self._check is None:
            return []
        found: Notes[Finding] = Notes()
        found.known = known
        self._check(obj, found)
        return [finding.error() for finding in found]


def compile_schema(raw: Mapping[str, Any]) -> CompiledSchema:
    """Return the compiled form of an ``openAPIV3Schema``."""
    library = Library({})
    return CompiledSchema(lambda: raw, lambda: library)
