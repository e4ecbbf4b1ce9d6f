"""The machine as a Kubernetes node: its Node object, its kubelet, its supervisor, and the logs of its containers."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from katib_control.api.times import to_wire
from katib_control.kube.client import Client
from katib_control.kube.errors import AlreadyExists, BadRequest
from katib_control.kube.http import Stream
from katib_control.kube.resources import NODES
from katib_control.node import quantity
from katib_control.node.attempt import Attempt, log_path, read_container
from katib_control.node.attempt_book import AttemptBook
from katib_control.node.capacity import Ledger, detect, show
from katib_control.node.environment import Machine
from katib_control.node.kubelet import Kubelet, Parts
from katib_control.node.logs import Cut, LogFollower, read_whole
from katib_control.node.notes import Notes
from katib_control.node.python_path import python_directories
from katib_control.node.starter import Starter
from katib_control.node.supervisor_client import SupervisorClient, SupervisorLost, SupervisorRefused
from katib_control.runtime.clock import Clock, system_clock
from katib_control.runtime.events import EventRecorder
from katib_control.runtime.informer import Informers

logger = logging.getLogger(__name__)


class LogQuery(Protocol):
    """What a reader of a container's log asks for; the API server's own type fits."""

    @property
    def pod(self) -> dict[str, Any]:
        """The Pod."""

    @property
    def container(self) -> str:
        """One of its containers."""

    @property
    def follow(self) -> bool:
        """Whether to go on until the container ends."""

    @property
    def tail_lines(self) -> int | None:
        """How many lines from the end; None: all."""

    @property
    def since_time(self) -> datetime | None:
        """Nothing older than this."""

    @property
    def timestamps(self) -> bool:
        """Whether each line begins with its time."""

    @property
    def limit_bytes(self) -> int | None:
        """No more than so many bytes."""


@dataclass(frozen=True, kw_only=True)
class NodeOptions:
    """What is seldom changed.

    ``working_directory``: where containers without a workingDir run; None: where the control plane was started.
    ``inherited``: the environment under every container's own; None: that of the control plane.
    ``stop_grace``: the most seconds a container gets to end when the node stops.
    ``linger``: how many seconds the supervisor waits for a new control plane when nothing runs.
    ``informers``: those of the process, where others watch the same kinds.
    """

    name: str = "local"
    working_directory: Path | None = None
    inherited: Mapping[str, str] | None = None
    stop_grace: float = 10.0
    linger: float = 10.0
    informers: Informers | None = None


class Node:
    """This machine. ``directory`` is the node's own; ``capacity`` (quantities by resource name) overrides what was
    detected; ``environment`` is added to every container.

    ``stop`` ends all that runs and leaves the Pods marked as disrupted. A crash leaves it running: the next Node of the
    same directory takes it over.
    """

    def __init__(
        self,
        client: Client,
        directory: Path,
        *,
        clock: Clock = system_clock,
        capacity: Mapping[str, str | int] | None = None,
        environment: Mapping[str, str] | None = None,
        options: NodeOptions = NodeOptions(),
    ) -> None:
        self._client, self._directory, self._clock, self._options = client, directory.resolve(), clock, options
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._capacity = detect() | {name: quantity.parse(value) for name, value in (capacity or {}).items()}
        self._recorder = EventRecorder(client, "kubelet", clock)
        self._book = AttemptBook(self._directory)
        self._followers: dict[str, set[LogFollower]] = {}
        self._follower_lock = threading.Lock()
        self._supervisor = SupervisorClient(
            self._directory, on_attempt=self._news, on_reconnect=self._reconnected, on_growth=self._grown,
            linger=options.linger,
        )  # fmt: skip
        machine = self._machine(environment or {})
        notes = Notes(self._recorder.event, clock)
        starter = Starter(client, self._directory, machine, self._supervisor.start, notes.about)
        self._kubelet = Kubelet(
            Parts(
                client=client, informers=options.informers or Informers(client),
                directory=self._directory, supervisor=self._supervisor, book=self._book,
                ledger=Ledger(self._capacity), starter=starter, notes=notes, clock=clock, name=options.name,
            )
        )  # fmt: skip
        self._started = False

    def start(self) -> None:
        """Find or start the supervisor, register the node, take over what runs, and begin. Raises SupervisorLost."""
        running = self._supervisor.connect()
        self._started = True
        self._recorder.start()
        self._register()
        self._kubelet.start(running)

    def stop(self) -> None:
        """End everything that runs here, then the supervisor; also what never began."""
        if self._started:
            self._started = False
            self._kubelet.halt()
            try:
                self._kubelet.shut_down(self._options.stop_grace)
                self._supervisor.exit()
            except (SupervisorLost, SupervisorRefused) as error:
                logger.warning("the supervisor did not end: %s", error)
            self._kubelet.close()
        self._supervisor.close()
        for follower in self._all_followers():
            follower.close()
        self._recorder.stop()

    def abandon(self) -> None:
        """Let go of everything and leave it running, as a crash would; for tests and for handing over."""
        self._started = False
        self._kubelet.close()
        self._supervisor.close()
        self._recorder.stop()

    def logs(self, query: LogQuery) -> bytes | Stream:
        """Return a container's log; followed, a Stream that ends with it. Raises BadRequest before there is one."""
        attempt = self._latest(query.pod, query.container)
        cut = Cut(
            tail_lines=query.tail_lines,
            since=query.since_time,
            timestamps=query.timestamps,
            limit_bytes=query.limit_bytes,
        )
        path = log_path(self._directory, attempt)
        if attempt.ended or not query.follow:
            return read_whole(path, cut)
        follower = LogFollower(path, cut, ended=lambda: self._has_ended(attempt), closed=self._closed(attempt.key))
        with self._follower_lock:
            self._followers.setdefault(attempt.key, set()).add(follower)
        with contextlib.suppress(SupervisorLost):
            self._supervisor.follow(attempt.key)
        return follower

    def _latest(self, pod: dict[str, Any], container: str) -> Attempt:
        metadata = pod["metadata"]
        found = self._book.latest(metadata["uid"], container)
        where = f'container "{container}" in pod "{metadata["name"]}"'
        if found is None:
            raise BadRequest(f"{where} is waiting to start: {_waiting_reason(pod, container)}")
        if found.ended and found.message and not log_path(self._directory, found).exists():
            raise BadRequest(f"{where} could not be started: {found.message}")
        return found

    def _has_ended(self, attempt: Attempt) -> bool:
        known = self._book.find(attempt.pod, attempt.container, attempt.number)
        if known is None:
            on_disk = read_container(self._directory, attempt.pod, attempt.container)
            known = next((item for item in on_disk if item.number == attempt.number), None)
        return known is None or known.ended

    def _news(self, attempt: Attempt) -> None:
        self._kubelet.news(attempt)
        self._grown([attempt.key])

    def _reconnected(self) -> None:
        self._kubelet.reconnected()
        with self._follower_lock:
            keys = list(self._followers)
        for key in keys:
            self._supervisor.follow(key)
        self._grown(keys)

    def _grown(self, keys: list[str]) -> None:
        with self._follower_lock:
            followers = [follower for key in keys for follower in self._followers.get(key, ())]
        for follower in followers:
            follower.wake()

    def _closed(self, key: str) -> Any:
        def closed(follower: LogFollower) -> None:
            with self._follower_lock:
                followers = self._followers.get(key, set())
                followers.discard(follower)
                if not followers:
                    self._followers.pop(key, None)

        return closed

    def _all_followers(self) -> list[LogFollower]:
        with self._follower_lock:
            return [follower for followers in self._followers.values() for follower in followers]

    def _machine(self, environment: Mapping[str, str]) -> Machine:
        options = self._options
        inherited = dict(os.environ) if options.inherited is None else dict(options.inherited)
        return Machine(
            python=sys.executable,
            directory=str((options.working_directory or Path.cwd()).resolve()),
            name=options.name,
            path=python_directories(sys.executable, self._directory / "bin"),
            inherited=inherited,
            added=dict(environment),
            resources=self._capacity,
        )

    def _register(self) -> None:
        body = node_object(self._options.name, self._capacity, to_wire(self._clock()))
        with contextlib.suppress(AlreadyExists):
            self._client.create(NODES, body)
        self._client.patch(NODES, self._options.name, {"status": body["status"]}, subresource="status")


