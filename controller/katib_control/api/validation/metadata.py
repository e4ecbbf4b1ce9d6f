"""The name of an Experiment: those of its children are made from it, so it is shorter than Kubernetes' own limit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from katib_control.api.errors import FieldError
from katib_control.api.model import ObjectMeta

MAX_NAME = 40
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def check_name(metadata: ObjectMeta) -> Iterator[FieldError]:
    """The name, or what ``generateName`` starts with."""
    name = metadata.name
    if not name and metadata.generate_name:
        if len(metadata.generate_name) > MAX_NAME - 5 or not _NAME.fullmatch(metadata.generate_name + "x"):
            yield FieldError("metadata.generateName", _rule(MAX_NAME - 5), metadata.generate_name)
        return
    if not name:
        yield FieldError("metadata.name", _rule(MAX_NAME), None, "FieldValueRequired")
    elif len(name) > MAX_NAME or not _NAME.fullmatch(name):
        yield FieldError("metadata.name", _rule(MAX_NAME), name)


def _rule(length: int) -> str:
    return (
        "must start with a small letter, go on with small letters, digits and '-', end with a letter or digit, "
        f"and have at most {length} characters"
    )
