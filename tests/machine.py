"""A whole small cluster for tests: embedded API server, node and Job controller over one state directory."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from katib_control.apiserver.server import ApiServer
from katib_control.apiserver.store import Store
from katib_control.kube.client import Client
from katib_control.kube.errors import NotFound
from katib_control.kube.resources import EVENTS, JOBS, PODS
from katib_control.kube.streams import LogOptions
from katib_control.node.jobs import JobController
from katib_control.node.node import Node, NodeOptions

Obj = dict[str, Any]


def pod(name: str, *command: str, **spec: Any) -> Obj:
    """Return a Pod of one container, or of those in ``spec``."""
    main = [{"name": "main", "image": "example/image", "command": list(command)}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"restartPolicy": "Never", "nodeName": "local", "containers": main, **spec},
    }


def job(name: str, *command: str, template: Mapping[str, Any] | None = None, **spec: Any) -> Obj:
    """Return a Job whose Pods have one container."""
    inner = pod("x", *command, **(template or {}))["spec"]
    inner.pop("nodeName")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"backoffLimit": 0, **spec, "template": {"spec": inner}},
    }


class Machine:
    """Starts when made. ``crash`` is the end of a control plane that nobody announced; ``stop`` the clean one."""

    def __init__(self, state: Path, **node: Any) -> None:
        self.state = state
        options = node.pop("options", None) or NodeOptions(linger=0.5, stop_grace=2)
        self.server = ApiServer(Store(state / "api"), logs=lambda query: self.node.logs(query))
        self.client = Client(self.server.handle)
        environment = {"TEST_OF": str(state), **node.pop("environment", {})}
        self.node = Node(self.client, state, environment=environment, options=options, **node)
        self.jobs = JobController(self.client)
        self.node.start()
        self.jobs.start()

    def stop(self) -> None:
        """End cleanly."""
        self.jobs.stop()
        self.node.stop()
        self.server.close()

    def crash(self) -> None:
        """Let go, as far as a process can play its own death."""
        self.jobs.stop()
        self.node.abandon()
        self.server.close()

    def make(self, body: Obj) -> Obj:
        """Create a Pod or a Job."""
        return self.client.create(PODS if body["kind"] == "Pod" else JOBS, body)

    def pod(self, name: str) -> Obj:
        """Return a Pod."""
        return self.client.get(PODS, name, "default")

    def pods_of(self, name: str) -> list[Obj]:
        """Return a Job's Pods, oldest first."""
        items = self.client.list(PODS, "default", labels=f"job-name={name}")["items"]
        return sorted(items, key=lambda item: int(item["metadata"]["annotations"]["katib.kubeflow.org/pod-number"]))

    def until_phase(self, name: str, *phases: str) -> Obj:
        """Return the Pod once it is in one of these phases."""
        return self.until(lambda: self._with_phase(name, phases), f"pod {name} is not {phases}")

    def until_over(self, name: str) -> Obj:
        """Return the Job once it has ended."""
        return self.until(lambda: self._ended(name), f"job {name} has not ended")

    def until_gone(self, name: str) -> None:
        """Wait until there is no such Pod."""
        self.until(lambda: not self._exists(name), f"pod {name} is still there")

    def until(self, found: Callable[[], Any], what: str, timeout: float = 20) -> Any:
        """Return what ``found`` returns once that is something."""
        deadline = time.monotonic() + timeout
        while not (result := found()):
            assert time.monotonic() < deadline, f"{what}: {self.client.list(PODS, 'default')['items']}"
            time.sleep(0.005)
        return result

    def log(self, name: str, **options: Any) -> str:
        """Return what a Pod has written."""
        return b"".join(self.client.logs(name, "default", options=LogOptions(**options))).decode()

    def events(self) -> list[tuple[str, str]]:
        """Return reason and message of every Event so far."""
        self.node._recorder.flush()
        return [(item["reason"], item["message"]) for item in self.client.list(EVENTS, "default")["items"]]

    def _with_phase(self, name: str, phases: tuple[str, ...]) -> Obj | None:
        found = self.pod(name)
        return found if found.get("status", {}).get("phase") in phases else None

    def _ended(self, name: str) -> Obj | None:
        found = self.client.get(JOBS, name, "default")
        conditions = found.get("status", {}).get("conditions") or ()
        return (
            found
            if any(item["type"] in ("Complete", "Failed") and item["status"] == "True" for item in conditions)
            else None
        )

    def _exists(self, name: str) -> bool:
        try:
            self.pod(name)
        except NotFound:
            return False
        return True


def condition(obj: Obj, kind: str) -> Obj:
    """Return a condition; empty when there is none."""
    return next((item for item in obj.get("status", {}).get("conditions") or () if item["type"] == kind), {})


def state_of(found: Obj, container: str = "main") -> Obj:
    """Return a container's state."""
    status = found["status"]
    every = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    return next(dict(item["state"]) for item in every if item["name"] == container)
