"""All processes of a container: its group, its descendants, and those that left by setsid or a double fork.

Where the system lets us be a subreaper, orphans become our children and are cheap to find. Elsewhere, and for
containers of a supervisor that was killed, they are known by a mark in their environment. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping

from katib_control.node.attempt import Attempt
from katib_control.node.processes import ProcessTable
from katib_control.node.protocol import MARK
from katib_control.node.worker import Worker

_PR_SET_CHILD_SUBREAPER = 36
_ROUNDS = 20


def become_subreaper() -> bool:
    """Ask the kernel to hand us orphaned descendants; False where there is no such thing."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        return bool(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    return False


class Tree:
    """Finds and signals the processes of containers. ``by_pid``: all main processes that run."""

    def __init__(self, table: ProcessTable, by_pid: Mapping[int, Worker], *, subreaper: bool) -> None:
        self._table = table
        self._by_pid = by_pid
        self._subreaper = subreaper

    def members(self, worker: Worker) -> list[int]:
        """Return all live processes of the container."""
        main = [] if worker.ended else [worker.attempt.pid]
        return list(dict.fromkeys([*main, *self._table.descendants(main), *self.leftovers(worker)]))

    def leftovers(self, worker: Worker) -> list[int]:
        """Return those that are no longer below the main process, and what is below them."""
        if self._subreaper and not worker.adopted:
            ours = self._table.children(os.getpid())
            orphans = [pid for pid in ours if pid not in self._by_pid and self._belongs(pid, worker)]
        else:
            main = worker.attempt.pid
            orphans = [pid for pid in self._table.marked(_mark(worker.attempt)) if pid != main or not worker.ended]
        orphans = [pid for pid in orphans if self._table.started(pid)]
        return [*orphans, *self._table.descendants(orphans)] if orphans else []

    def signal(self, worker: Worker, number: int) -> None:
        """Send a signal to every process of the container, once each."""
        group = worker.attempt.pid
        # Of an adopted process that has ended the number may be somebody else's by now.
        known = not (worker.adopted and worker.ended)
        members = [pid for pid in self.members(worker) if not (known and (pid == group or _group(pid) == group))]
        if known:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)
        for pid in members:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def kill(self, worker: Worker) -> None:
        """SIGKILL everything, again until nothing new has been forked in between."""
        if worker.ended and not worker.adopted and not self._subreaper and not worker.attempt.stopped:
            # An ordinary end where orphans are costly to find: the group will do.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(worker.attempt.pid, signal.SIGKILL)
            return
        for _ in range(_ROUNDS):
            self.signal(worker, signal.SIGKILL)
            if not self.leftovers(worker):
                return

    def strays(self) -> list[int]:
        """Return children that belong to no container: orphans with a wiped environment in a session of their own."""
        if not self._subreaper:
            return []
        ours = self._table.children(os.getpid())
        return [pid for pid in ours if pid not in self._by_pid and self._table.started(pid)]

    def search(self, attempt: Attempt) -> Attempt:
        """Return the attempt with the process that was started for it, if it is there: it leads its session."""
        for pid in self._table.marked(_mark(attempt)):
            with contextlib.suppress(OSError):
                if os.getsid(pid) == pid:
                    return attempt.but(pid=pid, pid_started=self._table.started(pid))
        return attempt

    def _belongs(self, pid: int, worker: Worker) -> bool:
        try:
            in_session = os.getsid(pid) == worker.attempt.pid
        except OSError:
            return False
        return in_session or self._table.has_mark(pid, _mark(worker.attempt))


def _mark(attempt: Attempt) -> str:
    return f"{MARK}={attempt.key}"


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return 0
