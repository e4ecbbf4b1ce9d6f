"""kfp.local keeps its state in module globals: one group, one configuration for each test."""

from __future__ import annotations

import builtins
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from katib_kfp import Double, Experiment, Int, maximize

SPACE = {"lr": Double(min=0.001, max=1.0, log=True), "layers": Int(min=1, max=4)}


@pytest.fixture
def run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Set kfp.local up in an empty directory and undo what it does to the process; yield the state directory."""
    from kfp import local
    from kfp.local import config

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    handlers, printer, instance = logging.getLogger().handlers[:], builtins.print, config.LocalExecutionConfig.instance
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(tmp_path / "out"))
        yield tmp_path / "state"
    builtins.print = printer
    logging.getLogger().handlers[:] = handlers
    config.LocalExecutionConfig.instance = instance


@pytest.fixture
def spec() -> dict[str, Any]:
    """An Experiment of four quick trials, as a component takes it; its best value is known by its own parameters."""
    return experiment().for_kfp()


def experiment(**options: Any) -> Experiment:
    code = "print('accuracy=%r' % (float('${trialParameters.lr}') * int('${trialParameters.layers}')))"
    settings: dict[str, Any] = {"name": "quick", "algorithm": "random", "max_trial_count": 4, "parallel_trial_count": 2}
    return Experiment.from_command(
        ["python3", "-c", code], space=SPACE, objective=maximize("accuracy"), **(settings | options)
    )
