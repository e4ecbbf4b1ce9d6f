"""How the control plane and the supervisor talk: JSON, one message a line, over a Unix socket in the state directory.

    {"id": 7, "op": "start", "key": "<pod uid>/<container>/<number>", "argv": [...], "env": {...}, ...}
    {"id": 7, "attempt": {...}}             an answer, or {"id": 7, "error": "..."}
    {"attempt": {...}}                      no id: news for everyone who is connected: a container has ended
    {"grown": ["<key>", ...]}               more to read in the logs of containers that somebody follows

Standard library only.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

MARK = "KATIB_CONTAINER"
"""The environment variable by which the processes of a container are known wherever they hide."""

_SOCKET = "supervisor.sock"
_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True)
class Launch:
    """One container to start: ``program`` is the resolved file, ``memory`` a limit in bytes (0: none)."""

    key: str
    program: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    memory: int = 0


def encode(message: dict[str, Any]) -> bytes:
    """Return the line for a message."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


class LineReader:
    """Puts received bytes together to messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Return the messages that are complete now; raise ValueError on what is no JSON."""
        *lines, self._rest = (self._rest + data).split(b"\n") if b"\n" in data else [self._rest + data]
        return [json.loads(line) for line in lines]


def listen(directory: Path) -> socket.socket:
    """Return the listening socket of a state directory; one that is left of a dead supervisor is replaced."""
    (directory / _SOCKET).unlink(missing_ok=True)

    def bind(path: str) -> socket.socket:
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        server.listen(16)
        return server

    return _with_short_path(directory, bind)


def connect(directory: Path) -> socket.socket:
    """Return a connection to the directory's supervisor; raise OSError when none listens."""

    def dial(path: str) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(path)
        except OSError:
            client.close()
            raise
        return client

    return _with_short_path(directory, dial)


def _with_short_path(directory: Path, use: Callable[[str], _Result]) -> _Result:
    """A socket's path may have about 100 bytes: a long one is reached through a short, private, passing symlink."""
    path = str(directory / _SOCKET)
    if len(os.fsencode(path)) < 100:
        return use(path)
    folder = tempfile.mkdtemp(prefix="k-", dir="/tmp" if os.path.isdir("/tmp") else None)
    link = os.path.join(folder, "d")
    try:
        os.symlink(directory.resolve(), link)
        return use(os.path.join(link, _SOCKET))
    finally:
        if os.path.islink(link):
            os.unlink(link)
        os.rmdir(folder)