def node_object(name: str, capacity: Mapping[str, Decimal], now: str) -> dict[str, Any]:
    """Return the Node."""
    amounts = {key: show(key, value) if key == "cpu" else str(int(value)) for key, value in capacity.items()}
    system, machine = platform.system().lower(), platform.machine()
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": system, "kubernetes.io/arch": machine}
    ready = {
        "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "pods run as local processes",
        "lastHeartbeatTime": now, "lastTransitionTime": now,
    }  # fmt: skip
    info = {
        "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": platform.release(),
        "osImage": platform.platform(), "containerRuntimeVersion": f"process://python-{platform.python_version()}",
        "kubeletVersion": "v1.33.0", "kubeProxyVersion": "", "operatingSystem": system, "architecture": machine,
    }  # fmt: skip
    status = {
        "capacity": amounts, "allocatable": amounts, "conditions": [ready], "nodeInfo": info,
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
    }  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {},
        "status": status,
    }


def _waiting_reason(pod: Mapping[str, Any], container: str) -> str:
    status = pod.get("status") or {}
    for item in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        if item["name"] == container and (waiting := (item.get("state") or {}).get("waiting")):
            reason, message = waiting.get("reason", ""), waiting.get("message", "")
            return f"{reason}: {message}" if message else str(reason)
    unscheduled = [
        item for item in status.get("conditions") or () if item["type"] == "PodScheduled" and item["status"] == "False"
    ]
    return f"{unscheduled[0]['reason']}: {unscheduled[0]['message']}" if unscheduled else "ContainerCreating"
