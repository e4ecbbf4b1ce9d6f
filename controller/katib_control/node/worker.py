"""One container as the supervisor holds it: its process, its pipes, its log. Standard library only.

Knows one process each; the tree below it is ``supervisor``'s business.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from katib_control.node.attempt import Attempt, log_path
from katib_control.node.log_file import LogFile, stamp
from katib_control.node.protocol import Launch

_CHUNK = 64 * 1024
_LAST_CHUNKS = 1024
# Python ignores these, and an ignored signal stays ignored over exec.
_DEFAULTED = [getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ", "SIGINT", "SIGHUP") if hasattr(signal, name)]


class Worker:
    """A container that runs. ``adopted``: not our child, so its exit code will never be known."""

    def __init__(self, attempt: Attempt, *, memory: int = 0, adopted: bool = False) -> None:
        self.attempt = attempt
        self.memory = memory
        self.adopted = adopted
        self.streams: dict[int, str] = {}
        self.log: LogFile | None = None
        self.ended: tuple[int, int] | None = None
        """Exit code and signal of the main process, once it has been reaped."""
        self.out_of_memory = False
        self.watch: int | None = None

    def read(self, descriptor: int) -> bool | None:
        """Take what is in a pipe; return None when it is empty for now, False at its end."""
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            return False
        if chunk and self.log:
            self.log.feed(self.streams[descriptor], chunk)
        return bool(chunk)

    def drain(self) -> None:
        """Take what is left in the pipes and close them."""
        for descriptor in self.streams:
            # Bounded: a process that got away may hold the pipe open and write for ever.
            for _ in range(_LAST_CHUNKS):
                if not self.read(descriptor):
                    break
            os.close(descriptor)
        self.streams = {}

    def close_log(self) -> None:
        """Close the log; raise OSError while its end cannot be written."""
        if self.log:
            self.log.close()
            self.log = None


def start(root: Path, launch: Launch, attempt: Attempt) -> Worker:
    """Start the process in a session of its own; raise OSError when the program cannot be run."""
    worker = Worker(attempt, memory=launch.memory)
    worker.log = LogFile(log_path(root, attempt))
    out, out_end = os.pipe()
    err, err_end = os.pipe()
    try:
        worker.streams = {out: "stdout", err: "stderr"}
        for descriptor in worker.streams:
            os.set_blocking(descriptor, False)
        began = time.time_ns()
        pid = _spawn(launch, out_end, err_end)
    except (OSError, ValueError):
        os.close(out_end)
        os.close(err_end)
        worker.drain()
        worker.close_log()
        raise
    os.close(out_end)
    os.close(err_end)
    worker.attempt = attempt.but(pid=pid, started=stamp(began))
    return worker


def _spawn(launch: Launch, out: int, err: int) -> int:
    """The caller has one thread, so its working directory may be lent to the child."""
    os.chdir(launch.directory)
    try:
        return os.posix_spawn(
            launch.program,
            launch.argv,
            launch.env,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, out, 1),
                (os.POSIX_SPAWN_DUP2, err, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=_DEFAULTED,
        )
    except NotImplementedError:
        # A C library without POSIX_SPAWN_SETSID.
        child = subprocess.Popen(
            launch.argv, executable=launch.program, env=launch.env, stdin=subprocess.DEVNULL,
            stdout=out, stderr=err, start_new_session=True,
        )  # fmt: skip
        child.returncode = 0  # reaped by the supervisor, not by this object
        return child.pid
    finally:
        os.chdir("/")
