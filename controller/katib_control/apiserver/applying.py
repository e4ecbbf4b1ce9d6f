"""Server-side apply: a manager says what it wants, and owns what it has said.

Owners are recorded for apply only: writes by PUT and the other patches own nothing and conflict with nobody.
"""

from __future__ import annotations

from typing import Any

from katib_control.api.errors import FieldError
from katib_control.api.times import to_wire
from katib_control.apiserver import answers
from katib_control.apiserver.body import as_object, read_yaml
from katib_control.apiserver.calls import Call
from katib_control.apiserver.core import Core
from katib_control.apiserver.create import create_object
from katib_control.apiserver.managed_fields import Tree, conflicts, fields_of, remove, union, without
from katib_control.apiserver.problems import details, invalid_as
from katib_control.apiserver.update import modify
from katib_control.apiserver.writing import conform, identify
from katib_control.kube.errors import BadRequest, Conflict, NotFound
from katib_control.kube.http import Response
from katib_control.kube.merge_keys import PLAIN, Shape, shape_of
from katib_control.kube.strategic import merge_maps

Object = dict[str, Any]


def apply(core: Core, call: Call) -> Response:
    """Create the object or bring it to what the configuration in the body says."""
    manager = call.option("fieldManager")
    if not manager:
        rule = "Required value: is required for apply patch"
        error = FieldError("fieldManager", rule, reason="FieldValueRequired")
        raise invalid_as('PatchOptions.meta.k8s.io ""', [error], {"group": "meta.k8s.io", "kind": "PatchOptions"})
    config = as_object(read_yaml(call.request.body))
    if not config.get("apiVersion") or not config.get("kind"):
        raise BadRequest("invalid object type: apiVersion and kind must be set")
    identify(call, config)
    config["metadata"]["name"] = call.name
    if config["metadata"].pop("managedFields", None):
        raise BadRequest("metadata.managedFields must be nil")
    known, warnings = conform_only(call, config)
    shape = _shape(call)

    def edit(old: Object) -> Object:
        return _applied(core, call, old, known, shape)

    try:
        text, _ = modify(core, call, edit)
        return answers.json_response(200, answers.shown(call, text), warnings)
    except NotFound:
        if call.subresource:
            raise
    entry = _entry(core, call, fields_of(known, shape))
    text, _ = create_object(core, call, dict(known), managed=[entry])
    return answers.json_response(201, answers.shown(call, text), warnings)


def conform_only(call: Call, config: Object) -> tuple[Object, Any]:
    """Return the configuration without unknown fields, and warnings; defaults are not what somebody has applied."""
    if call.served.schema is None:
        return config, ()
    _, warnings = conform(call, config)
    return call.served.schema.prune(config)[0], warnings


def _shape(call: Call) -> Shape:
    resource = call.served.resource
    return PLAIN if call.served.custom else shape_of(resource.group, resource.kind)


def _applied(core: Core, call: Call, old: Object, config: Object, shape: Shape) -> Object:
    entries: list[Object] = list(old["metadata"].get("managedFields") or ())
    mine = [entry for entry in entries if _is_mine(call, entry)]
    others = [entry for entry in entries if not _is_mine(call, entry)]
    wanted = fields_of(config, shape)
    if call.option("force") == "true":
        others = [entry | {"fieldsV1": without(entry["fieldsV1"], wanted)} for entry in others]
        others = [entry for entry in others if entry["fieldsV1"]]
    else:
        _check_conflicts(call, old, config, others, shape)
    gone = union(entry["fieldsV1"] for entry in mine)
    kept = union([wanted, *(entry["fieldsV1"] for entry in others)])
    # remove() may empty a parent that the object cannot be without.
    left = {"metadata": {}} | remove(old, gone, kept, shape)
    new = merge_maps(left, config, shape)
    entry = _entry(core, call, wanted)
    if mine and mine[0]["fieldsV1"] == wanted:
        entry = mine[0]
    new["metadata"] = new["metadata"] | {"managedFields": [*others, entry]}
    return new


def _check_conflicts(call: Call, old: Object, config: Object, others: list[Object], shape: Shape) -> None:
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{entry["manager"]}"', "field": path}
        for entry in others
        for path in conflicts(old, config, entry["fieldsV1"], shape)
    ]
    if not causes:
        return
    lines = "; ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    number = f"{len(causes)} conflict" + ("s" if len(causes) > 1 else "")
    about = details(call.served, call.name)
    raise Conflict(f"Apply failed with {number}: {lines}", details=about, causes=causes)


def _is_mine(call: Call, entry: Object) -> bool:
    return (entry.get("manager"), entry.get("subresource", "")) == (call.option("fieldManager"), call.subresource)


def _entry(core: Core, call: Call, tree: Tree) -> Object:
    entry: Object = {
        "manager": call.option("fieldManager"),
        "operation": "Apply",
        "apiVersion": call.served.resource.api_version,
        "time": to_wire(core.clock()),
        "fieldsType": "FieldsV1",
        "fieldsV1": tree,
    }
    return entry | ({"subresource": call.subresource} if call.subresource else {})
