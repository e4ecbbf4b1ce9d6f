"""Room on the machine: Pods are admitted first come, first served; one that does not fit yet waits, and says for what.

``Ledger`` is pure bookkeeping; ``detect`` looks at the machine.
"""

from __future__ import annotations

import glob
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psutil

from katib_control.node import quantity

Amounts = Mapping[str, Decimal]
_PODS = "pods"
_MOST_PODS = Decimal(250)


def detect() -> dict[str, Decimal]:
    """Return what this machine has: cpu (cores that we may use), memory (bytes), pods, and NVIDIA GPUs if there are."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = {
        "cpu": Decimal(usable or 1),
        "memory": Decimal(psutil.virtual_memory().total),
        "ephemeral-storage": Decimal(psutil.disk_usage(os.getcwd()).total),
        _PODS: _MOST_PODS,
    }
    if gpus := glob.glob("/dev/nvidia[0-9]*"):
        found["nvidia.com/gpu"] = Decimal(len(gpus))
    return found


def requests(pod: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return what a Pod asks for: its containers and sidecars together, or its largest init container if that is more.

    As in Kubernetes a limit stands for a request that is missing.
    """
    spec = pod["spec"]
    total: dict[str, Decimal] = {_PODS: Decimal(1)}
    peak: dict[str, Decimal] = {}
    for container in spec.get("initContainers") or ():
        wanted = _of_container(container)
        if container.get("restartPolicy") == "Always":
            _add(total, wanted)
        for name, amount in wanted.items():
            peak[name] = max(peak.get(name, Decimal(0)), amount)
    for container in spec.get("containers") or ():
        _add(total, _of_container(container))
    return {name: max(total.get(name, Decimal(0)), peak.get(name, Decimal(0))) for name in {*total, *peak}}


@dataclass(frozen=True)
class Waiting:
    """A Pod that waits: its place in the line and what it asks for."""

    order: tuple[str, int]
    asked: Amounts


class Ledger:
    """Who has been admitted, with how much. Keys are Pod uids; safe to use from many threads."""

    def __init__(self, capacity: Amounts) -> None:
        self.capacity = dict(capacity)
        self._free = dict(capacity)
        self._admitted: dict[str, Amounts] = {}
        self._waiting: dict[str, Waiting] = {}
        self._arrivals = 0
        self._lock = threading.Lock()

    def take(self, uid: str, asked: Amounts) -> None:
        """Admit a Pod that runs already, room or not."""
        with self._lock:
            self._admit(uid, asked)

    def line_up(self, uid: str, created: str, asked: Amounts) -> None:
        """Give a Pod its place in the line: by creation time, then by arrival. A second time changes nothing."""
        with self._lock:
            if uid not in self._waiting and uid not in self._admitted:
                self._arrivals += 1
                self._waiting[uid] = Waiting((created, self._arrivals), asked)

    def ask(self, uid: str, created: str, asked: Amounts) -> str:
        """Return an empty text when the Pod is admitted, else why it is not."""
        self.line_up(uid, created, asked)
        with self._lock:
            if uid in self._admitted:
                return ""
            mine = self._waiting[uid]
            if never := {
                name: amount for name, amount in asked.items() if amount > self.capacity.get(name, Decimal(0))
            }:
                return self._never(never)
            ahead = [item for item in self._waiting.values() if item.order < mine.order and self._could_fit(item.asked)]
            lacking = [name for name, amount in asked.items() if amount > self._free.get(name, Decimal(0))]
            if lacking:
                return self._not_yet(lacking, asked)
            if ahead:
                return f"{len(ahead)} Pods that came earlier wait for room on this machine"
            self._admit(uid, asked)
            return ""

    def release(self, uid: str) -> bool:
        """Give back what a Pod had; return whether others may fare better now."""
        with self._lock:
            waited = self._waiting.pop(uid, None)
            asked = self._admitted.pop(uid, None)
            if asked is None:
                return waited is not None
            for name, amount in asked.items():
                self._free[name] = self._free.get(name, Decimal(0)) + amount
            return True

    def first(self) -> str | None:
        """Return the uid that is first in line, if anyone waits who can ever fit."""
        with self._lock:
            able = [uid for uid, item in self._waiting.items() if self._could_fit(item.asked)]
            return min(able, key=lambda uid: self._waiting[uid].order) if able else None

    def _admit(self, uid: str, asked: Amounts) -> None:
        self._waiting.pop(uid, None)
        if uid not in self._admitted:
            self._admitted[uid] = asked
            for name, amount in asked.items():
                self._free[name] = self._free.get(name, Decimal(0)) - amount

    def _could_fit(self, asked: Amounts) -> bool:
        return all(amount <= self.capacity.get(name, Decimal(0)) for name, amount in asked.items())

    def _never(self, names: Amounts) -> str:
        parts = [
            f"{show(name, amount)} {name} requested, this machine has {show(name, self.capacity.get(name, Decimal(0)))}"
            for name, amount in sorted(names.items())
        ]
        return f"the Pod can never fit: {'; '.join(parts)}: lower resources.requests"

    def _not_yet(self, names: list[str], asked: Amounts) -> str:
        free = {name: max(self._free.get(name, Decimal(0)), Decimal(0)) for name in names}
        parts = [
            f"{show(name, asked[name])} {name} requested, {show(name, free[name])} of "
            f"{show(name, self.capacity[name])} free"
            for name in sorted(names)
        ]
        return f"0/1 nodes are available: {'; '.join(parts)}: the Pod waits until others end"


def show(name: str, amount: Decimal) -> str:
    """Return an amount as people write it."""
    if name == "cpu":
        return quantity.show_cpu(amount)
    return quantity.show_memory(amount) if name in ("memory", "ephemeral-storage") else str(int(amount))


def _of_container(container: Mapping[str, Any]) -> dict[str, Decimal]:
    resources = container.get("resources") or {}
    merged = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return {name: quantity.parse(value) for name, value in merged.items()}


def _add(total: dict[str, Decimal], more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, Decimal(0)) + amount
