"""A pipeline whose process is interrupted or dies leaves nothing running, and loses nothing that was to be kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from katib_kfp import local
from katib_kfp.runtime.place import in_use

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
PIPELINE = """
import os
from kfp import dsl, local
from katib_kfp import Double, maximize, tune

@dsl.component(base_image="python:3.11", install_kfp_package=False)
def train(lr: float, started: str) -> float:
    import pathlib, time

    pathlib.Path(started).touch()
    time.sleep(1)
    return lr

tune_train = tune(train, space={"lr": Double(min=0, max=1)}, objective=maximize("accuracy"),
                  max_trial_count=40, parallel_trial_count=1, algorithm="random")
local.init(local.SubprocessRunner(use_venv=False))
tune_train(started=os.path.abspath("started"), state_dir="state", run_id="mine")
"""


@pytest.mark.parametrize(
    ("send", "number", "left"),
    [
        pytest.param(os.killpg, signal.SIGINT, 0, id="ctrl-c ends the step too, which deletes as it was told"),
        pytest.param(os.kill, signal.SIGKILL, 1, id="a step whose pipeline is gone ends by itself and keeps all"),
    ],
)
def test_a_pipeline_that_ends_early(send: Callable[[int, int], None], number: int, left: int, tmp_path: Path) -> None:
    (tmp_path / "study.py").write_text(PIPELINE)
    environ = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"}
    pipeline = subprocess.Popen(
        [sys.executable, "study.py"], cwd=tmp_path, env=environ, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    until((tmp_path / "started").exists)
    send(pipeline.pid, number)
    pipeline.communicate()
    until(lambda: not in_use(tmp_path / "state"))
    with local.control_plane(tmp_path / "state") as client:
        assert len([item for item in client.list() if not item.metadata.deletion_timestamp]) == left


def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds; the test's time limit ends this."""
    while not holds():
        time.sleep(0.05)
