"""The supervisor's end of one connection: never blocks, whatever the other side does. Standard library only."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from typing import Any

from katib_control.node.protocol import LineReader, encode

_UNREAD_LIMIT = 64 * 1024 * 1024


class Connection:
    """Reads messages and hands them to ``handle``; writes as fast as the other side reads."""

    def __init__(
        self,
        sock: socket.socket,
        selector: selectors.BaseSelector,
        handle: Callable[[Connection, dict[str, Any]], None],
        closed: Callable[[Connection], None],
    ) -> None:
        self._socket = sock
        self._selector = selector
        self._handle = handle
        self._closed = closed
        self._reader = LineReader()
        self._unsent = bytearray()
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ, self._ready)

    def send(self, message: dict[str, Any]) -> None:
        """Send now what goes, and the rest when the other side reads."""
        if self._socket.fileno() < 0:
            return
        self._unsent += encode(message)
        self._flush()

    def close(self) -> None:
        """End the connection; a second time does nothing."""
        if self._socket.fileno() >= 0:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._closed(self)

    def _ready(self) -> None:
        self._flush()
        try:
            data = self._socket.recv(1 << 20) if self._socket.fileno() >= 0 else b"\n"
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        for message in self._reader.feed(data):
            self._handle(self, message)

    def _flush(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self._unsent.clear()
        if len(self._unsent) > _UNREAD_LIMIT:
            # Whoever does not read for so long asks again when it comes back.
            self.close()
        elif self._socket.fileno() >= 0:
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
            self._selector.modify(self._socket, wanted, self._ready)
