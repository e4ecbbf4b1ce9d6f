"""Request bodies: size, content type, how it is read, and whether what came is an object."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import yaml

from katib_control.apiserver.protobuf import read_protobuf
from katib_control.kube.errors import BadRequest, NotAcceptable, TooLarge, UnsupportedMediaType
from katib_control.kube.http import Request

JSON, YAML = "application/json", "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
_ACCEPTED = (JSON, YAML)
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def media_type(request: Request) -> str:
    """Return the content type without its parameters; none is JSON."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() or JSON


def check_accept(request: Request) -> None:
    """Refuse a client that understands nothing we speak."""
    accept = request.headers.get("accept", "")
    if not accept or "*" in accept or "json" in accept:
        return
    raise NotAcceptable(f"only the following media types are accepted: {JSON}")


def read_object(request: Request) -> dict[str, Any]:
    """Return the object in the body of a create, update or delete; raise BadRequest, UnsupportedMediaType."""
    kind = media_type(request)
    if kind == PROTOBUF:
        return as_object(read_protobuf(request.body))
    if kind not in _ACCEPTED:
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: " + ", ".join(_ACCEPTED)
        )
    return as_object(read_json(request.body) if kind == JSON else read_yaml(request.body))


def as_object(found: Any) -> dict[str, Any]:
    """Return a JSON object that may have metadata; raise BadRequest for anything else."""
    if not isinstance(found, dict):
        raise BadRequest(f"the body is not an object but {_shown(found)}")
    if not isinstance(found.get("metadata") or {}, dict):
        raise BadRequest(f"metadata is not an object but {_shown(found['metadata'])}")
    return found


def read_json(body: bytes) -> Any:
    """Read JSON as RFC 8259 has it (no NaN); raise BadRequest."""
    try:
        return _decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body cannot be read as JSON: {error}") from None


def read_yaml(body: bytes) -> Any:
    """Read YAML that means JSON: dates stay text, keys are strings; raise BadRequest."""
    try:
        return _decode(json.dumps(yaml.load(body, _NoDates), allow_nan=False))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        line = " ".join(str(error).split())
        raise BadRequest(f"the body cannot be read as YAML: {line}") from None


class _NoDates(_Loader):  # type: ignore[misc]  # the C loader has no type
    """YAML's timestamps are text to Kubernetes."""


_NoDates.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def check_size(body: bytes, limit: int) -> None:
    """Refuse a body of more than ``limit`` bytes."""
    if len(body) > limit:
        raise TooLarge(f"Request entity too large: limit is {limit}")


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


def _shown(found: Any) -> str:
    text = json.dumps(found)
    return text if len(text) <= 60 else text[:57] + "..."
