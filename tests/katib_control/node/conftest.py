"""What every test of the node needs: nothing that a test starts may outlive it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest


def of_directory(directory: Path) -> list[psutil.Process]:
    """Return live processes that were started for a state directory: supervisors, and what carries its mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if str(directory) in process.cmdline() or process.environ().get("TEST_OF") == str(directory):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state directory of whose processes nothing may be left at the end of the test."""
    directory = (tmp_path / "node").resolve()
    directory.mkdir()
    yield directory
    deadline = time.monotonic() + 5
    while (left := of_directory(directory)) and time.monotonic() < deadline:
        psutil.wait_procs(left, timeout=0.1)
    for process in left:
        process.kill()
    assert [process.cmdline() for process in left] == []
