"""Katib's clients read a trial's log from the sidecar that Katib puts into its Pod, which shows what the run has said.

Nothing is put into Pods here: who asks for that container is given the one whose log the sidecar would show.
"""

from __future__ import annotations

from typing import Any

from katib_control.apiserver.changes import Key
from katib_control.apiserver.core import Core, loads
from katib_control.apiserver.problems import qualified

SIDECAR = "metrics-logger-and-collector"
_TRIALS = "trials.kubeflow.org"
_LONGEST = 6
"""Owners above a Pod at most: Job, JobSet, TrainJob, Trial and some."""

Object = dict[str, Any]


def stand_in(core: Core, pod: Object) -> str:
    """Return the primary container of the Trial that the Pod belongs to, through its owners; empty: to none."""
    obj: Object | None = pod
    for _ in range(_LONGEST):
        key = _owner(core, obj) if obj else None
        stored = core.store.get(key) if key else None
        if key is None or stored is None:
            return ""
        obj = loads(stored.text)
        if key.resource == _TRIALS:
            return str((obj.get("spec") or {}).get("primaryContainerName") or "")
    return ""


def _owner(core: Core, obj: Object) -> Key | None:
    metadata = obj["metadata"]
    for owner in metadata.get("ownerReferences") or ():
        for served in core.registry.all() if owner.get("controller") else ():
            resource = served.resource
            if (resource.api_version, resource.kind) == (owner.get("apiVersion"), owner.get("kind")):
                return Key(
                    qualified(served), metadata.get("namespace", "") if resource.namespaced else "", owner["name"]
                )
    return None
