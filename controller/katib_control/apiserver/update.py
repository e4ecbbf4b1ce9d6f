"""PUT and PATCH: read, change, compare and swap; and the object goes when its last finalizer does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from katib_control.apiserver import answers
from katib_control.apiserver.body import read_object
from katib_control.apiserver.calls import Call
from katib_control.apiserver.core import Core, loads
from katib_control.apiserver.fields import marks
from katib_control.apiserver.metadata import counts_generations, identity_errors, kept_metadata, update_errors
from katib_control.apiserver.problems import conflict, immutable, invalid, not_found
from katib_control.apiserver.store import Stale, Stored, dumps
from katib_control.apiserver.writing import admitted, conform, identify
from katib_control.kube.http import Response

Object = dict[str, Any]
Edit = Callable[[Object], Object]
_BODILESS = ("metadata", "status")


def replace(core: Core, call: Call) -> Response:
    """PUT: the object in the body takes the stored one's place."""
    given = read_object(call.request)
    identify(call, given)
    metadata = given["metadata"]
    if call.served.custom and not metadata.get("resourceVersion"):
        error = immutable("metadata.resourceVersion", "0x0", "must be specified for an update")
        raise invalid(call.served, call.name, [error])

    def edit(old: Object) -> Object:
        uid, stored = metadata.get("uid"), old["metadata"]["uid"]
        if uid and uid != stored:
            raise conflict(
                call.served,
                call.name,
                f"Precondition failed: UID in precondition: {uid}, UID in object meta: {stored}",
            )
        return given

    text, warnings = modify(core, call, edit)
    return answers.json_response(200, answers.shown(call, text), warnings)


def modify(core: Core, call: Call, edit: Edit, *, patched: bool = False) -> tuple[str, Sequence[str]]:
    """Apply ``edit`` to the stored object until nobody has written in between; return its new text and warnings.

    The result's resourceVersion, when there is one, must be the stored object's: else Conflict.
    """
    while True:
        stored = core.store.get(call.key)
        if stored is None:
            raise not_found(call.served, call.name)
        old = loads(stored.text)
        if call.served.alias:
            old = call.served.alias.shown(old)
        if old["apiVersion"] != call.served.resource.api_version:
            old["apiVersion"] = call.served.resource.api_version
        edited = edit(old)
        asked = (edited.get("metadata") or {}).get("resourceVersion")
        if asked and asked != str(stored.version):
            raise conflict(call.served, call.name)
        known = core.accepted.known(call.key, stored.version, old, call.served)
        new, warnings = _prepared(core, call, (old, edited), known, patched=patched)
        try:
            return _write(core, call, stored, (old, new)), warnings
        except Stale:
            continue  # the version that was asked for, if any, is compared again with what is there now


def _prepared(
    core: Core, call: Call, objects: tuple[Object, Object], known: Collection[int], *, patched: bool
) -> tuple[Object, Sequence[str]]:
    old, edited = objects
    served = call.served
    new, warnings = conform(call, edited, known, patched=patched)
    if errors := identity_errors(old["metadata"], new["metadata"]):
        raise invalid(served, call.name, errors)
    new = _limited(call, old, new)
    if new == old:
        return old, warnings
    errors = update_errors(old["metadata"], new["metadata"])
    if served.on_update and not call.subresource:
        errors += served.on_update(old, new)
    new = admitted(core, call, "UPDATE", (new, old), errors, known)
    if counts_generations(served) and _body(old, served.has_status) != _body(new, served.has_status):
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
    return new, warnings


def _limited(call: Call, old: Object, new: Object) -> Object:
    """Take from the edited object only what this request may write."""
    metadata = kept_metadata(old["metadata"], new["metadata"])
    if call.subresource == "status":
        if call.served.custom:
            metadata = dict(old["metadata"])
        return _with_status({**old, "metadata": metadata}, new)
    if call.served.has_status:
        return _with_status({**new, "metadata": metadata}, old)
    return {**new, "metadata": metadata}


def _with_status(obj: Object, source: Object) -> Object:
    if "status" in source:
        obj["status"] = source["status"]
    else:
        obj.pop("status", None)
    return obj


def _body(obj: Object, has_status: bool) -> Object:
    left_out = _BODILESS if has_status else _BODILESS[:1]
    return {key: value for key, value in obj.items() if key not in left_out}


def _write(core: Core, call: Call, stored: Stored, objects: tuple[Object, Object]) -> str:
    old, new = objects
    if new is old:
        return stored.text
    if call.served.storage_version:
        new["apiVersion"] = f"{call.served.resource.group}/{call.served.storage_version}"
    metadata = new["metadata"]
    gone = metadata.get("deletionTimestamp") and not metadata.get("finalizers")
    gone = gone and not metadata.get("deletionGracePeriodSeconds")
    if call.served.alias:
        new = call.served.alias.stored(new)
    if call.dry_run:
        return dumps(new)
    if gone and not _holds_content(call, new):
        text = core.store.remove(call.key, new, stored.version)
        core.note(call.key)
        return text
    text = core.store.update(call.key, new, marks(call.resource, new), stored.version)
    core.accepted.note(call.key, new, call.served)
    core.note(call.key)
    return text


def _holds_content(call: Call, obj: Object) -> bool:
    """Whether this is a Namespace that is still being emptied."""
    return call.resource == "namespaces" and bool((obj.get("spec") or {}).get("finalizers"))
