"""What the server serves, as discovery documents: /api, /apis, group versions, /version. Pure."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping
from typing import Any

from katib_control.apiserver.types import ServedType
from katib_control.apiserver.versions import rank
from katib_control.kube.http import Request, Response

_JSON = {"content-type": "application/json"}
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
#: Kinds that can only be created: the answer is what matters, nothing is stored.
REVIEWS = (
    ("", "v1", "bindings", "Binding"),
    ("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview"),
    ("authentication.k8s.io", "v1", "tokenreviews", "TokenReview"),
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    ("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview"),
)
#: The release of Kubernetes whose API this speaks.
VERSION = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.0+katib",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": f"{platform.system().lower()}/{platform.machine().lower()}",
}


def answer(request: Request, types: Iterable[ServedType]) -> Response | None:
    """Return the document at the request's path (a trailing slash changes nothing); None when it is none of these."""
    parts = request.path.strip("/").split("/")
    if request.method != "GET" or parts[0] not in ("api", "apis", "version") or len(parts) > 3:
        return None
    if parts == ["version"]:
        return _respond(VERSION)
    served = tuple(types)
    if parts in (["api"], ["apis"]):
        return _root(request, served, core=parts == ["api"])
    if parts[0] == "api":
        return _resources("", parts[1], served) if len(parts) == 2 else None
    if len(parts) == 2:
        groups = [group for group in _groups(served) if group["name"] == parts[1]]
        return _respond({"kind": "APIGroup", "apiVersion": "v1"} | groups[0]) if groups else None
    return _resources(parts[1], parts[2], served)


def _respond(document: Mapping[str, Any], content_type: str = "") -> Response:
    body = json.dumps(document, separators=(",", ":")).encode()
    return Response(200, body, {"content-type": content_type} if content_type else _JSON)


def _root(request: Request, types: tuple[ServedType, ...], *, core: bool) -> Response:
    for version in _aggregated_versions(request.headers.get("accept", "")):
        document = _aggregated(types, core=core, version=version)
        return _respond(document, _AGGREGATED.format(version=version))
    if core:
        addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}]
        return _respond({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses})
    return _respond({"kind": "APIGroupList", "apiVersion": "v1", "groups": _groups(types)})


def _aggregated_versions(accept: str) -> list[str]:
    """Return the versions of the aggregated form that are asked for, most wanted first."""
    found = []
    for choice in accept.split(","):
        parameters = dict(part.strip().partition("=")[::2] for part in choice.split(";")[1:])
        is_json = choice.split(";")[0].strip() == "application/json"
        if is_json and parameters.get("as") == "APIGroupDiscoveryList" and parameters.get("v") in ("v2", "v2beta1"):
            found.append(parameters["v"])
    return found


def group_versions(types: Iterable[ServedType]) -> dict[str, list[str]]:
    """Return the versions of each group ("" is the core group), the preferred first."""
    versions: dict[str, set[str]] = {}
    for served in types:
        versions.setdefault(served.resource.group, set()).add(served.resource.version)
    for group, version, _, _ in REVIEWS:
        versions.setdefault(group, set()).add(version)
    return {group: sorted(found, key=rank) for group, found in sorted(versions.items())}


def _groups(types: tuple[ServedType, ...]) -> list[dict[str, Any]]:
    groups = []
    for group, versions in group_versions(types).items():
        if group:
            found = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
            groups.append({"name": group, "versions": found, "preferredVersion": found[0]})
    return groups


def _resources(group: str, version: str, types: tuple[ServedType, ...]) -> Response | None:
    if version not in group_versions(types).get(group, ()):
        return None
    entries: list[dict[str, Any]] = []
    for served in types:
        if (served.resource.group, served.resource.version) == (group, version):
            entries += _entries(served)
    for review_group, review_version, plural, kind in REVIEWS:
        if (review_group, review_version) == (group, version):
            named = {"name": plural, "singularName": kind.lower(), "namespaced": not group, "kind": kind}
            entries.append(named | {"verbs": ["create"]})
    name = f"{group}/{version}" if group else version
    return _respond({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": entries})


_CHANGED = ("get", "patch", "update")
#: Subresource -> the kind that is sent, where it is not that of the object (group, version, kind), and the verbs.
_SUBRESOURCES: Mapping[str, tuple[tuple[str, str, str] | None, tuple[str, ...]]] = {
    "binding": (("", "v1", "Binding"), ("create",)),
    "eviction": (("policy", "v1", "Eviction"), ("create",)),
    "log": (None, ("get",)),
    "scale": (("autoscaling", "v1", "Scale"), _CHANGED),
    "status": (None, _CHANGED),
}


def _subresources(served: ServedType) -> dict[str, tuple[tuple[str, str, str], list[str]]]:
    """Return the kind and the verbs of each subresource."""
    resource = served.resource
    names = [*served.subresources, *(["scale"] if served.scale else []), *(["status"] if served.has_status else [])]
    own = (resource.group, resource.version, resource.kind)
    return {name: (_SUBRESOURCES[name][0] or own, list(_SUBRESOURCES[name][1])) for name in names}


def _entries(served: ServedType) -> list[dict[str, Any]]:
    resource = served.resource
    entry: dict[str, Any] = {
        "name": resource.plural,
        "singularName": served.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(served.verbs),
    }
    if served.short_names:
        entry["shortNames"] = list(served.short_names)
    if served.categories:
        entry["categories"] = list(served.categories)
    common = {"singularName": "", "namespaced": resource.namespaced}
    below = []
    for name, ((group, version, kind), verbs) in _subresources(served).items():
        foreign = {"group": group, "version": version} if (group, version) != (resource.group, resource.version) else {}
        below.append({"name": f"{resource.plural}/{name}"} | common | foreign | {"kind": kind, "verbs": verbs})
    return [entry, *below]


def _aggregated(types: tuple[ServedType, ...], *, core: bool, version: str) -> dict[str, Any]:
    items = []
    for group, versions in group_versions(types).items():
        if (group == "") == core:
            found = [_aggregated_version(group, name, types) for name in versions]
            items.append({"metadata": {"name": group, "creationTimestamp": None}, "versions": found})
    api_version = f"apidiscovery.k8s.io/{version}"
    return {"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": items}


def _aggregated_version(group: str, version: str, types: tuple[ServedType, ...]) -> dict[str, Any]:
    found = [
        _aggregated_resource(served)
        for served in types
        if (served.resource.group, served.resource.version) == (group, version)
    ]
    found += [
        {
            "resource": plural,
            "responseKind": {"group": "", "version": "", "kind": kind},
            "scope": "Cluster" if group else "Namespaced",
            "singularResource": kind.lower(),
            "verbs": ["create"],
        }
        for review_group, review_version, plural, kind in REVIEWS
        if (review_group, review_version) == (group, version)
    ]
    return {"version": version, "resources": found, "freshness": "Current"}


def _group_kind(group: str, version: str, kind: str) -> dict[str, str]:
    return {"group": group, "version": version, "kind": kind}


def _aggregated_resource(served: ServedType) -> dict[str, Any]:
    resource = served.resource
    entry: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": _group_kind(resource.group, resource.version, resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": served.singular,
        "verbs": list(served.verbs),
    }
    if served.short_names:
        entry["shortNames"] = list(served.short_names)
    if served.categories:
        entry["categories"] = list(served.categories)
    subresources = _subresources(served)
    if subresources:
        entry["subresources"] = [
            {"subresource": name, "responseKind": _group_kind(*kind), "verbs": verbs}
            for name, (kind, verbs) in subresources.items()
        ]
    return entry
