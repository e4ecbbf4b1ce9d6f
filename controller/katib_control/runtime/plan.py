"""What a reconcile decided: data, made by a pure ``plan(seen, now)``, carried out by ``runtime.apply``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from katib_control.kube.resources import Resource


@dataclass(frozen=True)
class Patch:
    """A merge patch of another object (or of its subresource); a resourceVersion in it guards against stale writes."""

    resource: Resource
    namespace: str
    name: str
    body: dict[str, Any]
    subresource: str | None = None


@dataclass(frozen=True)
class Delete:
    """Deletion of one object; only if it still has this uid."""

    resource: Resource
    namespace: str
    name: str
    uid: str | None = None
    propagation: Literal["Background", "Foreground", "Orphan"] = "Background"


@dataclass(frozen=True)
class EventDraft:
    """An Event about the reconciled object."""

    reason: str
    message: str
    type: Literal["Normal", "Warning"] = "Normal"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that is to be done, in this order: create, patch, delete, own metadata, own status, events and counters.

    ``status`` is the complete new status (None: leave it); ``finalizers`` the complete new list (None: leave it).
    ``create`` pairs each object with its resource; AlreadyExists is success.
    """

    create: Sequence[tuple[Resource, dict[str, Any]]] = ()
    patch: Sequence[Patch] = ()
    delete: Sequence[Delete] = ()
    finalizers: Sequence[str] | None = None
    status: dict[str, Any] | None = None
    events: Sequence[EventDraft] = ()
    counters: Sequence[str] = ()
    requeue_after: float | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (
            self.create or self.patch or self.delete or self.events
            or self.finalizers is not None or self.status is not None
        )  # fmt: skip
