"""Create to first trial process: in a warm control plane, and for `katib-kfp run` from a cold start."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.workload import experiment, plane

STAMP = "import time, sys; open(sys.argv[1], 'a').write(f'{time.time()}\\n'); print('loss=1')"


def measure(*, quick: bool) -> dict[str, object]:
    """Return medians in milliseconds; the trial writes the time at which its first line runs."""
    rounds = 3 if quick else 10
    return {
        "warm_ms (goal < 150)": round(1000 * statistics.median(warm(rounds))),
        "cold_run_ms (goal < 2000)": round(1000 * statistics.median(cold() for _ in range(rounds))),
    }


def _experiment(name: str, stamp: Path) -> dict[str, object]:
    body = experiment(name, [sys.executable, "-ISc", STAMP, str(stamp)], trials=1, parallel=1)
    body["spec"]["metricsCollectorSpec"] = {"collector": {"kind": "StdOut"}}
    return body


def warm(rounds: int) -> list[float]:
    """Return seconds from create to the trial's first line, one Experiment after the other."""
    from katib_control.kube.resources import EXPERIMENTS

    found = []
    with tempfile.TemporaryDirectory() as directory, plane(Path(directory) / "state") as control:
        for index in range(rounds + 1):
            stamp = Path(directory) / f"stamp-{index}"
            since = time.time()
            control.client.create(EXPERIMENTS, _experiment(f"warm-{index}", stamp))
            found.append(_wait(stamp) - since)
    return found[1:]


def cold() -> float:
    """Return seconds from starting the command to the trial's first line."""
    with tempfile.TemporaryDirectory() as directory:
        stamp, file = Path(directory) / "stamp", Path(directory) / "experiment.yaml"
        file.write_text(yaml.safe_dump(_experiment("cold", stamp)), encoding="utf-8")
        since = time.time()
        command = [sys.executable, "-m", "katib_kfp.cli", "run", str(file), "--state", f"{directory}/state"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        return _wait(stamp) - since


def _wait(stamp: Path, timeout: float = 30) -> float:
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        if stamp.exists() and (text := stamp.read_text(encoding="utf-8")):
            return float(text.splitlines()[0])
        time.sleep(0.002)
    raise TimeoutError(f"no trial process within {timeout:.0f} s")
