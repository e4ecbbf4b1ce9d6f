"""The control plane in this process, for notebooks and tests.

from katib_kfp import local

with local.control_plane() as client:
    name = client.create(experiment)
    client.wait(name)
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from katib_kfp.client import KatibClient
from katib_kfp.runtime.create import ensure_namespace


@contextmanager
def control_plane(state: str | Path | None = None, *, namespace: str = "default") -> Iterator[KatibClient]:
    """Yield a client of a control plane that runs here and keeps everything in ``state``.

    Without a directory everything is gone at the end. Trials are processes of this machine; what is not finished at
    the end is stopped, and goes on when the same directory is used again.
    """
    from katib_control.embedded import ControlPlane  # heavy: only where it runs

    with ControlPlane(Path(state) if state is not None else None) as plane:
        ensure_namespace(plane.client, namespace)
        yield KatibClient(plane.client, namespace)


@contextmanager
def readable_logs() -> Iterator[None]:
    """Leave out of what ``kfp.local`` prints that which only debugging wants: the executor's own words and its input.

    Everything that a component prints, and every error, stays. Ctrl-C ends the process with code 130 and one line.
    """
    plain = sys.stdout
    sys.stdout = _WithoutExecutor(plain)
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        raise SystemExit(130) from None
    finally:
        sys.stdout = plain


class _WithoutExecutor(io.TextIOBase):
    """Passes whole lines on, but for lines of the KFP executor and the JSON that follows ``Got executor_input``."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._rest, self._closing = out, "", ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        self._out.writelines(f"{line}\n" for line in lines if self._wanted(line))
        return len(text)

    def flush(self) -> None:
        self._out.flush()

    def _wanted(self, line: str) -> bool:
        if self._closing:
            if line.rstrip() == self._closing:
                self._closing = ""
            return False
        if "[KFP Executor" in line and " INFO]: " in line:
            if line.rstrip().endswith("Got executor_input:"):
                self._closing = line[: len(line) - len(line.lstrip())] + "}"
            return False
        return bool(line.strip())
