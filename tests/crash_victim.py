"""A control plane in a process of its own, to be killed: runs Jobs that write their name into a file at the end.

``python crash_victim.py STATE COUNT PARALLEL``: keeps PARALLEL of COUNT Jobs at work, ends when all have ended.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

from katib_control.kube.errors import AlreadyExists
from katib_control.kube.resources import JOBS
from machine import Machine, job


def main(state: Path, count: int, parallel: int) -> None:
    machine = Machine(state)
    begun = 0
    while True:
        jobs = machine.client.list(JOBS, "default")["items"]
        over = [item for item in jobs if item.get("status", {}).get("completionTime")]
        if len(over) == count:
            break
        while begun < count and begun - len(over) < parallel:
            command = f"sleep 0.15; echo done; echo trial-{begun} >> {state}/ended"
            with contextlib.suppress(AlreadyExists):
                machine.make(job(f"trial-{begun}", "sh", "-c", command))
            begun += 1
        time.sleep(0.01)
    machine.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
