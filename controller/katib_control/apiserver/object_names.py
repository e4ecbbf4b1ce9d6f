"""Names of objects: which are allowed (DNS-1123, in the server's words), and the making of generated ones."""

from __future__ import annotations

import re
import secrets

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # Kubernetes' own: no vowels, no look-alikes
_SUFFIX = 5
_MAX_GENERATED = 63 - _SUFFIX
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_is_label = re.compile(_LABEL).fullmatch
_is_subdomain = re.compile(_SUBDOMAIN).fullmatch
_LABEL_NAMED = frozenset({"namespaces", "services"})


def generated(prefix: str) -> str:
    """Return the prefix (cut so that the whole has 63 characters at most) with five random ones."""
    return prefix[:_MAX_GENERATED] + "".join(secrets.choice(_ALPHABET) for _ in range(_SUFFIX))


def name_problems(plural: str, name: str) -> list[str]:
    """Return every rule that the name of an object of this resource breaks."""
    if plural in _LABEL_NAMED:
        return _problems(name, 63, _is_label(name) is not None, _LABEL_RULE)
    return _problems(name, 253, _is_subdomain(name) is not None, _SUBDOMAIN_RULE)


def _problems(name: str, most: int, shaped: bool, rule: str) -> list[str]:
    found = [f"must be no more than {most} characters"] if len(name) > most else []
    return found if shaped else [*found, rule]
