"""The whole control plane in one process: the only place, with ``__main__``, that knows which mode we are in."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from katib_control.admission.experiment import ExperimentAdmission
from katib_control.api.crd import crds
from katib_control.api.errors import KatibError
from katib_control.api.experiment import ConfigMapSource
from katib_control.api.validation.installed import Installed
from katib_control.apiserver.database import snapshot
from katib_control.apiserver.expiry import EventExpiry
from katib_control.apiserver.gc import GarbageCollector
from katib_control.apiserver.ports import Admission
from katib_control.apiserver.server import ApiServer
from katib_control.apiserver.store import Store
from katib_control.collectors.pod_log import PodLogCollector
from katib_control.earlystopping.engine import StoppingEngine
from katib_control.kube.client import Client
from katib_control.kube.errors import AlreadyExists, NotFound
from katib_control.kube.http import Transport
from katib_control.kube.resources import CONFIG_MAPS, CRDS, EXPERIMENTS
from katib_control.node.claims import ClaimCleanup
from katib_control.node.jobs import JobController
from katib_control.node.node import Node, NodeOptions
from katib_control.observations.store import ObservationStore
from katib_control.reconcile.controllers import Reconcilers
from katib_control.runtime.clock import Clock, system_clock
from katib_control.runtime.events import EventRecorder
from katib_control.runtime.informer import Informers
from katib_control.runtime.manager import Manager, Runnable
from katib_control.suggestion.engine import Engine

if TYPE_CHECKING:
    from katib_control.apiserver.http import HttpServer

INSTALLED = Installed(collectors=("StdOut", "Push"))
"""What this control plane has; algorithms and early stopping rules are the engines' own to check."""

SWITCH_INTERVAL = 0.0005
"""Seconds after which a computing thread lets others run; measured: 5 to 10 % more trials per second."""


