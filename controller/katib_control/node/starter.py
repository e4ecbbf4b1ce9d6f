"""Starting one container: what it refers to is fetched, its volumes are made, and the supervisor is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from katib_control.kube.client import Client
from katib_control.kube.errors import NotFound
from katib_control.kube.resources import CONFIG_MAPS, SECRETS, Resource
from katib_control.node import attempt as attempts
from katib_control.node import volumes
from katib_control.node.attempt import Attempt
from katib_control.node.environment import Machine
from katib_control.node.log_file import stamp
from katib_control.node.pod_spec import launch
from katib_control.node.protocol import Launch
from katib_control.node.sources import ContainerError, Pod, Sources, references
from katib_control.node.volumes import Mount

Note = Callable[[Pod, str, str], None]


class Starter:
    """Starts containers. ``start`` is the supervisor's; ``note`` is told (Pod, reason, message) for an Event."""

    def __init__(
        self, client: Client, directory: Path, machine: Machine, start: Callable[[Launch], Attempt], note: Note
    ) -> None:
        self._client = client
        self._directory = directory
        self._machine = machine
        self._start = start
        self._note = note
        self._prepared: set[str] = set()

    def start(self, pod: Pod, container: Mapping[str, Any], number: int) -> Attempt:
        """Return the attempt, started, or over already when it cannot be started as it is written. Raises NotYet."""
        uid = pod["metadata"]["uid"]
        attempt = Attempt(pod=uid, container=container["name"], number=number)
        self._discard(attempt)
        try:
            ready, mounted = self._prepare(pod, container, attempt.key)
        except (ContainerError, ValueError, KeyError, OSError) as error:
            return self._refused(pod, attempt, error)
        for mount in mounted:
            self._tell_of(pod, container, mount)
        return self._start(ready)

    def forget(self, uid: str) -> None:
        """Drop what is remembered of a Pod."""
        self._prepared.discard(uid)

    def _prepare(self, pod: Pod, container: Mapping[str, Any], key: str) -> tuple[Launch, list[Mount]]:
        uid = pod["metadata"]["uid"]
        sources = self._sources(pod)
        places = volumes.locate(pod, attempts.pod_directory(self._directory, uid), self._directory / "claims")
        if places and uid not in self._prepared:
            volumes.prepare(pod, places, sources, self._machine)
            self._prepared.add(uid)
        ready, mounted = launch(pod, container, key, places=places, sources=sources, machine=self._machine)
        volumes.prepare_mounts(mounted)
        return ready, mounted

    def _sources(self, pod: Pod) -> Sources:
        config_maps, secrets = references(pod)
        namespace = pod["metadata"]["namespace"]
        return Sources(self._fetch(CONFIG_MAPS, namespace, config_maps), self._fetch(SECRETS, namespace, secrets))

    def _fetch(self, resource: Resource, namespace: str, names: set[str]) -> dict[str, dict[str, Any]]:
        found = {}
        for name in names:
            try:
                found[name] = self._client.get(resource, name, namespace)
            except NotFound:
                continue
        return found

    def _refused(self, pod: Pod, attempt: Attempt, error: Exception) -> Attempt:
        """Keep a start that is impossible like any other attempt, so that it is not tried again after a restart."""
        now = stamp(time.time_ns())
        reason = error.reason if isinstance(error, ContainerError) else attempts.START_ERROR
        code = error.exit_code if isinstance(error, ContainerError) else 128
        failed = attempt.but(started=now, finished=now, exit_code=code, reason=reason, message=_text(error))
        attempts.record_path(self._directory, attempt).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        attempts.write(self._directory, failed)
        self._note(pod, "Failed", f"Error: {failed.message}")
        return failed

    def _discard(self, attempt: Attempt) -> None:
        """As kubelets do, keep the current attempt and the one before it."""
        old = attempt.but(number=attempt.number - 2)
        if old.number >= 0:
            attempts.record_path(self._directory, old).unlink(missing_ok=True)
            attempts.log_path(self._directory, old).unlink(missing_ok=True)

    def _tell_of(self, pod: Pod, container: Mapping[str, Any], mount: Mount) -> None:
        if mount.honoured:
            return
        where = f'container "{container["name"]}": {mount.path} is {mount.real} on this machine'
        if volumes.mentions(container, mount.path):
            self._note(pod, "VolumeMapped", f"{where}; the path was replaced in command, args, env and workingDir")
        else:
            self._note(
                pod,
                "MountNotVisible",
                f"{where}, and neither command, args, env nor workingDir speak of {mount.path}: a program that has the "
                "path written into it does not find the volume; pass the path as an argument",
            )


def _text(error: Exception) -> str:
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
