"""Where to run: ``decide`` is pure, ``connect`` is thin.

In this order: what the caller says, the cluster that this process runs in, KUBECONFIG, else the embedded control
plane with its state directory. A state directory that another process has is used through that one where it listens
(``katib-kfp up``), and waited for where it does not: two tune steps of one local pipeline run one after the other.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from katib_control.api.errors import KatibError
from katib_control.kube.client import Client
from katib_control.kube.errors import ApiError
from katib_kfp.runtime.errors import PlaceError

if TYPE_CHECKING:
    from katib_control.embedded import ControlPlane

logger = logging.getLogger(__name__)

DEFAULT_STATE = ".katib-kfp"
LOCK_SECONDS = 0.2
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, kw_only=True)
class Where:
    """What the caller says; empty means: not said. ``state_dir`` and a cluster exclude each other."""

    kubeconfig: str = ""
    context: str = ""
    state_dir: str = ""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where to run: ``cluster`` (empty kubeconfig and context: the defaults), ``in-cluster``, or ``embedded``."""

    kind: Literal["cluster", "in-cluster", "embedded"]
    kubeconfig: str = ""
    context: str = ""
    state: Path | None = None

    def __str__(self) -> str:
        """A few words for the log."""
        if self.kind == "embedded":
            return f"this machine, state in {self.state}"
        if self.kind == "in-cluster":
            return "the cluster this process runs in"
        words = [self.kubeconfig or "the default kubeconfig", f"context {self.context}" if self.context else ""]
        return f"the cluster of {', '.join(filter(None, words))}"


@dataclass(frozen=True)
class Connection:
    """A client that is ready, the namespace that is meant when none is named, and where that is."""

    client: Client
    namespace: str
    place: Place
    #: Why the state behind it cannot be written any more, if it is this process's own.
    trouble: Callable[[], KatibError | None] = lambda: None


def decide(where: Where, environ: Mapping[str, str], in_cluster: bool) -> Place:
    """Return where to run; raise PlaceError for a contradiction."""
    if where.state_dir and (where.kubeconfig or where.context):
        raise PlaceError(
            f"state_dir={where.state_dir!r} means this machine, kubeconfig or context a cluster; give one of the two"
        )
    if where.state_dir:
        return Place(kind="embedded", state=Path(where.state_dir))
    if where.kubeconfig or where.context:
        return Place(kind="cluster", kubeconfig=where.kubeconfig, context=where.context)
    if in_cluster:
        return Place(kind="in-cluster")
    if environ.get("KUBECONFIG"):
        return Place(kind="cluster")
    return Place(kind="embedded", state=Path(DEFAULT_STATE))


def inside_cluster(environ: Mapping[str, str], token: Path = SERVICE_ACCOUNT / "token") -> bool:
    """Tell whether this process runs in a Pod that may speak to its API server."""
    return bool(environ.get("KUBERNETES_SERVICE_HOST")) and token.exists()


@contextmanager
def connect(where: Where, *, timeout: float = 3600.0) -> Iterator[Connection]:
    """Yield a connection and end it; ``timeout`` seconds are spent at most on a state directory that is in use.

    Raises PlaceError, and what the control plane or the connection raises.
    """
    place = decide(where, os.environ, inside_cluster(os.environ))
    if place.kind != "embedded":
        with _cluster(place) as connection:
            yield connection
        return
    state = place.state or Path(DEFAULT_STATE)
    deadline, said = time.monotonic() + timeout, False
    while True:
        owner = None if in_use(state) else _start(state)
        if owner is not None:
            break
        if listening := served(state):
            with _cluster(listening) as connection:
                yield connection
            return
        if time.monotonic() >= deadline:
            raise PlaceError(
                f"state directory {state} is in use by process {owner_of(state)}, which does not listen: "
                "stop that one, start `katib-kfp up` first and share it, or choose another directory"
            )
        if not said:
            logger.warning("state directory %s is in use by another process; waiting for it", state)
            said = True
        time.sleep(LOCK_SECONDS)
    try:
        yield Connection(owner.client, "default", place, owner.trouble)
    finally:
        owner.stop()


def in_use(state: Path) -> bool:
    """Tell whether another control plane has the directory."""
    import fcntl  # not on every system that may import this module

    try:
        file = os.open(state / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def owner_of(state: Path) -> str:
    """Return the process id that the owner of the directory has noted."""
    try:
        return (state / "lock").read_text(encoding="utf-8").strip() or "unknown"
    except OSError:
        return "unknown"


def _start(state: Path) -> ControlPlane | None:
    from katib_control.embedded import ControlPlane  # heavy: only where it runs

    try:
        plane = ControlPlane(state)
    except KatibError:
        if in_use(state):
            return None  # somebody was faster
        raise
    try:
        plane.start()
    except BaseException:
        plane.stop()
        raise
    return plane


def served(state: Path) -> Place | None:
    """Return the place behind the kubeconfig in the directory if a server answers there."""
    kubeconfig = state / "kubeconfig"
    if not kubeconfig.exists():
        return None
    place = Place(kind="cluster", kubeconfig=str(kubeconfig))
    try:
        with _cluster(place) as connection:
            connection.client.version()
    except (ApiError, OSError):
        return None
    return place


@contextmanager
def _cluster(place: Place) -> Iterator[Connection]:
    from katib_control.kube import cluster  # brings the official client

    opened = cluster.connect(place.kubeconfig or None, place.context or None)
    if opened is None:
        raise PlaceError(f"there is no way to {place}: no kubeconfig and no service account")
    try:
        yield Connection(Client(opened), opened.namespace or "default", place)
    finally:
        opened.close()
