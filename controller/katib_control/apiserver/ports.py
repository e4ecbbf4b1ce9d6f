"""What the server asks of others: admission and the logs of pods. ``embedded`` hands in implementations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from katib_control.kube.http import Stream
from katib_control.kube.resources import Resource


@dataclass(frozen=True)
class Admission:
    """One write that is about to happen; ``object`` is None on DELETE, ``old`` is None on CREATE."""

    operation: Literal["CREATE", "UPDATE", "DELETE"]
    resource: Resource
    subresource: str | None
    object: dict[str, Any] | None
    old: dict[str, Any] | None
    dry_run: bool


Admit = Callable[[Admission], "dict[str, Any] | None"]
"""Returns the object to store (None: as it is), or raises ApiError (Invalid with its causes)."""


@dataclass(frozen=True)
class LogQuery:
    """What a reader of a pod's log asks for; ``container`` is always one that the pod has."""

    pod: dict[str, Any]
    container: str
    follow: bool
    tail_lines: int | None
    since_time: datetime | None
    timestamps: bool
    limit_bytes: int | None


Logs = Callable[[LogQuery], "bytes | Stream"]
"""Returns the log, or a Stream when it is followed; raises ApiError."""
