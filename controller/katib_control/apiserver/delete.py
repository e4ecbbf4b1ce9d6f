"""DELETE: of one object or of a collection; preconditions, grace, finalizers, propagation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from katib_control.api.errors import FieldError
from katib_control.api.times import to_wire
from katib_control.apiserver import answers
from katib_control.apiserver.body import read_object
from katib_control.apiserver.calls import Call, check_dry_run
from katib_control.apiserver.core import Core, loads
from katib_control.apiserver.fields import marks
from katib_control.apiserver.metadata import counts_generations
from katib_control.apiserver.problems import conflict, details, forbidden, invalid_as, not_found
from katib_control.apiserver.read import select
from katib_control.apiserver.store import Stale, Stored, dumps
from katib_control.kube.errors import BadRequest, NotFound
from katib_control.kube.http import Response

Object = dict[str, Any]
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
CRD_CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_POLICIES = ("Background", "Foreground", "Orphan")
_KEPT_NAMESPACES = ("default", "kube-system", "kube-public")


@dataclass(frozen=True)
class Options:
    """DeleteOptions: policy "" is the kind's default; ``grace`` None is the object's own."""

    policy: str = ""
    grace: int | None = None
    uid: str = ""
    version: str = ""
    dry_run: bool = False


def read_options(call: Call) -> Options:
    """Read DeleteOptions from the body, else from the query; raise BadRequest, Invalid."""
    return options_from(call, read_object(call.request) if call.request.body.strip() else {})


def options_from(call: Call, given: Object) -> Options:
    """Read DeleteOptions, with the query for what they leave open; raise BadRequest, Invalid."""
    policy = given.get("propagationPolicy") or call.option("propagationPolicy")
    orphans = given.get("orphanDependents")
    if orphans is None and call.option("orphanDependents"):
        orphans = call.flag("orphanDependents")
    if orphans is not None and not policy:
        policy = "Orphan" if orphans else "Background"
    if policy and policy not in _POLICIES:
        shown = ", ".join(f'"{name}"' for name in (*_POLICIES, "nil"))
        error = FieldError(
            "propagationPolicy",
            f'Unsupported value: "{policy}": supported values: {shown}',
            reason="FieldValueNotSupported",
        )
        raise invalid_as('DeleteOptions.meta.k8s.io ""', [error], {"group": "meta.k8s.io", "kind": "DeleteOptions"})
    grace = given.get("gracePeriodSeconds", call.number("gracePeriodSeconds"))
    if grace is not None and not isinstance(grace, int):
        raise BadRequest("gracePeriodSeconds is not a whole number")
    conditions = given.get("preconditions") or {}
    dry_run = given.get("dryRun") or [call.option("dryRun")]
    return Options(
        policy or "",
        grace,
        conditions.get("uid") or "",
        conditions.get("resourceVersion") or "",
        any(check_dry_run(str(asked)) for asked in dry_run),
    )


def delete(core: Core, call: Call) -> Response:
    """Delete one object: a Status when it is gone, the object while something is still to be done."""
    text, gone = delete_object(core, call, read_options(call))
    if gone and call.resource != "pods":
        obj = loads(text)
        return answers.success(details(call.served, call.name) | {"uid": obj["metadata"]["uid"]})
    return answers.json_response(200, answers.shown(call, text))


def delete_collection(core: Core, call: Call) -> Response:
    """Delete what the selectors match; return the list of it."""
    options = read_options(call)
    page = select(core, call)
    texts = []
    for text in page.texts:
        metadata = loads(text)["metadata"]
        one = Call(call.request, call.served, metadata.get("namespace", ""), metadata["name"], clock=call.clock)
        try:
            texts.append(delete_object(core, one, options)[0])
        except NotFound:
            continue
    return answers.json_response(200, answers.shown_list(call, texts, {"resourceVersion": str(page.version)}))


def delete_object(core: Core, call: Call, options: Options) -> tuple[str, bool]:
    """Delete or mark an object; return its last text and whether it is gone."""
    while True:
        stored = core.store.get(call.key)
        if stored is None:
            raise not_found(call.served, call.name)
        old = loads(stored.text)
        _check(call, old, options)
        core.admitted(call.served, "DELETE", (None, old), dry_run=options.dry_run)
        new = _marked(core, call, old, options)
        metadata = new["metadata"]
        gone = not metadata.get("finalizers") and not metadata.get("deletionGracePeriodSeconds")
        gone = gone and not _holds_content(call, new)
        if options.dry_run:
            return dumps(new), gone
        try:
            return _write(core, call, stored, (old, new), gone=gone), gone
        except Stale:
            continue


def _write(core: Core, call: Call, stored: Stored, objects: tuple[Object, Object], *, gone: bool) -> str:
    old, new = objects
    if gone:
        text = core.store.remove(call.key, new if old["metadata"].get("deletionTimestamp") else old, stored.version)
        core.note(call.key)
        return text
    if new == old:
        return stored.text
    text = core.store.update(call.key, new, marks(call.resource, new), stored.version)
    core.note(call.key)
    return text


def _check(call: Call, old: Object, options: Options) -> None:
    metadata = old["metadata"]
    for name, wanted, found in (
        ("UID", options.uid, metadata["uid"]),
        ("ResourceVersion", options.version, metadata["resourceVersion"]),
    ):
        if wanted and wanted != found:
            why = f"Precondition failed: {name} in precondition: {wanted}, {name} in object meta: {found}"
            raise conflict(call.served, call.name, why)
    if call.resource == "namespaces" and call.name in _KEPT_NAMESPACES:
        raise forbidden(call.served, call.name, "this namespace may not be deleted")


def _marked(core: Core, call: Call, old: Object, options: Options) -> Object:
    """Return the object as it is while its deletion is under way."""
    metadata = dict(old["metadata"])
    grace = _grace(call, old, options)
    finalizers = _finalizers(call, metadata, options)
    if not metadata.get("deletionTimestamp"):
        metadata["deletionTimestamp"] = to_wire(core.clock() + timedelta(seconds=grace))
        metadata["deletionGracePeriodSeconds"] = grace
        if counts_generations(call.served):
            metadata["generation"] = metadata.get("generation", 0) + 1
    elif grace < metadata.get("deletionGracePeriodSeconds", 0):
        metadata["deletionTimestamp"] = to_wire(core.clock() + timedelta(seconds=grace))
        metadata["deletionGracePeriodSeconds"] = grace
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)
    new = old | {"metadata": metadata}
    if call.resource == "namespaces":
        metadata.pop("deletionGracePeriodSeconds", None)
        new["status"] = (old.get("status") or {}) | {"phase": "Terminating"}
    return new


def _grace(call: Call, old: Object, options: Options) -> int:
    """Only a Pod that may run on a node is given time."""
    if call.resource != "pods":
        return 0
    spec, phase = old.get("spec") or {}, (old.get("status") or {}).get("phase")
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    asked = options.grace if options.grace is not None else spec.get("terminationGracePeriodSeconds", 30)
    return max(int(asked), 0)


def _finalizers(call: Call, metadata: Object, options: Options) -> list[str]:
    held = list(metadata.get("finalizers") or ())
    if call.resource == "customresourcedefinitions.apiextensions.k8s.io" and CRD_CLEANUP not in held:
        held.append(CRD_CLEANUP)
    if metadata.get("deletionTimestamp"):
        return held  # what is being deleted goes on as it was asked first
    # As in Kubernetes: a Job deleted without a word leaves its Pods; a finalizer set beforehand decides otherwise.
    policy = options.policy or ("Orphan" if call.resource == "jobs.batch" else "")
    if not policy:
        return held
    kept = [name for name in held if name not in (FOREGROUND, ORPHAN)]
    added = {"Foreground": [FOREGROUND], "Orphan": [ORPHAN]}.get(policy, [])
    return kept + added


def _holds_content(call: Call, obj: Object) -> bool:
    return call.resource == "namespaces" and bool((obj.get("spec") or {}).get("finalizers"))
