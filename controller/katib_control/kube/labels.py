"""Which label keys and values Kubernetes takes (apimachinery ``IsQualifiedName``, ``IsValidLabelValue``)."""

from __future__ import annotations

import re
from functools import lru_cache

_NAME = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = rf"({_NAME})?"
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_CHARACTERS = (
    "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)


@lru_cache(maxsize=4096)
def key_problems(key: str) -> tuple[str, ...]:
    """Return every rule that a label (or annotation) key breaks, in Kubernetes' words."""
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        return (
            f"a qualified name must {_CHARACTERS} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
            f"validation is '{_NAME}') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
        )
    found = []
    if slash:
        found += [f"prefix part {problem}" for problem in _subdomain_problems(prefix)]
    if not name:
        found.append("name part must be non-empty")
    elif len(name) > 63:
        found.append("name part must be no more than 63 characters")
    if not re.fullmatch(_NAME, name):
        found.append(
            f"name part must {_CHARACTERS} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
            f"validation is '{_NAME}')"
        )
    return tuple(found)


@lru_cache(maxsize=4096)
def value_problems(value: str) -> tuple[str, ...]:
    """Return every rule that a label value breaks, in Kubernetes' words."""
    found = []
    if len(value) > 63:
        found.append("must be no more than 63 characters")
    if not re.fullmatch(_VALUE, value):
        found.append(
            f"a valid label must be an empty string or {_CHARACTERS} (e.g. 'MyValue',  or 'my_value',  or '12345', "
            f"regex used for validation is '{_VALUE}')"
        )
    return tuple(found)


def _subdomain_problems(prefix: str) -> list[str]:
    if not prefix:
        return ["must be non-empty"]
    found = []
    if len(prefix) > 253:
        found.append("must be no more than 253 characters")
    if not re.fullmatch(_SUBDOMAIN, prefix):
        found.append(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            f"start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
            f"'{_SUBDOMAIN}')"
        )
    return found
