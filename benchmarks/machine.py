"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version


def describe() -> dict[str, object]:
    """Return processor, cores, memory, load and the versions that matter."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "memoryGiB": round(pages * size / 2**30, 1),
        "loadAverage": [round(item, 2) for item in os.getloadavg()],
        "versions": {name: version(name) for name in ("katib-kfp", "optuna", "pydantic", "SQLAlchemy", "kfp")},
    }
