"""Which kinds are served now: the built-in ones, and those that CustomResourceDefinitions add and take away."""

from __future__ import annotations

from collections.abc import Iterable

from katib_control.apiserver.problems import no_such_resource
from katib_control.apiserver.types import ServedType


class Registry:
    """Kinds by (group, version, plural). Reading needs no lock: the table is replaced, never changed."""

    def __init__(self, builtins: Iterable[ServedType]) -> None:
        self._types = {_place(served): served for served in builtins}

    def find(self, group: str, version: str, plural: str) -> ServedType:
        """Return a served kind; raise NotFound."""
        found = self._types.get((group, version, plural))
        if found is None:
            raise no_such_resource()
        return found

    def all(self) -> tuple[ServedType, ...]:
        """Return every served kind, in the order they were added."""
        return tuple(self._types.values())

    def replace_custom(self, group: str, plural: str, types: Iterable[ServedType]) -> None:
        """Serve these versions of a custom resource, and no others; none: serve it no longer."""
        kept = {
            place: served
            for place, served in self._types.items()
            if not (served.custom and (place[0], place[2]) == (group, plural))
        }
        self._types = kept | {_place(served): served for served in types}


def _place(served: ServedType) -> tuple[str, str, str]:
    return served.resource.group, served.resource.version, served.resource.plural
