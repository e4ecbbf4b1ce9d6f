"""What is only ever posted to a Pod: its binding to a node, and its eviction."""

from __future__ import annotations

from typing import Any

from katib_control.api.errors import FieldError
from katib_control.apiserver import answers
from katib_control.apiserver.body import read_object
from katib_control.apiserver.calls import Call
from katib_control.apiserver.core import Core
from katib_control.apiserver.delete import delete_object, options_from
from katib_control.apiserver.problems import conflict, invalid_as
from katib_control.apiserver.store import dumps
from katib_control.apiserver.update import modify
from katib_control.kube.errors import BadRequest, MethodNotAllowed
from katib_control.kube.http import Request, Response
from katib_control.kube.paths import ObjectPath

Object = dict[str, Any]
_DONE = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
_EVICTIONS = ("policy/v1", "policy/v1beta1")


def posted_binding(core: Core, request: Request, path: ObjectPath) -> Response | None:
    """Answer a Binding that is posted to its namespace instead of its Pod; None when the path is something else."""
    if (path.group, path.version, path.plural) != ("", "v1", "bindings") or path.name or not path.namespace:
        return None
    if request.method != "POST":
        raise MethodNotAllowed("the server does not allow this method on the requested resource")
    name = (read_object(request).get("metadata") or {}).get("name")
    if not isinstance(name, str) or not name:
        raise BadRequest("metadata.name of the Binding is missing: it names the Pod")
    pods = core.registry.find("", "v1", "pods")
    return bind(core, Call(request, pods, path.namespace, name, "binding", core.clock))


def bind(core: Core, call: Call) -> Response:
    """Assign the Pod to the node that the Binding in the body names; only once."""
    binding = _body(call, "Binding", ("v1",))
    target = binding.get("target") or {}
    node = target.get("name")
    errors = []
    if target.get("kind") not in (None, "", "Node"):
        shown = f'Unsupported value: "{target["kind"]}": supported values: "Node", "<empty>"'
        errors.append(FieldError("target.kind", shown, reason="FieldValueNotSupported"))
    if not isinstance(node, str) or not node:
        errors.append(FieldError("target.name", "Required value", reason="FieldValueRequired"))
    if errors:
        raise invalid_as(f'Binding "{call.name}"', errors, {"name": call.name, "kind": "Binding"})

    def edit(old: Object) -> Object:
        if old["metadata"].get("deletionTimestamp"):
            raise conflict(call.served, call.name, f"pod {call.name} is being deleted, cannot be assigned to a host")
        if taken := old["spec"].get("nodeName"):
            raise conflict(call.served, call.name, f'pod {call.name} is already assigned to node "{taken}"')
        added = (binding.get("metadata") or {}).get("annotations") or {}
        annotations = (old["metadata"].get("annotations") or {}) | added
        metadata = old["metadata"] | ({"annotations": annotations} if annotations else {})
        return old | {"metadata": metadata, "spec": old["spec"] | {"nodeName": node}}

    modify(core, call, edit)
    return answers.json_response(201, dumps(_DONE))


def evict(core: Core, call: Call) -> Response:
    """Delete the Pod as the Eviction in the body asks; nothing here limits disruptions."""
    eviction = _body(call, "Eviction", _EVICTIONS)
    delete_object(core, call, options_from(call, eviction.get("deleteOptions") or {}))
    return answers.json_response(201, dumps(_DONE))


def _body(call: Call, kind: str, versions: tuple[str, ...]) -> Object:
    found = read_object(call.request)
    version = found.get("apiVersion") or versions[0]
    if version not in versions or found.get("kind") not in (None, "", kind):
        raise BadRequest(f"{found.get('kind') or ''} in version {version!r} cannot be handled as a {kind}")
    name = (found.get("metadata") or {}).get("name")
    if name not in (None, "", call.name):
        raise BadRequest(f"the name of the object ({name}) does not match the name on the URL ({call.name})")
    return found
