"""The control plane in this process, for notebooks and tests.

from katib_kfp import local

with local.control_plane() as client:
    name = client.create(experiment)
    client.wait(name)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from katib_kfp.client import KatibClient


@contextmanager
def control_plane(state: str | Path | None = None, *, namespace: str = "default") -> Iterator[KatibClient]:
    """Yield a client of a control plane that runs here and keeps everything in ``state``.

    Without a directory everything is gone at the end. Trials are processes of this machine; what is not finished at
    the end is stopped, and goes on when the same directory is used again.
    """
    from katib_control.embedded import ControlPlane  # heavy: only where it runs

    with ControlPlane(Path(state) if state is not None else None) as plane:
        yield KatibClient(plane.client, namespace)
