"""The ``scale`` subresource: how many replicas are wanted and there, as an autoscaling/v1 Scale, whatever the kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from katib_control.api.errors import FieldError
from katib_control.apiserver import answers
from katib_control.apiserver.body import media_type, read_json, read_object
from katib_control.apiserver.calls import Call
from katib_control.apiserver.core import Core, loads
from katib_control.apiserver.patch import JSON_PATCH, MERGE, STRATEGIC
from katib_control.apiserver.problems import invalid_as, not_found
from katib_control.apiserver.store import dumps
from katib_control.apiserver.types import ScalePaths
from katib_control.apiserver.update import modify
from katib_control.kube.errors import BadRequest, UnsupportedMediaType
from katib_control.kube.http import Response
from katib_control.kube.patches import json_patch, merge_patch

Object = dict[str, Any]
_SHOWN = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
_OPERATORS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}


def get_scale(core: Core, call: Call) -> Response:
    """Return the Scale of one object."""
    stored = core.store.get(call.key)
    if stored is None:
        raise not_found(call.served, call.name)
    return answers.json_response(200, dumps(_scale(_paths(call), loads(stored.text))))


def replace_scale(core: Core, call: Call) -> Response:
    """PUT of a Scale: take over its ``spec.replicas``."""
    given = read_object(call.request)
    return _change(core, call, lambda _: given)


def patch_scale(core: Core, call: Call) -> Response:
    """Patch the Scale; what counts of the result is ``spec.replicas``."""
    kind = media_type(call.request)
    if kind not in (MERGE, STRATEGIC, JSON_PATCH):
        accepted = ", ".join((JSON_PATCH, MERGE, STRATEGIC))
        raise UnsupportedMediaType(
            f"the body of the request was in an unknown format - accepted media types include: {accepted}"
        )
    change = read_json(call.request.body)
    merge = json_patch if kind == JSON_PATCH else merge_patch  # a Scale has no lists: strategic is merge
    return _change(core, call, lambda scale: merge(scale, change))


def selector_text(selector: Any) -> str:
    """Return a LabelSelector as text (``app=web,tier in (a,b)``); a text stays as it is."""
    if not isinstance(selector, Mapping):
        return str(selector or "")
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for item in selector.get("matchExpressions") or ():
        values = ",".join(sorted(item.get("values") or ()))
        parts.append(_OPERATORS[item["operator"]].format(key=item["key"], values=values))
    return ",".join(parts)


def _change(core: Core, call: Call, edit: Callable[[Object], Object]) -> Response:
    paths = _paths(call)

    def edited(old: Object) -> Object:
        new = edit(_scale(paths, old))
        _check(call, new)
        metadata = new.get("metadata") or {}
        version = metadata.get("resourceVersion") or old["metadata"]["resourceVersion"]
        kept = old | {"metadata": old["metadata"] | {"resourceVersion": version}}
        return _with(kept, paths.wanted.split("."), (new.get("spec") or {}).get("replicas", 0))

    text, _ = modify(core, call, edited)
    return answers.json_response(200, dumps(_scale(paths, loads(text))))


def _check(call: Call, scale: Object) -> None:
    if scale.get("kind") != "Scale" or scale.get("apiVersion") != "autoscaling/v1":
        raise BadRequest("the object provided is not an autoscaling/v1 Scale")
    name = (scale.get("metadata") or {}).get("name")
    if name != call.name:
        raise BadRequest(f"the name of the object ({name or ''}) does not match the name on the URL ({call.name})")
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise BadRequest("spec.replicas of the Scale is not a whole number")
    if replicas < 0:
        error = FieldError("spec.replicas", f"Invalid value: {replicas}: must be greater than or equal to 0")
        about = {"name": call.name, "group": "autoscaling", "kind": "Scale"}
        raise invalid_as(f'Scale.autoscaling "{call.name}"', [error], about)


def _paths(call: Call) -> ScalePaths:
    if call.served.scale is None:
        raise TypeError(f"{call.resource} has no scale")
    return call.served.scale


def _scale(paths: ScalePaths, obj: Object) -> Object:
    metadata = {key: obj["metadata"][key] for key in _SHOWN if key in obj["metadata"]}
    status: Object = {"replicas": _at(obj, paths.observed) or 0}
    if selector := selector_text(_at(obj, paths.selector) if paths.selector else ""):
        status["selector"] = selector
    wanted = _at(obj, paths.wanted)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": wanted} if wanted else {},
        "status": status,
    }


def _at(obj: Any, path: str) -> Any:
    for step in path.split("."):
        obj = obj.get(step) if isinstance(obj, Mapping) else None
    return obj


def _with(obj: Object, steps: list[str], value: Any) -> Object:
    first, *rest = steps
    return obj | {first: _with(obj.get(first) or {}, rest, value) if rest else value}
