"""The demo pipeline, shortened: it runs, tells what it found, goes on where it was, and compiles."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from katib_kfp import local

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
FILE = Path(__file__).parents[2] / "pipelines" / "train_then_tune.py"


def start(*arguments: str, directory: Path) -> subprocess.Popen[str]:
    environ = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"}
    return subprocess.Popen(
        [sys.executable, str(FILE), *arguments], cwd=directory, env=environ, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def run(*arguments: str, directory: Path) -> str:
    process = start(*arguments, directory=directory)
    said, _ = process.communicate()
    assert process.returncode == 0, said
    return said


def test_a_killed_demo_goes_on_where_it_was(tmp_path: Path) -> None:
    first = start("--max-trials", "6", directory=tmp_path)
    assert first.stdout is not None
    for line in first.stdout:
        if "1/6" in line or "2/6" in line or "3/6" in line:
            break
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    killed = time.time()

    said = run("--max-trials", "6", directory=tmp_path)
    assert "found Experiment default/train-" in said
    assert "baseline accuracy 0." in said
    assert "tuned accuracy    0." in said
    assert "What to try next" in said
    assert "Got executor_input" not in said
    page = (tmp_path / ".katib-kfp" / "report.html").read_text()
    assert "<html" in page.lower()
    with local.control_plane(tmp_path / ".katib-kfp") as client:
        (experiment,) = client.list()
        trials = client.trials(experiment.metadata.name)
    assert [trial.state for trial in trials] == ["Succeeded"] * 6
    before = [trial for trial in trials if trial.finished and trial.finished < stamp(killed)]
    assert before, "what had finished before was not repeated"


def stamp(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment + 1))


def test_the_compiled_pipeline_is_ir_yaml_with_typed_steps(tmp_path: Path) -> None:
    run("--compile", "demo.yaml", directory=tmp_path)
    made = yaml.safe_load((tmp_path / "demo.yaml").read_text())
    steps = made["root"]["dag"]["tasks"]
    assert set(steps) == {"prepare", "retrain", "tune-train", "retrain-2", "compare"}
    outputs = made["components"]["comp-tune-train"]["outputDefinitions"]["parameters"]
    assert outputs["lr"]["parameterType"] == "NUMBER_DOUBLE"
    assert outputs["hidden"]["parameterType"] == "NUMBER_INTEGER"
    assert outputs["batch_size"]["parameterType"] == "NUMBER_INTEGER"
    assert outputs["activation"]["parameterType"] == "STRING"
