"""The scheduler of a machine that is alone: Pods that come without a node are bound to it when there is room.

The Pods of Jobs come with their node already: that saves each of them a write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from katib_control.kube.client import Client
from katib_control.kube.errors import Conflict, NotFound
from katib_control.kube.resources import BINDINGS
from katib_control.node.admission import Admission

Pod = Mapping[str, Any]
_SCHEDULERS = (None, "", "default-scheduler")


def unbound(pod: Pod) -> bool:
    """Whether a Pod waits to be assigned to a node, and not by a scheduler of its own choice."""
    spec = pod["spec"]
    return not spec.get("nodeName") and not spec.get("schedulingGates") and spec.get("schedulerName") in _SCHEDULERS


class Scheduler:
    """Binds to ``node``; ``say`` takes a Pod, a reason and a message."""

    def __init__(self, client: Client, node: str, admission: Admission, say: Callable[[Pod, str, str], None]) -> None:
        self._client, self._node, self._admission, self._say = client, node, admission, say

    def place(self, pod: Pod) -> bool:
        """Bind a Pod that needs it if there is room; True: whoever watches sees the Pod again."""
        metadata = pod["metadata"]
        if not unbound(pod) or "deletionTimestamp" in metadata or self._admission.ask(pod):
            return False
        binding = {
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": self._node},
        }
        try:
            self._client.create(BINDINGS, binding, metadata["namespace"])
        except (Conflict, NotFound):
            return True  # it has gone, or has its node already
        place = f"{metadata['namespace']}/{metadata['name']} to {self._node}"
        self._say(pod, "Scheduled", f"Successfully assigned {place}")
        return True
