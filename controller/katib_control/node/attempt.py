"""One attempt of one container as it is kept on disk: ``pods/<pod uid>/<container>/<number>.json`` beside its log.

Standard library only: the supervisor and the kubelet both read and write these. A file is replaced as a whole, so that
whoever dies in between leaves the old state or the new one, never half of one.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

START_ERROR = "StartError"
OOM_KILLED = "OOMKilled"
EXIT_CODE_UNKNOWN = "ExitCodeUnknown"
NODE_REBOOT = "NodeReboot"
NODE_SHUTDOWN = "NodeShutdown"
UNKNOWN_EXIT_CODE = 255


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What is known of one start of one container.

    ``started`` and ``finished`` are RFC 3339 with nine digits, empty until it happened. ``pid_started`` is the
    process table's own start time: pid and start time together name one process for ever. ``boot`` tells two starts of
    the machine apart, and a directory from its copy. ``stopped`` is why it was told to stop, written before the first
    signal. ``exit_code`` is None while it runs; a process that a signal ended has ``signal`` and the exit code
    128 + signal.
    """

    pod: str
    container: str
    number: int
    boot: str = ""
    pid: int = 0
    pid_started: float = 0.0
    started: str = ""
    finished: str = ""
    exit_code: int | None = None
    signal: int = 0
    reason: str = ""
    message: str = ""
    stopped: str = ""

    @property
    def key(self) -> str:
        """``<pod uid>/<container>/<number>``: derived, so that the same attempt can never be started twice."""
        return f"{self.pod}/{self.container}/{self.number}"

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.exit_code is not None

    def but(self, **changes: Any) -> Attempt:
        """Return a copy with other values."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def from_dict(data: dict[str, Any]) -> Attempt:
    """Read the JSON form; keys of a later version are ignored."""
    return Attempt(**{key: value for key, value in data.items() if key in Attempt.__dataclass_fields__})


def from_key(key: str) -> Attempt:
    """Return an attempt of which only the key is known."""
    pod, container, number = key.split("/")
    return Attempt(pod=pod, container=container, number=int(number))


def pod_directory(root: Path, pod: str) -> Path:
    """Return where all of a Pod is kept: attempts, logs and volumes."""
    return root / "pods" / pod


def record_path(root: Path, attempt: Attempt) -> Path:
    """Return the file of the attempt's state."""
    return pod_directory(root, attempt.pod) / attempt.container / f"{attempt.number}.json"


def log_path(root: Path, attempt: Attempt) -> Path:
    """Return the file of the attempt's log."""
    return pod_directory(root, attempt.pod) / attempt.container / f"{attempt.number}.log"


def write(root: Path, attempt: Attempt) -> None:
    """Put the state on disk, atomically; raise OSError."""
    path = record_path(root, attempt)
    fresh = f"{path}.new"
    with open(fresh, "w", encoding="utf-8") as file:
        json.dump(attempt.to_dict(), file)
    os.replace(fresh, path)


def read(path: Path) -> Attempt | None:
    """Return the state in this file; None when there is none."""
    try:
        return from_dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def read_container(root: Path, pod: str, container: str) -> list[Attempt]:
    """Return all attempts of a container that are still on disk, oldest first."""
    folder = pod_directory(root, pod) / container
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    numbers = sorted(int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdigit())
    found = (read(folder / f"{number}.json") for number in numbers)
    return [attempt for attempt in found if attempt]
