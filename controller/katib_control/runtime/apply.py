"""Carrying out a Plan: the only place where a reconcile writes.

The order makes it safe to stop after any single write and to begin again: children first (one that is there already is
success), then patches, deletions, own metadata, and one own status patch that says what was done, guarded by the
resourceVersion that the plan was made from. Events and counters come last, so that a refused status tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from katib_control.kube.client import Client
from katib_control.kube.errors import AlreadyExists, Conflict, NotFound
from katib_control.kube.resources import Resource
from katib_control.runtime.counters import Counters
from katib_control.runtime.events import EventRecorder
from katib_control.runtime.plan import Delete, Plan


def apply(
    client: Client,
    resource: Resource,
    obj: dict[str, Any],
    plan: Plan,
    recorder: EventRecorder | None = None,
    counters: Counters | None = None,
) -> dict[str, Any] | None:
    """Carry out the plan for ``obj`` (as it was seen); return the object as last written, None when it was not.

    Raises Conflict when somebody has written ``obj`` since it was seen: observe again. Other errors of the client pass
    through too; what was written until then stays, and the next attempt completes it. An ``obj`` that is gone by the
    time its status is written needs none.
    """
    for child, body in plan.create:
        with suppress(AlreadyExists):
            client.create(child, body)
    for patch in plan.patch:
        client.patch(patch.resource, patch.name, patch.body, patch.namespace, subresource=patch.subresource)
    for deletion in plan.delete:
        _delete(client, deletion)
    written = _write_finalizers(client, resource, obj, plan)
    try:
        written = _write_status(client, resource, (obj, written), plan) or written
    except NotFound:
        return written
    for draft in plan.events:
        if recorder is not None:
            recorder.event(written or obj, draft)
    for name in plan.counters:
        if counters is not None:
            counters.add(name, obj["metadata"].get("namespace", ""))
    return written


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch that turns ``old`` into ``new``; None in ``new`` counts as absent, and 1 equals True."""
    patch: dict[str, Any] = {key: None for key in old if new.get(key) is None and old[key] is not None}
    for key, value in new.items():
        before = old.get(key)
        if value is None or value == before:
            continue
        if isinstance(value, dict) and isinstance(before, dict):
            if inner := difference(before, value):
                patch[key] = inner
        else:
            patch[key] = value
    return patch


def _delete(client: Client, deletion: Delete) -> None:
    try:
        client.delete(
            deletion.resource, deletion.name, deletion.namespace, propagation=deletion.propagation, uid=deletion.uid
        )
    except NotFound:
        pass
    except Conflict:
        # With a uid: the one that was meant is gone, and another has its name.
        if deletion.uid is None:
            raise


def _write_finalizers(client: Client, resource: Resource, obj: dict[str, Any], plan: Plan) -> dict[str, Any] | None:
    metadata = obj["metadata"]
    if plan.finalizers is None or list(plan.finalizers) == (metadata.get("finalizers") or []):
        return None
    body = {"metadata": {"finalizers": list(plan.finalizers), "resourceVersion": metadata["resourceVersion"]}}
    try:
        return client.patch(resource, metadata["name"], body, metadata.get("namespace"))
    except NotFound:
        # Removed by its last finalizer, in an attempt before this one.
        if "deletionTimestamp" in metadata:
            return None
        raise


def _write_status(
    client: Client, resource: Resource, seen: tuple[dict[str, Any], dict[str, Any] | None], plan: Plan
) -> dict[str, Any] | None:
    obj, written = seen
    gone = plan.finalizers is not None and not plan.finalizers and "deletionTimestamp" in obj["metadata"]
    if plan.status is None or gone:
        return None
    changes = difference(obj.get("status") or {}, plan.status)
    if not changes:
        return None
    metadata = (written or obj)["metadata"]
    body = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "status": changes}
    return client.patch(resource, metadata["name"], body, metadata.get("namespace"), subresource="status")
