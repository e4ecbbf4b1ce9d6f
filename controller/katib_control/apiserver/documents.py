"""GET of what is no resource: health, version, discovery, OpenAPI."""

from __future__ import annotations

from katib_control.apiserver import discovery, openapi
from katib_control.apiserver.core import Core
from katib_control.apiserver.problems import no_such_resource
from katib_control.kube.http import Request, Response

_HEALTH = ("/healthz", "/livez", "/readyz")


def document(core: Core, request: Request) -> Response:
    """Return the document at the request's path; raise NotFound."""
    if request.method == "GET" and request.path.rstrip("/") in _HEALTH:
        return Response(200, b"ok", {"content-type": "text/plain; charset=utf-8"})
    types = core.registry.all()
    found = discovery.answer(request, types) or openapi.answer(request, types)
    if found is None:
        raise no_such_resource()
    return found
