"""SIGTERM ends a step within a second, and deletes or keeps the Experiment as asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest_kfp import experiment
from katib_control.embedded import ControlPlane
from katib_control.kube.client import Client
from katib_control.kube.errors import NotFound
from katib_control.kube.resources import EXPERIMENTS
from katib_kfp import local
from katib_kfp.runtime.cancel import quickly, signals_as_cancelled
from katib_kfp.runtime.errors import Cancelled

STEP = """
import json, sys
from types import SimpleNamespace
from katib_kfp import runtime

asked = json.loads(sys.argv[1])
artifact = SimpleNamespace(path="unused", metadata={})
runtime.tune(
    runtime.Request(spec=asked["spec"], name="slow"),
    runtime.Waiting(on_cancel=asked["on_cancel"]),
    runtime.Where(**asked["where"]),
    runtime.Artifacts(trials=artifact, metrics=artifact, report=artifact),
)
"""


def start(where: dict[str, str], on_cancel: str, directory: Path) -> subprocess.Popen[str]:
    """Start a step whose trials take a minute; return when its first trial runs."""
    slow = experiment().to_yaml().replace("print('accuracy", "__import__('time').sleep(60); print('accuracy")
    asked = {"spec": type(experiment()).from_spec(slow).for_kfp(), "on_cancel": on_cancel, "where": where}
    environ = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"}
    step = subprocess.Popen(
        [sys.executable, "-c", STEP, json.dumps(asked)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=directory, env=environ,
    )  # fmt: skip
    assert step.stdout is not None
    for line in step.stdout:
        if "running" in line and "trials done" in line:
            break
    return step


def end(step: subprocess.Popen[str], number: int) -> float:
    """Send the signal; return the seconds until the process has ended, which must be with code 143."""
    began = time.monotonic()
    step.send_signal(number)
    said, _ = step.communicate(timeout=60)
    assert step.returncode == 143, said
    assert f"ended by {signal.Signals(number).name}" in said
    assert "Traceback" not in said
    return time.monotonic() - began


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Client, str]]:
    """A control plane over HTTP, as a cluster is: its own client, and its kubeconfig."""
    with ControlPlane(tmp_path / "served") as plane:
        yield plane.client, str(plane.serve())


@pytest.mark.parametrize(("on_cancel", "left"), [("delete", False), ("keep", True)])
def test_on_a_cluster_one_quick_delete_or_none(
    on_cancel: str, left: bool, served: tuple[Client, str], tmp_path: Path
) -> None:
    client, kubeconfig = served
    step = start({"kubeconfig": kubeconfig}, on_cancel, tmp_path)
    assert end(step, signal.SIGTERM) < 2  # about a second on an idle machine
    assert exists(client) is left


def exists(client: Client) -> bool:
    """Tell whether the Experiment is there and not on its way out."""
    try:
        found: dict[str, Any] = client.get(EXPERIMENTS, "slow", "default")
    except NotFound:
        return False
    return "deletionTimestamp" not in found["metadata"]


@pytest.mark.parametrize(
    ("number", "on_cancel", "left"),
    [(signal.SIGTERM, "delete", []), (signal.SIGINT, "keep", ["slow"])],
)
def test_on_this_machine_too(number: int, on_cancel: str, left: list[str], tmp_path: Path) -> None:
    state = tmp_path / "state"
    end(start({"state_dir": str(state)}, on_cancel, tmp_path), number)
    with local.control_plane(state) as client:
        alive = [item for item in client.list() if not item.metadata.deletion_timestamp]
        assert [item.metadata.name for item in alive] == left


def test_a_signal_becomes_an_exception_and_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Cancelled, match="SIGTERM"), signals_as_cancelled():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_another_thread_leaves_signals_alone() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def look() -> None:
        with signals_as_cancelled():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_call_that_hangs_is_left_behind_and_one_that_fails_is_forgotten() -> None:
    hang = threading.Event()
    assert not quickly(hang.wait, 0.01)
    hang.set()
    assert quickly(lambda: 1 / 0, 5)
