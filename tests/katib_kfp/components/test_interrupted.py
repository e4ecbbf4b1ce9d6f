"""A pipeline whose process is interrupted or dies leaves nothing running, and loses nothing that was to be kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from katib_kfp import local

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
DRIVER = """
from kfp import dsl, local
from katib_kfp import Double, maximize, tune

@dsl.component(base_image="python:3.11", install_kfp_package=False)
def train(lr: float, marker: str) -> float:
    import pathlib, time

    pathlib.Path(marker).touch()
    time.sleep(1.5)
    return lr

slow = tune(train, space={"lr": Double(min=0, max=1)}, objective=maximize("acc"), max_trial_count=40,
            parallel_trial_count=1, algorithm="random")
local.init(local.SubprocessRunner(use_venv=False))
slow(marker="started", state_dir="state", run_id="mine")
"""


@pytest.mark.parametrize(
    ("send", "number", "left"),
    [
        pytest.param(os.killpg, signal.SIGINT, 0, id="Ctrl-C ends the step, which deletes as it is told"),
        pytest.param(os.kill, signal.SIGKILL, 1, id="a step whose driver has died ends by itself and keeps all"),
    ],
)
def test_a_pipeline_that_ends_early(send: object, number: int, left: int, tmp_path: Path) -> None:
    (tmp_path / "driver.py").write_text(DRIVER)
    environ = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"}
    with (tmp_path / "log").open("w") as log:
        driver = subprocess.Popen(
            [sys.executable, "-m", "driver"], cwd=tmp_path, env=environ, start_new_session=True,
            stdout=log, stderr=log,
        )  # fmt: skip
    wait_until(lambda: (tmp_path / "started").exists(), tmp_path)
    assert callable(send)
    send(driver.pid, number)
    driver.wait()
    state = tmp_path / "state"
    from katib_kfp.runtime.place import in_use

    wait_until(lambda: not in_use(state), tmp_path)
    with local.control_plane(state) as client:
        found = client.list()
        assert [item.status.trials_running for item in found] == [0] * left or left
        assert len(found) == left
