"""The supervisor's containers: start, stop, reap, record. Whatever is told to anybody is on disk before.

Standard library only; one thread (the loop's).
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from katib_control.node import attempt as attempts
from katib_control.node.attempt import Attempt
from katib_control.node.log_file import stamp
from katib_control.node.loop import Loop, note_error
from katib_control.node.process_tree import Tree
from katib_control.node.processes import ProcessTable
from katib_control.node.protocol import Launch
from katib_control.node.worker import Worker, start

_MEMORY_INTERVAL = 0.25
_RETRY = 1.0
_FULL = (errno.ENOSPC, errno.EDQUOT)
_AGAIN = 0.05
_BATCH = 0.02
_LOST = "the process that supervised it was lost, and the exit code with it"
_REBOOT = "the machine was started anew while it ran, or this is a copy of the state directory it runs for"


class Workers:
    """Everything that runs, or ran until a moment ago. ``tell`` is called with each attempt that has ended."""

    def __init__(
        self, root: Path, loop: Loop, table: ProcessTable, tell: Callable[[Attempt], None], *, subreaper: bool
    ) -> None:
        self._root = root
        self._loop = loop
        self._table = table
        self._tell = tell
        # A copy of the directory must not take what runs for the original, and stop it.
        self._boot = f"{table.boot()}/{root.stat().st_ino}"
        self._active = root / "active"
        self._active.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._running: dict[str, Worker] = {}
        self._by_pid: dict[int, Worker] = {}
        self._tree = Tree(table, self._by_pid, subreaper=subreaper)
        self._measuring = False
        self.followed: set[str] = set()
        self.grown: set[str] = set()
        self._report: Callable[[set[str]], None] = lambda keys: None

    def on_growth(self, report: Callable[[set[str]], None]) -> None:
        """Call ``report`` with those of the ``followed`` keys whose log has grown, a moment after it has."""
        self._report = report

    def attempts(self) -> list[Attempt]:
        """Return all that run."""
        return [worker.attempt for worker in self._running.values()]

    def start(self, launch: Launch) -> Attempt:
        """Start a container, once: whoever asks again for the same key is told what became of it."""
        if known := self._running.get(launch.key):
            return known.attempt
        attempt = attempts.from_key(launch.key).but(boot=self._boot)
        path = attempts.record_path(self._root, attempt)
        if recorded := attempts.read(path):
            return recorded
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._marker(attempt).touch(mode=0o600)
        try:
            worker = start(self._root, launch, attempt)
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) in _FULL:
                raise  # not the container's fault: whoever asked asks again
            return self._refused(attempt, launch, error)
        worker.attempt = worker.attempt.but(pid_started=self._table.started(worker.attempt.pid))
        self._keep(worker)
        for descriptor in worker.streams:
            self._loop.on_readable(descriptor, self._reader(worker, descriptor))
        attempts.write(self._root, worker.attempt)
        if worker.memory and not self._measuring:
            self._measuring = True
            self._loop.after(_MEMORY_INTERVAL, self._measure)
        return worker.attempt

    def stop(self, key: str, grace: float, reason: str) -> None:
        """SIGTERM to all of the container's processes, SIGKILL to what is left after ``grace`` seconds."""
        worker = self._running.get(key)
        if worker is None:
            return
        if not worker.attempt.stopped and worker.ended is None:
            # On disk before the first signal: whoever reads the exit code knows why it is what it is.
            worker.attempt = worker.attempt.but(stopped=reason)
            with contextlib.suppress(FileNotFoundError):
                attempts.write(self._root, worker.attempt)
            if grace > 0:
                self._tree.signal(worker, signal.SIGTERM)
        self._loop.after(grace, lambda: self._kill(worker))

    def reap(self) -> None:
        """Collect every child that has ended, ours and the orphans that were handed to us."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            worker = self._by_pid.get(pid)
            if worker and not worker.adopted:
                code = os.waitstatus_to_exitcode(status)
                worker.ended = (128 - code, -code) if code < 0 else (code, 0)
        for worker in [worker for worker in self._running.values() if worker.ended]:
            self._settle(worker)

    def recover(self) -> None:
        """Take over what a killed supervisor has left running; its pipes and exit codes are lost."""
        for marker in self._active.iterdir():
            attempt = attempts.from_key(marker.name.replace(":", "/"))
            attempt = attempts.read(attempts.record_path(self._root, attempt)) or self._tree.search(attempt)
            if attempt.ended or not attempts.pod_directory(self._root, attempt.pod).exists():
                marker.unlink(missing_ok=True)
                continue
            worker = Worker(attempt, adopted=True)
            self._keep(worker)
            if attempt.boot not in ("", self._boot):
                worker.attempt = attempt.but(stopped=attempts.NODE_REBOOT)
                worker.ended = (attempts.UNKNOWN_EXIT_CODE, 0)
                self._record(worker)
            else:
                self._watch(worker)

    def _keep(self, worker: Worker) -> None:
        self._running[worker.attempt.key] = worker
        self._by_pid[worker.attempt.pid] = worker

    def _refused(self, attempt: Attempt, launch: Launch, error: Exception) -> Attempt:
        code = 127 if isinstance(error, FileNotFoundError) else 126
        why = getattr(error, "strerror", None) or error
        what = f'exec: "{launch.program}" in directory "{launch.directory}": {why}'
        now = stamp(time.time_ns())
        failed = attempt.but(started=now, finished=now, exit_code=code, reason=attempts.START_ERROR, message=what)
        attempts.write(self._root, failed)
        self._marker(attempt).unlink(missing_ok=True)
        return failed

    def _kill(self, worker: Worker) -> None:
        if self._running.get(worker.attempt.key) is worker:
            self._tree.kill(worker)
            self._settle(worker)
            self._loop.after(_AGAIN, lambda: self._kill(worker))

    def _reader(self, worker: Worker, descriptor: int) -> Callable[[], None]:
        key = worker.attempt.key

        def ready() -> None:
            got = worker.read(descriptor)
            if got and key in self.followed:
                # Told in batches: a chatty process must not cost a message for each of its lines.
                if not self.grown:
                    self._loop.after(_BATCH, self._tell_growth)
                self.grown.add(key)
            if got is False:
                self._loop.forget(descriptor)
                del worker.streams[descriptor]
                os.close(descriptor)

        return ready

    def _tell_growth(self) -> None:
        grown, self.grown = self.grown, set()
        self._report(grown)

    def _settle(self, worker: Worker) -> None:
        """Finish a container whose main process has ended.

        As in a container, nothing survives the first process; only one that was told to stop may use its grace period.
        """
        if worker.ended is None and worker.adopted and not self._alive(worker.attempt):
            worker.ended = (attempts.UNKNOWN_EXIT_CODE, 0)
        if worker.ended is None or worker.attempt.key not in self._running:
            return
        if not worker.attempt.stopped:
            self._tree.kill(worker)
        elif self._tree.leftovers(worker):
            return
        for descriptor in worker.streams:
            self._loop.forget(descriptor)
        worker.drain()
        if worker.watch is not None:
            self._loop.forget(worker.watch)
            os.close(worker.watch)
            worker.watch = None
        self._record(worker)

    def _record(self, worker: Worker) -> None:
        """Put the end on disk, then tell it; a disk that refuses is asked again."""
        ended = _end_of(worker)
        if self._running.get(ended.key) is not worker:
            return
        try:
            worker.close_log()
            attempts.write(self._root, ended)
        except FileNotFoundError:
            pass  # its Pod's directory has been removed: nobody asks any more
        except OSError:
            note_error()
            self._loop.after(_RETRY, lambda: self._record(worker))
            return
        self._marker(ended).unlink(missing_ok=True)
        del self._running[ended.key]
        if self._by_pid.get(ended.pid) is worker:
            del self._by_pid[ended.pid]
        if not self._running:
            for pid in self._tree.strays():
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        self._tell(ended)

    def _measure(self) -> None:
        """Look at the memory of those containers that have a limit."""
        limited = [worker for worker in self._running.values() if worker.memory and not worker.ended]
        self._measuring = bool(limited)
        for worker in limited:
            if self._table.memory(self._tree.members(worker), worker.memory) > worker.memory:
                worker.out_of_memory = True
                self._tree.kill(worker)
        if limited:
            self._loop.after(_MEMORY_INTERVAL, self._measure)

    def _watch(self, worker: Worker) -> None:
        """Wait for the end of a process that is not our child: by pidfd where there is one, else by looking."""
        if hasattr(os, "pidfd_open") and self._alive(worker.attempt):
            with contextlib.suppress(OSError):
                worker.watch = os.pidfd_open(worker.attempt.pid)
                self._loop.on_readable(worker.watch, lambda: self._settle(worker))
                return

        def look() -> None:
            self._settle(worker)
            if self._running.get(worker.attempt.key) is worker:
                self._loop.after(1.0, look)

        look()

    def _alive(self, attempt: Attempt) -> bool:
        return attempt.pid > 0 and self._table.started(attempt.pid) == attempt.pid_started > 0

    def _marker(self, attempt: Attempt) -> Path:
        return self._active / attempt.key.replace("/", ":")


def _end_of(worker: Worker) -> Attempt:
    code, number = worker.ended or (attempts.UNKNOWN_EXIT_CODE, 0)
    reason, message = "", ""
    if worker.attempt.stopped == attempts.NODE_REBOOT:
        reason, message = attempts.NODE_REBOOT, _REBOOT
    elif worker.adopted:
        reason, message = attempts.EXIT_CODE_UNKNOWN, _LOST
    elif worker.out_of_memory:
        code, number = 137, int(signal.SIGKILL)
        reason, message = attempts.OOM_KILLED, f"used more memory than its limit of {worker.memory} bytes"
    finished = stamp(time.time_ns())
    return worker.attempt.but(finished=finished, exit_code=code, signal=number, reason=reason, message=message)
