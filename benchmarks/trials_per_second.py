"""Trials per second: the whole durable workflow beside Optuna's optimize with SQLite, and beside bare spawning."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.workload import experiment, plane, pushing, run


def measure(*, quick: bool) -> dict[str, object]:
    """Return medians of three runs each, interleaved so that the machine's moods hit both sides."""
    trials, python_trials = (100, 50) if quick else (1000, 300)
    ours, peer, ours_python, bare = [], [], [], []
    for _ in range(1 if quick else 3):
        ours.append(workflow(["true"], trials))
        peer.append(optuna_sqlite(trials))
        ours_python.append(workflow(["python", "-c", "pass"], python_trials))
        bare.append(spawning([sys.executable, "-c", "pass"], python_trials))  # what `python` is in a trial
    rates = {
        "true_per_s": ours, "optuna_sqlite_per_s": peer, "python_pass_per_s": ours_python, "bare_spawn_per_s": bare,
    }  # fmt: skip
    figures: dict[str, object] = {name: round(statistics.median(values), 1) for name, values in rates.items()}
    figures["ratio_to_optuna (goal >= 1)"] = round(statistics.median(ours) / statistics.median(peer), 2)
    figures["ratio_to_bare_spawn (goal >= 0.6)"] = round(statistics.median(ours_python) / statistics.median(bare), 2)
    figures["trials"] = trials
    return figures


def workflow(command: list[str], trials: int) -> float:
    """Return trials per second of one Experiment in a fresh control plane."""
    with tempfile.TemporaryDirectory() as directory, plane(Path(directory)) as control, pushing(control):
        ended, seconds = run(control, experiment("bench", command, trials=trials), timeout=600)
    assert ended["status"]["trialsSucceeded"] == trials, ended["status"]
    return trials / seconds


def optuna_sqlite(trials: int) -> float:
    """Return trials per second of Optuna's own loop on a no-op objective, stored in SQLite."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as directory:
        study = optuna.create_study(
            storage=f"sqlite:///{directory}/study.db", sampler=optuna.samplers.RandomSampler(seed=1)
        )
        since = time.monotonic()
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1), n_trials=trials)
        return trials / (time.monotonic() - since)


def spawning(command: list[str], count: int, parallel: int = 4) -> float:
    """Return processes per second, started and reaped by threads: the machine's own limit."""
    with ThreadPoolExecutor(parallel) as pool:
        since = time.monotonic()
        list(pool.map(lambda _: subprocess.run(command, check=True), range(count)))
        return count / (time.monotonic() - since)
