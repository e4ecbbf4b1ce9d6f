"""Base of all API types, and the metadata that every object has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from katib_control.api.errors import FieldError, InvalidObject

GROUP, VERSION = "kubeflow.org", "v1beta1"
API_VERSION = f"{GROUP}/{VERSION}"

M = TypeVar("M", bound="Model")


def one_of(values: tuple[str, ...]) -> Any:
    """Declare an enumeration for the CRD schema; the empty string means that nothing is said."""
    return Field(default="", json_schema_extra={"enum": [*values, ""]})


class Model(BaseModel):
    """An immutable API type: camelCase on the wire, unknown fields kept, only what was set is written back."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow", frozen=True)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: fields that were set and are not None, under their wire names."""
        return self.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)

    @classmethod
    def decode(cls: type[M], data: Any, what: str = "") -> M:
        """Read the JSON form, a null field as an absent one; raise InvalidObject with every field of a wrong type."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            errors = error.errors()
            if nulls := [item["loc"] for item in errors if item["input"] is None and item["loc"]]:
                return cls.decode(_without(data, nulls), what)
            raise InvalidObject(map(_field_error, errors), what) from error

    def but(self: M, **changes: Any) -> M:
        """Return a copy with these fields (Python names) replaced."""
        return self.model_copy(update=changes)


class OwnerReference(Model):
    """Who an object belongs to (meta/v1 OwnerReference)."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ObjectMeta(Model):
    """The part of meta/v1 ObjectMeta that the control plane reads; the rest is kept as it came."""

    name: str = ""
    generate_name: str | None = None
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    finalizers: list[str] = Field(default_factory=list)
    owner_references: list[OwnerReference] = Field(default_factory=list)


class Condition(Model):
    """One entry of ``status.conditions``; the last entry is what users read as the state."""

    type: str
    status: str = "True"
    reason: str = ""
    message: str = ""
    last_update_time: str | None = None
    last_transition_time: str | None = None


class NameValue(Model):
    """A name and a value, both strings: algorithm settings, parameter assignments."""

    name: str = ""
    value: str = ""


def _without(data: Any, places: Sequence[tuple[int | str, ...]]) -> Any:
    """Return the data without what stands at these places; only what changes is copied."""
    if () in places:
        return data
    copied: Any = dict(data) if isinstance(data, dict) else dict(enumerate(data))
    for name in {place[0] for place in places}:
        below = [place[1:] for place in places if place[0] == name]
        if () in below:
            del copied[name]
        else:
            copied[name] = _without(copied[name], below)
    return copied if isinstance(data, dict) else list(copied.values())


# Pydantic's kinds of error by their beginning, in the words of this API.
_RULES = {
    "string": "must be a string", "int": "must be a whole number", "float": "must be a number",
    "bool": "must be true or false", "list": "must be a list", "dict": "must be an object",
    "model": "must be an object", "missing": "must be given",
}  # fmt: skip


def _field_error(item: Any) -> FieldError:
    path = ""
    for part in item["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    rule = _RULES.get(item["type"].partition("_")[0], item["msg"])
    return FieldError(path.lstrip("."), rule, item.get("input"), "FieldValueTypeInvalid")
