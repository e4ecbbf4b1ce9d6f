"""`import katib_kfp`: its time, and what it must not pull in."""

from __future__ import annotations

import statistics
import subprocess
import sys

HEAVY = ("optuna", "grpc", "kubernetes", "kfp.compiler", "sqlalchemy", "numpy", "pydantic")
CODE = (
    "import time; since = time.perf_counter(); import katib_kfp; took = time.perf_counter() - since\n"
    f"import sys; print(took, *[name for name in {HEAVY!r} if name in sys.modules])"
)


def measure(*, quick: bool) -> dict[str, object]:
    """Return the median of fresh interpreters, in milliseconds."""
    lines = [
        subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout.split()
        for _ in range(3 if quick else 11)
    ]
    return {
        "import_ms (goal < 100)": round(1000 * statistics.median(float(line[0]) for line in lines), 1),
        "heavy_modules (goal: none)": lines[0][1:],
    }