class ControlPlane:
    """API server, node, controllers and observation log over one state directory.

    ``state`` is made when it is not there; without one everything lives in a temporary directory and is gone after
    ``stop``. A directory belongs to one control plane at a time. Everything in it survives ``kill -9``: a new control
    plane goes on where the old one was. ``node`` is where logs and exit codes are, if not there.
    """

    def __init__(
        self,
        state: Path | None = None,
        *,
        clock: Clock = system_clock,
        environment: Mapping[str, str] | None = None,
        capacity: Mapping[str, Any] | None = None,
        node: Path | None = None,
    ) -> None:
        self._temporary = state is None
        self.state = Path(tempfile.mkdtemp(prefix="katib-kfp-")) if state is None else Path(state)
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)  # Secrets are in it
        self._node_directory = node or self.state / "node"
        self._store = Store(self.state)
        self._server = ApiServer(self._store, clock=clock, admit=self._admit, logs=self._logs)
        self.transport: Transport = self._server.handle
        self.client = Client(self.transport)
        with ExitStack() as undo:  # a directory in which something cannot be opened must not stay locked
            undo.callback(self._server.close)
            parts = self._open(clock, environment or {}, capacity)
            undo.pop_all()
        self._manager = Manager([], parts)
        self._http: HttpServer | None = None
        self._switch_interval = 0.0

    def _open(self, clock: Clock, environment: Mapping[str, str], capacity: Mapping[str, Any] | None) -> list[Runnable]:
        """Open and wire what works against the API server; return it in the order of starting."""
        self.observations = ObservationStore(self.state / "observations.sqlite3")
        engine, early_stop = Engine(), StoppingEngine(self.observations)
        self._admission = ExperimentAdmission(
            self._read_template, lambda item: [*engine.validate(item), *early_stop.validate(item)], INSTALLED
        )
        self._recorder = EventRecorder(self.client, "katib-controller", clock)
        self._collector = PodLogCollector(self.client, self.observations, clock)
        # One watch of each kind for all of them: a change is read once.
        informers = Informers(self.client)
        self._node = Node(
            self.client, self._node_directory, clock=clock, environment=environment, capacity=capacity,
            options=NodeOptions(informers=informers),
        )  # fmt: skip
        reconcilers = Reconcilers(
            self.client, engine, self.observations, self._collector, clock, self._recorder,
            informers=informers, early_stop=early_stop,
        )  # fmt: skip
        return [
            self._recorder,
            GarbageCollector(self.client, informers),
            EventExpiry(self._server.core.store, clock),
            self._node,
            ClaimCleanup(self.client, self._node_directory / "claims", informers),
            JobController(self.client, clock=clock, informers=informers),
            reconcilers,
        ]

    def start(self) -> ControlPlane:
        """Install the CRDs and start everything; returns when Experiments are served and reconciled."""
        # About ten threads hand each trial on: with the usual 5 ms each hop may wait for whoever computes.
        self._switch_interval = sys.getswitchinterval()
        sys.setswitchinterval(min(self._switch_interval, SWITCH_INTERVAL))
        for crd in crds():
            install(self.client, crd)
        self._manager.start()
        return self

    def stop(self) -> None:
        """Stop everything, workers included; what was not finished goes on after the next start."""
        if self._http:
            self._http.stop()
            (self.state / "kubeconfig").unlink(missing_ok=True)  # nobody answers there any more
        self._manager.stop()
        if self._switch_interval:
            sys.setswitchinterval(self._switch_interval)
        self.close()

    def close(self) -> None:
        """Let go of the state directory; enough where nothing was started."""
        self._collector.close()
        self._server.close()
        self.observations.close()
        if self._temporary:
            shutil.rmtree(self.state, ignore_errors=True)

    def serve(self, host: str = "127.0.0.1", port: int = 0) -> Path:
        """Listen on HTTP with a bearer token made now; return the kubeconfig that holds it (mode 0600)."""
        from katib_control.apiserver.http import new_token, serve  # only who listens pays for the HTTP server
        from katib_control.apiserver.kubeconfig import Access, write_kubeconfig

        token = new_token()
        self._http = serve(self.transport, host=host, port=port, token=token)
        access = Access(url=self._http.url, token=token, authority=self._http.authority)
        return write_kubeconfig(self.state / "kubeconfig", access)

    @property
    def url(self) -> str:
        """Where it listens; empty while it does not."""
        return self._http.url if self._http else ""

    def trouble(self) -> KatibError | None:
        """Return why the state cannot be written any more; None while all is well."""
        return self._store.trouble

    def __enter__(self) -> ControlPlane:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _admit(self, admission: Admission) -> dict[str, Any] | None:
        if admission.resource != EXPERIMENTS or admission.subresource or admission.object is None:
            return None
        return self._admission(admission.object, admission.old)

    def _logs(self, query: Any) -> Any:
        return self._node.logs(query)

    def _read_template(self, source: ConfigMapSource) -> str | None:
        try:
            found = self.client.get(CONFIG_MAPS, source.config_map_name, source.config_map_namespace)
        except NotFound:
            return None
        text: str | None = found.get("data", {}).get(source.template_path)
        return text


def install(client: Client, crd: dict[str, Any]) -> None:
    """Create the CustomResourceDefinition, or bring the one that is there up to date."""
    try:
        client.create(CRDS, crd)
    except AlreadyExists:
        there = client.get(CRDS, crd["metadata"]["name"])
        client.replace(CRDS, there | {"spec": crd["spec"]})


@contextmanager
def reading(state: Path) -> Iterator[Client]:
    """Yield a client of what a state directory holds at this moment; nothing in it is set going.

    It is a copy that is read: the process that has the directory, or wants to have it, is not hindered.
    """
    with tempfile.TemporaryDirectory(prefix="katib-kfp-") as directory:
        copy = Path(directory)
        snapshot(state, copy)
        plane = ControlPlane(copy, node=state / "node")
        try:
            yield plane.client
        finally:
            plane.close()
