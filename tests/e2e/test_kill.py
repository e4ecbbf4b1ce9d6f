"""SIGKILL of the whole process group of `katib-kfp up`: no trial is lost, none runs twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from katib_kfp import Categorical, Double, Experiment, KatibClient, minimize

TRIALS, KILLS = 40, 5
WORK = 'echo "start $2" >> "$1"; sleep 0.4; echo "loss=$3"; echo "end $2" >> "$1"'


def experiment(journal: Path) -> Experiment:
    return Experiment.from_command(
        ["sh", "-c", WORK, "trial", str(journal), "${trialParameters.trialName}", "${trialParameters.x}",
         "${trialParameters.color}"],
        space={"x": Double(min=0, max=1), "color": Categorical(choices=["red", "green"])},
        objective=minimize("loss"),
        name="killed", algorithm="random", max_trial_count=TRIALS, parallel_trial_count=4,
    )  # fmt: skip


class Plane:
    """`katib-kfp up` as a user starts it, in a process group of its own."""

    def __init__(self, state: Path) -> None:
        self.kubeconfig = state / "kubeconfig"
        before = self._stamp()
        command = [sys.executable, "-m", "katib_kfp.cli", "up", "--state", str(state)]
        self.process = subprocess.Popen(
            command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        until = time.monotonic() + 30
        while self._stamp() == before:
            assert self.process.poll() is None, self.process.stderr.read().decode()
            assert time.monotonic() < until, "no kubeconfig within 30 s"
            time.sleep(0.02)

    def client(self) -> KatibClient:
        return KatibClient.connect(kubeconfig=str(self.kubeconfig))

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.process.stderr.close()

    def stop(self) -> None:
        self.process.terminate()
        _, said = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, said.decode()

    def _stamp(self) -> int:
        return self.kubeconfig.stat().st_mtime_ns if self.kubeconfig.exists() else 0


@pytest.fixture
def start(tmp_path):
    """Start a control plane over the test's state directory; what still runs at the end is killed."""
    started = []

    def begin() -> Plane:
        started.append(Plane(tmp_path / "state"))
        return started[-1]

    yield begin
    if started[-1].process.poll() is None:
        started[-1].kill()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_forty_trials_survive_five_kills_each_run_exactly_once(tmp_path, start):
    state, journal = tmp_path / "state", tmp_path / "journal"
    moments = random.Random()
    plane = start()
    with plane.client() as client:
        client.create(experiment(journal))
    for _ in range(KILLS):
        time.sleep(moments.uniform(0.1, 1.5))
        plane.kill()
        plane = start()
    with plane.client() as client:
        client.wait("killed", timeout=120, on_change=lambda _: None)
        trials = client.trials("killed")
    plane.stop()

    assert Counter(trial.state for trial in trials) == {"Succeeded": TRIALS}
    assert len({tuple(sorted(trial.parameters.items())) for trial in trials}) == TRIALS
    said = Counter(journal.read_text(encoding="utf-8").split("\n")[:-1])
    expected = {f"{word} {trial.name}": 1 for trial in trials for word in ("start", "end")}
    assert said == expected
    assert left_over(state) == []


def left_over(state: Path) -> list[str]:
    """Processes that still have to do with the state directory; the supervisor is given a moment to end."""
    until = time.monotonic() + 15
    while True:
        lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
        found = [line for line in lines if str(state) in line]
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.1)
