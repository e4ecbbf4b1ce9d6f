"""The machine's process table: start times, descendants, processes that carry a mark, memory in use.

``ProcTable`` reads Linux's /proc and needs the standard library only; ``PsutilTable`` does the same anywhere else.
Processes may vanish while they are looked at: that is never an error.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Protocol

_PAGE = os.sysconf("SC_PAGE_SIZE")


class ProcessTable(Protocol):
    """What the supervisor asks of the process table."""

    def boot(self) -> str:
        """Return what tells this start of the machine from every other."""

    def started(self, pid: int) -> float:
        """Return the process's start time (own unit, comparable only with itself); 0.0 when it is gone or a zombie."""

    def descendants(self, pids: Iterable[int]) -> list[int]:
        """Return the children, their children and so on, without ``pids`` themselves."""

    def children(self, pid: int) -> list[int]:
        """Return the direct children."""

    def marked(self, mark: str) -> list[int]:
        """Return the processes whose environment at their start had this ``NAME=value``."""

    def has_mark(self, pid: int, mark: str) -> bool:
        """Tell whether the process had this ``NAME=value`` in its environment at its start."""

    def memory(self, pids: Iterable[int], limit: int) -> int:
        """Return the bytes in use by these processes together; exact only when near or above ``limit``."""


class ProcTable:
    """Linux's /proc."""

    def boot(self) -> str:
        """Return the kernel's own boot id."""
        return _read("/proc/sys/kernel/random/boot_id").decode().strip()

    def started(self, pid: int) -> float:
        """Return the start time in clock ticks after boot."""
        fields = _stat(pid)
        return float(fields[19]) if fields and fields[0] not in (b"Z", b"X") else 0.0

    def children(self, pid: int) -> list[int]:
        """Return the children of all threads of the process."""
        try:
            threads = [str(pid)] if pid == os.getpid() else os.listdir(f"/proc/{pid}/task")
        except OSError:
            return []
        return [int(child) for thread in threads for child in _read(f"/proc/{pid}/task/{thread}/children").split()]

    def descendants(self, pids: Iterable[int]) -> list[int]:
        """Return the whole tree below."""
        if os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
            return _closure(self.children, pids)
        # A kernel without that file: one look at everybody's parent.
        table: dict[int, list[int]] = defaultdict(list)
        for pid in _all_pids():
            if fields := _stat(pid):
                table[int(fields[1])].append(pid)
        return _closure(lambda pid: table.get(pid, []), pids)

    def has_mark(self, pid: int, mark: str) -> bool:
        """Look into /proc/<pid>/environ."""
        return mark.encode() in _read(f"/proc/{pid}/environ").split(b"\0")

    def marked(self, mark: str) -> list[int]:
        """Look at every process."""
        return [pid for pid in _all_pids() if self.has_mark(pid, mark) and self.started(pid)]

    def memory(self, pids: Iterable[int], limit: int) -> int:
        """Return resident memory; where that is over the limit, pages that forks share are counted once."""
        pids = list(pids)
        resident = sum(int((_read(f"/proc/{pid}/statm").split() or [b"0", b"0"])[1]) * _PAGE for pid in pids)
        return resident if resident <= limit else sum(_proportional(pid) for pid in pids)


class PsutilTable:
    """Any system that psutil knows."""

    def __init__(self) -> None:
        import psutil

        self._psutil = psutil

    def boot(self) -> str:
        """Return the time of the boot to the minute: some systems move it by seconds when they set the clock."""
        return str(round(self._psutil.boot_time() / 60))

    def started(self, pid: int) -> float:
        """Return the start time in seconds of the epoch."""
        try:
            process = self._psutil.Process(pid)
            return 0.0 if process.status() == self._psutil.STATUS_ZOMBIE else process.create_time()
        except self._psutil.Error:
            return 0.0

    def children(self, pid: int) -> list[int]:
        """Return the direct children."""
        try:
            return [child.pid for child in self._psutil.Process(pid).children()]
        except self._psutil.Error:
            return []

    def descendants(self, pids: Iterable[int]) -> list[int]:
        """Return the whole tree below."""
        return _closure(self.children, pids)

    def has_mark(self, pid: int, mark: str) -> bool:
        """Ask the system for the environment; it only tells of our own processes."""
        name, _, value = mark.partition("=")
        try:
            return self._psutil.Process(pid).environ().get(name) == value
        except (self._psutil.Error, OSError):
            return False

    def marked(self, mark: str) -> list[int]:
        """Look at every process."""
        return [pid for pid in self._psutil.pids() if self.has_mark(pid, mark) and self.started(pid)]

    def memory(self, pids: Iterable[int], limit: int) -> int:
        """Return resident memory."""
        total = 0
        for pid in pids:
            try:
                total += self._psutil.Process(pid).memory_info().rss
            except self._psutil.Error:
                continue
        return total


def process_table() -> ProcessTable:
    """Return the table for this machine."""
    return ProcTable() if os.path.exists("/proc/self/environ") else PsutilTable()


def _closure(children: Callable[[int], list[int]], pids: Iterable[int]) -> list[int]:
    roots = set(pids)
    found: list[int] = []
    todo = list(roots)
    while todo:
        fresh = [child for child in children(todo.pop()) if child not in roots]
        roots.update(fresh)
        found += fresh
        todo += fresh
    return found


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _stat(pid: int) -> list[bytes]:
    """Return the fields after the name (state, parent, ...), which may itself hold blanks and parentheses."""
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()


def _proportional(pid: int) -> int:
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return int((_read(f"/proc/{pid}/statm").split() or [b"0", b"0"])[1]) * _PAGE


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.readall()
    except OSError:
        return b""
