"""Events of events.k8s.io/v1: the Events of the core group in other words. Pure.

What both have in common keeps its name. What only the older words can say is told as ``deprecated...``, as real servers
do, so that nothing is lost on the way there and back.
"""

from __future__ import annotations

from typing import Any

from katib_control.api.times import from_wire, to_wire_exact
from katib_control.apiserver.types import Alias

Object = dict[str, Any]
CORE, NEWER = "v1", "events.k8s.io/v1"
_NAMES = (
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
)
_NEWER = dict(_NAMES)
_OLDER = {newer: older for older, newer in _NAMES}


def newer(event: Object) -> Object:
    """Return a core Event as one of events.k8s.io/v1."""
    found = {_NEWER.get(key, key): value for key, value in event.items()} | {"apiVersion": NEWER}
    if not found.get("eventTime"):
        # Required there, and clients insist; what was said in the older words has it as one of its timestamps.
        when = event.get("lastTimestamp") or event.get("firstTimestamp") or event["metadata"]["creationTimestamp"]
        found["eventTime"] = to_wire_exact(from_wire(when))
    return found


def older(event: Object) -> Object:
    """Return an Event of events.k8s.io/v1 as one of the core group."""
    found = {_OLDER.get(key, key): value for key, value in event.items()} | {"apiVersion": CORE}
    return {"involvedObject": {}} | found


EVENT_ALIAS = Alias(
    resource="events",
    shown=newer,
    stored=older,
    fields=(("regarding.", "involvedObject."), ("reportingController", "reportingComponent")),
)
