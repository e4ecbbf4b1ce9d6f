"""POST: a new object."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from katib_control.apiserver import answers
from katib_control.apiserver.body import read_object
from katib_control.apiserver.calls import Call
from katib_control.apiserver.changes import Key
from katib_control.apiserver.core import NAMESPACES, Core
from katib_control.apiserver.fields import marks
from katib_control.apiserver.metadata import create_errors, new_metadata
from katib_control.apiserver.object_names import generated
from katib_control.apiserver.problems import already_exists
from katib_control.apiserver.store import Taken, dumps
from katib_control.apiserver.types import ServedType
from katib_control.apiserver.writing import admitted, conform, identify
from katib_control.kube.errors import AlreadyExists, BadRequest
from katib_control.kube.http import Response

_ATTEMPTS = 8
Object = dict[str, Any]


def create(core: Core, call: Call) -> Response:
    """Create the object in the body and return it."""
    obj = read_object(call.request)
    identify(call, obj)
    text, warnings = create_object(core, call, obj)
    return answers.json_response(201, answers.shown(call, text), warnings)


def create_object(core: Core, call: Call, obj: Object, *, managed: Sequence[Object] = ()) -> tuple[str, Sequence[str]]:
    """Create an object; return its text and warnings; a generated name that is taken is generated again.

    ``managed`` is who has applied its fields.
    """
    prefix = obj["metadata"].get("generateName")
    obj, warnings = conform(call, obj)
    given = obj["metadata"]
    generates = prefix and not given.get("name")
    if prefix is not None and not isinstance(prefix, str):
        raise BadRequest("metadata.generateName is not a string")
    core.check_namespace(call.served, call.namespace, str(given.get("name") or prefix or ""))
    for attempt in range(1, _ATTEMPTS + 1):
        named = given | {"name": generated(prefix)} if generates and prefix else given
        try:
            return _create_named(core, call, obj | {"metadata": named}, managed), warnings
        except AlreadyExists:
            if not generates or attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _create_named(core: Core, call: Call, obj: Object, managed: Sequence[Object]) -> str:
    served = call.served
    obj["metadata"] = new_metadata(served, obj["metadata"], call.namespace, str(uuid.uuid4()), core.clock())
    if managed:
        obj["metadata"]["managedFields"] = list(managed)
    obj = _started(served, obj)
    obj = admitted(core, call, "CREATE", (obj, None), create_errors(served.resource.plural, obj["metadata"]))
    key = Key(call.resource, call.namespace, obj["metadata"]["name"])
    if served.custom and served.storage_version:
        obj["apiVersion"] = f"{served.resource.group}/{served.storage_version}"
    if served.alias:
        obj = served.alias.stored(obj)
    if call.dry_run:
        if core.store.get(key):
            raise already_exists(served, key.name)
        return dumps(obj)
    try:
        text = core.store.create(key, obj, marks(call.resource, obj))
    except Taken:
        raise already_exists(served, key.name) from None
    core.accepted.note(key, obj, served)
    core.note(key)
    return text


def _started(served: ServedType, obj: Object) -> Object:
    """Drop the status that a client may not set, and do what the kind does on create."""
    if served.has_status:
        obj.pop("status", None)
    if call_on_create := served.on_create:
        obj = call_on_create(obj)
    if served.has_status and not served.custom:
        # Real servers write the empty status of a built-in kind: clients of typed languages read through it.
        obj = {"status": {}} | obj
    if served.resource.plural == NAMESPACES and not served.resource.group:
        obj["spec"] = {"finalizers": ["kubernetes"]}
        name = obj["metadata"].get("name")
        if isinstance(name, str):
            labels = obj["metadata"].get("labels") or {}
            obj["metadata"]["labels"] = labels | {"kubernetes.io/metadata.name": name}
    return obj
