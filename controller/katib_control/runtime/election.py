"""Leader election by a coordination.k8s.io/v1 Lease: of several replicas one works, the others wait.

The clocks of the replicas are not compared: a Lease has run out when this replica has not seen it change for its
duration, by its own monotonic clock.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from katib_control.api.errors import KatibError
from katib_control.api.times import to_wire_exact
from katib_control.kube.client import Client
from katib_control.kube.errors import NotFound
from katib_control.kube.resources import LEASES
from katib_control.runtime.clock import Clock, Monotonic, monotonic, system_clock
from katib_control.runtime.manager import Runnable

logger = logging.getLogger(__name__)

Step = Literal["create", "renew", "take", "wait"]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Seconds: how long a Lease holds, how long a leader may fail to renew it, how often everybody looks."""

    duration: float = 15.0
    renew_deadline: float = 10.0
    retry: float = 2.0

    def __post_init__(self) -> None:
        if not self.duration > self.renew_deadline > self.retry > 0:
            raise ValueError(f"duration > renew_deadline > retry > 0 must hold (got {self})")


@dataclass(frozen=True)
class Sighting:
    """A state of the Lease (its resourceVersion) and when it was first seen, in seconds of the own clock."""

    version: str
    at: float


def look(lease: dict[str, Any] | None, before: Sighting | None, now: float) -> Sighting:
    """Return the sighting of the Lease: the one before, when nothing has changed since."""
    version = lease["metadata"].get("resourceVersion", "") if lease else ""
    return before if before is not None and before.version == version else Sighting(version, now)


def decide(lease: dict[str, Any] | None, sighting: Sighting, identity: str, now: float) -> Step:
    """Return what this replica does: create a Lease, renew its own, take one that has run out, or wait."""
    if lease is None:
        return "create"
    spec = lease.get("spec") or {}
    holder = spec.get("holderIdentity") or ""
    if holder == identity:
        return "renew"
    if not holder or now >= sighting.at + float(spec.get("leaseDurationSeconds") or 0):
        return "take"
    return "wait"


def claimed(spec: dict[str, Any], step: Step, identity: str, when: str, seconds: int) -> dict[str, Any]:
    """Return the Lease's spec after the step; a change of the holder counts as a transition."""
    renewed = spec | {"holderIdentity": identity, "leaseDurationSeconds": seconds, "renewTime": when}
    if step == "renew":
        return renewed
    return renewed | {
        "acquireTime": when,
        "leaseTransitions": 0 if step == "create" else int(spec.get("leaseTransitions") or 0) + 1,
    }


class LeaderElection:
    """Starts what ``build`` returns while this replica holds the Lease, and stops it when it does not any more.

    Each term gets a newly built runnable. ``stop`` gives the Lease back, so that another replica need not wait.
    """

    def __init__(
        self,
        client: Client,
        lease: tuple[str, str],
        identity: str,
        build: Callable[[], Runnable],
        *,
        terms: Terms = Terms(),
        clock: Clock = system_clock,
    ) -> None:
        self._client, self._identity, self._build = client, identity, build
        (self._namespace, self._name), self._terms, self._clock = lease, terms, clock
        self._now: Monotonic = monotonic
        self._stopping = threading.Event()
        self._sighting: Sighting | None = None
        self._running: Runnable | None = None
        self._renewed = 0.0
        self._turn = threading.RLock()
        self._threads = [
            threading.Thread(target=target, name=f"election-{self._name}", daemon=True)
            for target in (self._run, self._watch_deadline)
        ]

    @property
    def leading(self) -> bool:
        """Whether this replica works at the moment."""
        return self._running is not None

    def start(self) -> None:
        """Begin to stand for election."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Stop what runs, give the Lease back."""
        self._stopping.set()
        for thread in self._threads:
            if thread.ident is not None and thread is not threading.current_thread():
                thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            began = self._now()
            held = self._attempt()
            if held:
                self._begin(began)
            elif held is False:
                self._end()
            self._stopping.wait(self._terms.retry)
        led = self.leading
        self._end()
        if led:
            self._release()

    def _watch_deadline(self) -> None:
        """Stop what runs when the Lease was not renewed in time, also while an attempt hangs in the network."""
        while not self._stopping.wait(self._terms.retry / 2):
            with self._turn:
                if self.leading and self._now() >= self._renewed + self._terms.renew_deadline:
                    self._end()

    def _attempt(self) -> bool | None:
        """Return whether the Lease is held; None when that could not be found out or written."""
        began = self._now()
        try:
            lease = self._read()
            self._sighting = look(lease, self._sighting, began)
            step = decide(lease, self._sighting, self._identity, began)
            if step == "wait":
                return False
            self._write(lease, step)
        except KatibError as error:
            logger.warning("lease %s/%s: not renewed: %s", self._namespace, self._name, error)
            return None
        return True

    def _read(self) -> dict[str, Any] | None:
        try:
            return self._client.get(LEASES, self._name, self._namespace)
        except NotFound:
            return None

    def _write(self, lease: dict[str, Any] | None, step: Step) -> None:
        seconds = max(int(self._terms.duration), 1)
        spec = (lease or {}).get("spec") or {}
        metadata = (lease or {}).get("metadata") or {"name": self._name, "namespace": self._namespace}
        body = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": metadata,
            "spec": claimed(spec, step, self._identity, to_wire_exact(self._clock()), seconds),
        }
        if step == "create":
            self._client.create(LEASES, body)
        else:
            self._client.replace(LEASES, body)

    def _begin(self, renewed: float) -> None:
        with self._turn:
            self._renewed = renewed
            late = self._now() >= renewed + self._terms.renew_deadline
            if late or self._running is not None or self._stopping.is_set():
                return
            logger.info("%s leads: lease %s/%s", self._identity, self._namespace, self._name)
            self._running = self._build()
            try:
                self._running.start()
            except Exception:
                logger.exception("%s could not start", type(self._running).__name__)
                self._end()

    def _end(self) -> None:
        with self._turn:
            if self._running is not None:
                logger.info("%s leads no more: lease %s/%s", self._identity, self._namespace, self._name)
                self._running.stop()
                self._running = None

    def _release(self) -> None:
        try:
            lease = self._read()
            if lease is not None and lease["spec"].get("holderIdentity") == self._identity:
                spec = lease["spec"] | {"holderIdentity": "", "leaseDurationSeconds": 1}
                self._client.replace(LEASES, lease | {"spec": spec})
        except KatibError as error:
            logger.debug("lease %s/%s: not given back: %s", self._namespace, self._name, error)
