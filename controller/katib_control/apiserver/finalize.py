"""PUT of a Namespace's ``finalize``: whoever has emptied it says so, and it goes."""

from __future__ import annotations

from typing import Any

from katib_control.apiserver import answers
from katib_control.apiserver.body import read_object
from katib_control.apiserver.calls import Call
from katib_control.apiserver.core import Core
from katib_control.apiserver.update import modify
from katib_control.apiserver.writing import identify
from katib_control.kube.http import Response

Object = dict[str, Any]


def finalize(core: Core, call: Call) -> Response:
    """Replace ``spec.finalizers``."""
    given = read_object(call.request)
    identify(call, given)

    def edit(old: Object) -> Object:
        metadata = old["metadata"] | {
            key: value for key, value in given["metadata"].items() if key == "resourceVersion"
        }
        return old | {"metadata": metadata, "spec": {"finalizers": (given.get("spec") or {}).get("finalizers") or []}}

    text, warnings = modify(core, call, edit)
    return answers.json_response(200, answers.shown(call, text), warnings)
