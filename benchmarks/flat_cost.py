"""Flat cost: one Experiment of 10,000 trials; the last thousand may cost 1.3 times the first."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

import psutil

from benchmarks.workload import experiment, plane, pushing, run


def measure(*, quick: bool) -> dict[str, object]:
    """Return the ratio, the resident memory at the end, and the largest object stored."""
    trials = 500 if quick else 10_000
    tenth = trials // 10
    with tempfile.TemporaryDirectory() as directory:
        with plane(Path(directory)) as control, pushing(control) as ends:
            ended, seconds = run(control, experiment("flat", ["true"], trials=trials), timeout=3000)
            resident = psutil.Process().memory_info().rss / 2**20
        largest = _largest(Path(directory) / "objects.sqlite3")
    first, last = ends[tenth] - ends[0], ends[-1] - ends[-tenth - 1]
    return {
        "trials": trials,
        "succeeded": ended["status"]["trialsSucceeded"],
        "per_s": round(trials / seconds, 1),
        "last_tenth_over_first (goal <= 1.3)": round(last / first, 2),
        "resident_MiB (goal < 400)": round(resident),
        "largest_object_KiB (goal < 1024)": round(largest / 1024, 1),
    }


def _largest(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        return int(connection.execute("SELECT max(length(body)) FROM objects").fetchone()[0])
