"""The process that owns the workers: ``python -m katib_control.node.supervisor DIRECTORY``. Standard library only.

It lives in a session of its own, so that a signal to the control plane's process group misses it, and outlives a crash
of the control plane: it goes on reading the workers' output and reaping them. It ends by itself when nothing runs and
nobody has been connected for a while.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

from katib_control.node.attempt import NODE_SHUTDOWN, Attempt
from katib_control.node.connection import Connection
from katib_control.node.loop import Loop, note_error
from katib_control.node.process_tree import become_subreaper
from katib_control.node.processes import ProcessTable, process_table
from katib_control.node.protocol import Launch, listen
from katib_control.node.workers import Workers

LINGER = 10.0
_SHUTDOWN_GRACE = 5.0
_IN_USE = 3


class Supervisor:
    """Answers whoever connects; ``linger`` is how many seconds it waits for somebody when nothing runs."""

    def __init__(
        self, root: Path, *, linger: float = LINGER, table: ProcessTable | None = None, subreaper: bool = False
    ) -> None:
        self._linger = linger
        self._loop = Loop()
        self._connections: set[Connection] = set()
        self._workers = Workers(root, self._loop, table or process_table(), self._tell, subreaper=subreaper)
        self._workers.on_growth(self._tell_growth)
        self._idle_since = time.monotonic()
        self._terminating = False

    def run(self, server: socket.socket) -> None:
        """Serve until told to end, or until nobody needs it any more."""
        server.setblocking(False)
        self._loop.on_readable(server, lambda: self._accept(server))
        self._loop.on_signals(child=self._workers.reap, terminate=self._terminate)
        self._workers.recover()
        self._look()
        self._loop.run()

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            sock, _ = server.accept()
            self._connections.add(Connection(sock, self._loop.selector, self._handle, self._gone))

    def _gone(self, connection: Connection) -> None:
        self._connections.discard(connection)

    def _handle(self, connection: Connection, message: dict[str, Any]) -> None:
        try:
            answer = self._do(message)
        except Exception as error:  # one bad message must not end the supervisor
            note_error()
            answer = {"error": f"{type(error).__name__}: {error}"}
        connection.send({"id": message.get("id")} | answer)

    def _do(self, message: dict[str, Any]) -> dict[str, Any]:
        op = message["op"]
        if op == "start":
            if self._terminating:
                raise RuntimeError("the supervisor is going down")
            launch = Launch(**{key: value for key, value in message.items() if key not in ("id", "op")})
            return {"attempt": self._workers.start(launch).to_dict()}
        if op == "hello":
            return {}
        if op == "stop":
            self._workers.stop(message["key"], float(message["grace"]), message["reason"])
            return {}
        if op == "follow":
            # Never taken back: whoever has lost interest takes no notice, and the container's end ends it.
            if any(item.key == message["key"] for item in self._workers.attempts()):
                self._workers.followed.add(message["key"])
            return {}
        if op == "list":
            return {"attempts": [item.to_dict() for item in self._workers.attempts()], "pid": os.getpid()}
        if op == "exit":
            if running := self._workers.attempts():
                raise RuntimeError(f"{len(running)} containers still run: stop them first")
            self._loop.after(0, self._loop.end)
            return {}
        raise ValueError(f"unknown operation {op!r}")

    def _tell_growth(self, keys: set[str]) -> None:
        for connection in list(self._connections):
            connection.send({"grown": sorted(keys)})

    def _tell(self, attempt: Attempt) -> None:
        self._workers.followed.discard(attempt.key)
        for connection in list(self._connections):
            connection.send({"attempt": attempt.to_dict()})
        if self._terminating and not self._workers.attempts():
            self._loop.end()

    def _terminate(self) -> None:
        """SIGTERM: the machine goes down, or somebody wants all of it to end."""
        self._terminating = True
        for attempt in self._workers.attempts():
            self._workers.stop(attempt.key, _SHUTDOWN_GRACE, NODE_SHUTDOWN)
        if not self._workers.attempts():
            self._loop.end()

    def _look(self) -> None:
        """End when there has been nothing to do, and nobody to do it for, for long enough."""
        if self._connections or self._workers.attempts():
            self._idle_since = time.monotonic()
        left = self._idle_since + self._linger - time.monotonic()
        if left <= 0:
            self._loop.end()
        else:
            self._loop.after(left, self._look)


def serve(root: Path, ready: int, *, linger: float = LINGER) -> int:
    """Be the directory's supervisor; ``ready`` is a descriptor that gets a byte when it can be connected to."""
    lock = os.open(root / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return _IN_USE
    log = os.open(root / "supervisor.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(log, 2)
    os.close(log)
    supervisor = Supervisor(root, linger=linger, subreaper=become_subreaper())
    with listen(root) as server:
        os.write(ready, b"+")
        os.close(ready)
        supervisor.run(server)
    return 0


def main(arguments: list[str]) -> int:
    """``DIRECTORY [LINGER SECONDS]``: leave the caller's session; return once the supervisor can be connected to."""
    root = Path(arguments[0]).resolve()
    linger = float(arguments[1]) if len(arguments) > 1 else LINGER
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        return 0 if os.read(reader, 1) else _IN_USE
    os.close(reader)
    os.setsid()
    os.chdir("/")
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 0)
    os.dup2(silence, 1)
    os._exit(_guarded(root, writer, linger))


def _guarded(root: Path, ready: int, linger: float) -> int:
    try:
        return serve(root, ready, linger=linger)
    except BaseException:  # the last word before the process ends, into its log
        note_error()
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
