"""Katib's clients read a trial's log from the sidecar that Katib puts into its Pod, which shows what the run has said.

Nothing is put into Pods here: who asks for that container is given the one whose log the sidecar would show.
"""

from __future__ import annotations

from typing import Any

from katib_control.api.names import TRIAL_LABEL
from katib_control.apiserver.changes import Key
from katib_control.apiserver.core import Core, loads

SIDECAR = "metrics-logger-and-collector"
_TRIALS = "trials.kubeflow.org"


def stand_in(core: Core, pod: dict[str, Any]) -> str:
    """Return the primary container of the Trial that the Pod runs for; empty when it runs for none."""
    metadata = pod["metadata"]
    trial = (metadata.get("labels") or {}).get(TRIAL_LABEL)
    stored = core.store.get(Key(_TRIALS, metadata.get("namespace", ""), trial)) if trial else None
    return str((loads(stored.text).get("spec") or {}).get("primaryContainerName") or "") if stored else ""
