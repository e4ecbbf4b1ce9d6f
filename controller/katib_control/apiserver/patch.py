"""PATCH: merge, JSON, strategic merge and apply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from katib_control.apiserver import answers
from katib_control.apiserver.applying import apply
from katib_control.apiserver.body import media_type, read_json
from katib_control.apiserver.calls import Call
from katib_control.apiserver.core import Core
from katib_control.apiserver.update import Edit, modify
from katib_control.apiserver.writing import identify
from katib_control.kube.errors import UnsupportedMediaType
from katib_control.kube.http import Response
from katib_control.kube.patches import json_patch, merge_patch, strategic_merge_patch

Object = dict[str, Any]
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"


def patch(core: Core, call: Call) -> Response:
    """Change the stored object by the patch in the body."""
    kind = media_type(call.request)
    if kind == APPLY:
        return apply(core, call)
    edit = _edit(call, kind, read_json(call.request.body) if kind in _kinds(call) else None)

    def identified(old: Object) -> Object:
        new = edit(old)
        identify(call, new)
        return new

    text, warnings = modify(core, call, identified, patched=True)
    return answers.json_response(200, answers.shown(call, text), warnings)


def _kinds(call: Call) -> tuple[str, ...]:
    return (JSON_PATCH, MERGE) if call.served.custom else (JSON_PATCH, MERGE, STRATEGIC)


def _edit(call: Call, kind: str, change: Any) -> Edit:
    if kind not in _kinds(call):
        accepted = ", ".join((*_kinds(call), APPLY))
        raise UnsupportedMediaType(
            f"the body of the request was in an unknown format - accepted media types include: {accepted}"
        )
    edits: Mapping[str, Callable[[Object], Object]] = {
        MERGE: lambda old: merge_patch(old, change),
        JSON_PATCH: lambda old: json_patch(old, change),
        STRATEGIC: lambda old: strategic_merge_patch(old, change, call.served.resource),
    }
    return edits[kind]
