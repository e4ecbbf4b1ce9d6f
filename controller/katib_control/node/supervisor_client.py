"""The control plane's side of the supervisor: finds or starts it, asks it, hears from it, replaces it when it dies."""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from pathlib import Path
from typing import Any

from katib_control.api.errors import KatibError
from katib_control.node.attempt import Attempt, from_dict
from katib_control.node.protocol import Launch, LineReader, connect, encode

logger = logging.getLogger(__name__)

_ANSWER_TIMEOUT = 30.0
_START_TIMEOUT = 15.0
_PACKAGES = Path(__file__).resolve().parents[2]
# -I and -S: neither the caller's directory and environment nor site-packages can get in the way, and it starts in a
# fraction of the time. psutil is looked for only where there is no /proc.
_PROGRAM = (
    "import sys; sys.path.append(sys.argv[1]); sys.path.append(sys.argv[2]); "
    "from katib_control.node.supervisor import main; sys.exit(main(sys.argv[3:]))"
)


class SupervisorLost(KatibError):
    """The supervisor went away before it answered; ask again."""


class SupervisorRefused(KatibError):
    """The supervisor could not do what it was asked."""


class SupervisorClient:
    """One connection to the supervisor of ``directory``.

    ``on_attempt`` is called, on a thread of its own, with every attempt that has ended; ``on_reconnect`` after another
    supervisor had to be started: whatever was known may have changed, and is on disk. ``on_growth`` is called with the
    keys of containers that are followed and have written something.
    """

    def __init__(
        self,
        directory: Path,
        *,
        on_attempt: Callable[[Attempt], None],
        on_reconnect: Callable[[], None] = lambda: None,
        on_growth: Callable[[list[str]], None] = lambda keys: None,
        linger: float = 10.0,
    ) -> None:
        self._directory = directory.resolve()
        self._on_attempt = on_attempt
        self._on_reconnect = on_reconnect
        self._on_growth = on_growth
        self._linger = linger
        self._serial = itertools.count(1)
        self._waiting: dict[int, Future[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._listen, name="supervisor-client", daemon=True)

    def connect(self) -> list[Attempt]:
        """Connect, starting a supervisor if there is none; return what runs. Raises SupervisorLost."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._socket = self._dial()
        self._thread.start()
        return self.running()

    def start(self, launch: Launch) -> Attempt:
        """Start a container unless this very attempt has been started before; return its state."""
        return from_dict(self._ask("start", **vars(launch))["attempt"])

    def stop(self, key: str, grace: float, reason: str) -> None:
        """Have all of a container's processes ended within ``grace`` seconds; its end is told as news."""
        self._ask("stop", key=key, grace=grace, reason=reason)

    def running(self) -> list[Attempt]:
        """Return what runs now."""
        return [from_dict(item) for item in self._ask("list")["attempts"]]

    def follow(self, key: str) -> None:
        """Hear from now on when the container writes something."""
        self._ask("follow", key=key)

    def exit(self) -> None:
        """Have the supervisor end; raises SupervisorRefused when something still runs."""
        self._closing = True
        self._ask("exit")

    def close(self) -> None:
        """Disconnect; the supervisor and what it runs stay."""
        self._closing = True
        if self._socket:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)
        if self._socket:
            self._socket.close()

    def _ask(self, op: str, **arguments: Any) -> dict[str, Any]:
        number = next(self._serial)
        future: Future[dict[str, Any]] = Future()
        line = encode({"id": number, "op": op} | arguments)
        with self._lock:
            self._waiting[number] = future
            try:
                if self._socket is None:
                    raise OSError("not connected")
                self._socket.sendall(line)
            except OSError as error:
                del self._waiting[number]
                raise SupervisorLost(f"the supervisor of {self._directory} does not answer: {error}") from error
        try:
            answer = future.result(_ANSWER_TIMEOUT)
        except NoAnswer as error:
            raise SupervisorLost(
                f"the supervisor of {self._directory} has not answered for {_ANSWER_TIMEOUT} s"
            ) from error
        if "error" in answer:
            raise SupervisorRefused(f"the supervisor could not {op}: {answer['error']}")
        return answer

    def _listen(self) -> None:
        while not self._closing:
            reader = LineReader()
            while data := self._receive():
                for message in reader.feed(data):
                    self._deliver(message)
            self._drop_questions()
            if not self._closing:
                self._reconnect()

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(1 << 20) if self._socket else b""
        except OSError:
            return b""

    def _deliver(self, message: dict[str, Any]) -> None:
        if "id" in message:
            if future := self._waiting.pop(message["id"], None):
                future.set_result(message)
            return
        try:
            if "grown" in message:
                self._on_growth(message["grown"])
            else:
                self._on_attempt(from_dict(message["attempt"]))
        except Exception:
            logger.exception("news of a container could not be handled")

    def _drop_questions(self) -> None:
        with self._lock:
            lost, self._waiting = self._waiting, {}
        for future in lost.values():
            future.set_exception(SupervisorLost(f"the supervisor of {self._directory} went away"))

    def _reconnect(self) -> None:
        logger.warning("the supervisor went away; starting another: directory=%s", self._directory)
        try:
            fresh = self._dial()
        except SupervisorLost as error:
            logger.error("no supervisor: %s", error)
            time.sleep(1.0)  # nothing to wait for: the next attempt is the event
            return
        with self._lock:
            if self._socket:
                self._socket.close()
            self._socket = fresh
        # On a thread of its own: it will ask, and this thread has to hear the answers.
        threading.Thread(target=self._on_reconnect, name="supervisor-reconnect", daemon=True).start()

    def _dial(self) -> socket.socket:
        """Connect to the supervisor there is, or to the one that we start; two of us at once end up with the same."""
        deadline = time.monotonic() + _START_TIMEOUT
        while True:
            with contextlib.suppress(OSError):
                return _greeted(connect(self._directory))
            if time.monotonic() > deadline:
                raise SupervisorLost(
                    f"no supervisor could be started in {self._directory}: see {self._directory / 'supervisor.log'}"
                )
            if self._spawn() != 0:
                time.sleep(0.05)  # another one holds the lock and is about to listen, or about to end

    def _spawn(self) -> int:
        import psutil

        paths = [str(_PACKAGES), str(Path(psutil.__file__).resolve().parents[1])]
        command = [sys.executable, "-I", "-S", "-c", _PROGRAM, *paths, str(self._directory), str(self._linger)]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, start_new_session=True, timeout=_START_TIMEOUT, check=False
        ).returncode  # fmt: skip


def _greeted(sock: socket.socket) -> socket.socket:
    """Return the connection once there was an answer on it: a supervisor that is just dying still accepts."""
    try:
        sock.settimeout(_ANSWER_TIMEOUT)
        sock.sendall(encode({"id": 0, "op": "hello"}))
        answer = b""
        while not answer.endswith(b"\n"):
            if not (data := sock.recv(1 << 16)):
                raise ConnectionResetError("closed before it answered")
            answer += data
        sock.settimeout(None)
    except OSError:
        sock.close()
        raise
    return sock
