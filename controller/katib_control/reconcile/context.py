"""What the three reconcilers share: the caches, the way to write, and what was written and is not yet seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from katib_control.api.model import Model
from katib_control.kube.client import Client
from katib_control.kube.resources import Resource
from katib_control.reconcile.caches import Caches
from katib_control.reconcile.freshness import Expected, Versions
from katib_control.reconcile.ports import Collect, EarlyStop, ObservationLog, Suggest
from katib_control.runtime.apply import apply
from katib_control.runtime.clock import Clock
from katib_control.runtime.counters import Counters
from katib_control.runtime.events import EventRecorder
from katib_control.runtime.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Context:
    """Handed to each reconciler."""

    client: Client
    caches: Caches
    suggest: Suggest
    log: ObservationLog
    collect: Collect
    clock: Clock
    early_stop: EarlyStop | None = None
    recorder: EventRecorder | None = None
    counters: Counters | None = None
    versions: Versions = field(default_factory=Versions)
    expected: Expected = field(default_factory=Expected)

    def apply(self, resource: Resource, obj: dict[str, Any], plan: Plan) -> dict[str, Any] | None:
        """Carry a plan out, and remember the version it has left."""
        written = apply(self.client, resource, obj, plan, self.recorder, self.counters)
        self.versions.wrote(written)
        return written


def as_written(obj: Model) -> dict[str, Any]:
    """Return what ``apply`` must see of an object: its kind, metadata and status."""
    return obj.model_dump(
        by_alias=True,
        exclude_unset=True,
        exclude_none=True,
        include={"api_version", "kind", "metadata", "status"},
    )
