"""PersistentVolumeClaims that belong to an Experiment: their directory goes when they do. A user's own stays."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from katib_control.kube.client import Client
from katib_control.kube.resources import EXPERIMENTS, PERSISTENT_VOLUME_CLAIMS, PODS
from katib_control.node import volumes
from katib_control.runtime.controller import Controller, Key
from katib_control.runtime.informer import Informers

logger = logging.getLogger(__name__)

Obj = dict[str, Any]

_AGAIN = 0.5


class ClaimCleanup:
    """``directory`` holds the claims' directories: <namespace>/<name>. ``informers``: those of the process."""

    def __init__(self, client: Client, directory: Path, informers: Informers | None = None) -> None:
        self._directory = directory
        self._client = client
        self._claims = (informers or Informers(client)).of(PERSISTENT_VOLUME_CLAIMS, decode=_as_it_is)
        self._claims.on_change(self._changed)
        self._controller = Controller("claim-cleanup", self._clean)

    def start(self) -> None:
        """Begin."""
        self._claims.start()
        self._controller.start()

    def stop(self) -> None:
        """End."""
        self._controller.stop()
        self._claims.stop()

    def _changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None and old is not None and _of_experiment(old):
            self._controller.enqueue((old["metadata"]["namespace"], old["metadata"]["name"]))

    def _clean(self, key: Key) -> float | None:
        namespace, name = key
        if self._claims.get(namespace, name) is not None:
            return None  # another one has its name now
        if any(_uses(pod, name) for pod in self._client.list(PODS, namespace)["items"]):
            return _AGAIN
        volumes.remove(self._directory / namespace / name)
        logger.info("claim %s/%s: its directory is removed", namespace, name)
        return None


def _of_experiment(claim: Obj) -> bool:
    owners = claim["metadata"].get("ownerReferences") or ()
    return any((item["apiVersion"], item["kind"]) == (EXPERIMENTS.api_version, EXPERIMENTS.kind) for item in owners)


def _uses(pod: Obj, claim: str) -> bool:
    named = (item.get("persistentVolumeClaim") or {} for item in pod["spec"].get("volumes") or ())
    return any(item.get("claimName") == claim for item in named)


def _as_it_is(body: Obj) -> Obj:
    return body
