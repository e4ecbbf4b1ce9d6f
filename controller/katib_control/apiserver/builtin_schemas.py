"""The schemas of the built-in kinds, read when one is first needed; scripts/builtin_schemas.py writes their file."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

from katib_control.api.errors import FieldError
from katib_control.apiserver.builtin_rules import FILLS, RULES
from katib_control.apiserver.findings import Finding
from katib_control.apiserver.object_meta import LIST_META, OBJECT_META, OWNER_REFERENCE
from katib_control.apiserver.schema import CompiledSchema, Library


def _read(name: str) -> Any:
    return json.loads(resources.files("katib_control.apiserver").joinpath(name).read_bytes())


@lru_cache(maxsize=1)
def definitions() -> Mapping[str, dict[str, Any]]:
    """Return every definition by name; a ``$ref`` holds the bare name of another. Not to be changed."""
    common = {"ObjectMeta": OBJECT_META, "OwnerReference": OWNER_REFERENCE, "ListMeta": LIST_META}
    read: dict[str, dict[str, Any]] = _read("builtin_schemas.json")
    return read | common


@lru_cache(maxsize=1)
def _library() -> Library:
    return Library(definitions())


class BuiltinSchema(CompiledSchema):
    """The schema of one built-in kind, with the rules and computed fields that no schema can hold."""

    def __init__(self, kind: str) -> None:
        super().__init__(lambda: definitions()[kind], _library)
        self._fill = FILLS.get(kind)
        self._rules = RULES.get(kind)

    def default(self, obj: dict[str, Any]) -> dict[str, Any]:
        """Return the object with defaults, then with what is computed."""
        filled = super().default(obj)
        return filled if self._fill is None else self._fill(filled)

    def validate(self, obj: dict[str, Any], known: Collection[int] = ()) -> list[FieldError]:
        """Return what the schema finds; when that is nothing of the wrong type, what the kind's rules find too."""
        errors = super().validate(obj, known)
        if self._rules is None or any(error.reason == "FieldValueTypeInvalid" for error in errors):
            return errors
        found: Iterable[Finding] = self._rules(obj)
        return errors + [finding.error() for finding in found]
