"""Responses: objects and lists as JSON, as a Table, or as metadata alone; statuses; warnings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from katib_control.apiserver.calls import Call
from katib_control.apiserver.core import loads
from katib_control.apiserver.store import dumps
from katib_control.apiserver.table import Include, make_table
from katib_control.apiserver.types import ServedType
from katib_control.kube.errors import ApiError, BadRequest
from katib_control.kube.http import Request, Response

_JSON = {"content-type": "application/json"}


def json_response(status: int, text: str, warnings: Sequence[str] = ()) -> Response:
    """Return JSON text, with a Warning header for each warning."""
    if not warnings:
        return Response(status, text.encode(), _JSON)
    lines = ", ".join('299 - "' + _quoted(line) + '"' for line in warnings)
    return Response(status, text.encode(), _JSON | {"warning": lines})


def _quoted(text: str) -> str:
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(char if char.isprintable() and char.isascii() else "?" for char in plain)


def failure(error: ApiError) -> Response:
    """Return the Status that an error is."""
    headers = dict(_JSON)
    if retry := error.details.get("retryAfterSeconds"):
        headers["retry-after"] = str(retry)
    return Response(error.code, dumps(error.status).encode(), headers)


def success(details: dict[str, Any]) -> Response:
    """Return the Status of a deletion."""
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return json_response(200, dumps(status))


def asked_as(request: Request) -> str:
    """Return ``Table`` or ``PartialObjectMetadata`` when the client asks for it first, else ""."""
    accept = request.headers.get("accept", "")
    if "as=" not in accept:
        return ""
    for choice in accept.split(","):
        parameters = dict(part.strip().partition("=")[::2] for part in choice.split(";")[1:])
        wanted = parameters.get("as", "")
        if wanted in ("", "Table", "PartialObjectMetadata", "PartialObjectMetadataList"):
            return wanted.removesuffix("List")
    return ""


def list_text(kind: str, api_version: str, texts: Sequence[str], metadata: dict[str, Any]) -> str:
    """Splice objects' texts into a list."""
    head = f'{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{dumps(metadata)},"items":['
    return head + ",".join(texts) + "]}"


def is_converted(served: ServedType) -> bool:
    """Whether objects of this type may be stored as something else."""
    return bool(served.storage_version or served.alias)


def versioned(served: ServedType, text: str) -> str:
    """Return an object's text in the version that was asked for."""
    if served.alias:
        return dumps(served.alias.shown(loads(text)))
    if not served.storage_version or served.storage_version == served.resource.version:
        return text
    return dumps(loads(text) | {"apiVersion": served.resource.api_version})


def partial(text: str) -> str:
    """Return an object's metadata alone."""
    metadata = loads(text)["metadata"]
    return dumps({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})


def shown(call: Call, text: str) -> str:
    """Return an object's text as the request wants to see it."""
    if wanted := asked_as(call.request):
        return partial(text) if wanted == "PartialObjectMetadata" else _table(call, [text], {})
    return versioned(call.served, text)


def shown_list(call: Call, texts: Sequence[str], metadata: dict[str, Any]) -> str:
    """Return the text of a list as the request wants to see it."""
    served = call.served
    wanted = asked_as(call.request)
    if wanted == "Table":
        return _table(call, texts, metadata)
    if wanted:
        items = [partial(text) for text in texts]
        return list_text("PartialObjectMetadataList", "meta.k8s.io/v1", items, metadata)
    texts = [versioned(served, text) for text in texts] if is_converted(served) else texts
    return list_text(served.list_kind, served.resource.api_version, texts, metadata)


def _table(call: Call, texts: Sequence[str], metadata: dict[str, Any]) -> str:
    include = call.option("includeObject") or "Metadata"
    if include not in ("None", "Metadata", "Object"):
        raise BadRequest(f'includeObject: Invalid value: "{include}": must be None, Metadata or Object')
    # The columns of an alias are those of what is stored.
    objects = [loads(text if call.served.alias else versioned(call.served, text)) for text in texts]
    return dumps(
        make_table(call.served, objects, now=call.clock(), metadata=metadata, include=cast("Include", include))
    )
