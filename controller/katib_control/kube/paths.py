"""A request path taken apart: the reverse of ``Resource.path``."""

from __future__ import annotations

from typing import NamedTuple

# What /api/v1/namespaces/NAME/... may be followed by and still speak of the Namespace itself.
_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})


class ObjectPath(NamedTuple):
    """What a path names: a collection (no name), an object, or a subresource of one; group "" is the core group."""

    group: str
    version: str
    plural: str
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None

    @property
    def api_version(self) -> str:
        """``group/version``, or the version alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


def parse(path: str) -> ObjectPath | None:
    """Return what the percent-decoded path names, or None when it is no resource's path (discovery, ``/version``).

    A trailing slash changes nothing. A subresource may have several parts (``proxy/a/b``); they stay joined.
    """
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        group, version, rest = "", *_version_and_rest(parts[1:])
    elif parts[0] == "apis" and len(parts) > 1:
        group, version, rest = parts[1], *_version_and_rest(parts[2:])
    else:
        return None
    if not rest or "" in parts:
        return None
    namespace = None
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
        namespace, rest = rest[1], rest[2:]
    name = rest[1] if len(rest) > 1 else None
    subresource = "/".join(rest[2:]) or None
    return ObjectPath(group, version, rest[0], namespace, name, subresource)


def _version_and_rest(parts: list[str]) -> tuple[str, list[str]]:
    return (parts[0], parts[1:]) if parts else ("", [])
