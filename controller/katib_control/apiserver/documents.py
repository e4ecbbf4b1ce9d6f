"""GET of what is no resource: health, version, discovery, OpenAPI."""

from __future__ import annotations

import json
from collections.abc import Iterable

from katib_control.apiserver import discovery, openapi
from katib_control.apiserver.core import Core
from katib_control.apiserver.problems import no_such_resource
from katib_control.apiserver.types import ServedType
from katib_control.kube.http import Request, Response

_HEALTH = ("/healthz", "/livez", "/readyz")


def document(core: Core, request: Request) -> Response:
    """Return the document at the request's path; raise NotFound."""
    if request.method in ("GET", "HEAD") and request.path.rstrip("/") in _HEALTH:
        return Response(200, b"ok", {"content-type": "text/plain; charset=utf-8"})
    types = core.registry.all()
    if request.method == "GET" and not request.path.strip("/"):
        return Response(200, json.dumps({"paths": _paths(types)}, separators=(",", ":")).encode())
    found = discovery.answer(request, types) or openapi.answer(request, types)
    if found is None:
        raise no_such_resource()
    return found


def _paths(types: Iterable[ServedType]) -> list[str]:
    """Return what can be looked at from the root."""
    paths = {"/api", "/api/v1", "/apis", "/openapi/v3", "/version", *_HEALTH}
    for group, versions in discovery.group_versions(types).items():
        paths |= {f"/apis/{group}", *(f"/apis/{group}/{version}" for version in versions)} if group else set()
    return sorted(paths)
