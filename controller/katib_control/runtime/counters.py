"""Counters of the control plane, in the Prometheus text format when somebody asks for it.

Counting is a dict's increment; prometheus-client is loaded by the first ``text``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any


class Counters:
    """Monotonic counts by name and namespace; safe to use from many threads."""

    def __init__(self, descriptions: Mapping[str, str] | None = None) -> None:
        self._descriptions = dict(descriptions or {})
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], int] = {}

    def add(self, name: str, namespace: str = "", amount: int = 1) -> None:
        """Count; the name is Prometheus' (``katib_trial_created_total``, the ending may be left out)."""
        key = (name.removesuffix("_total"), namespace)
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + amount

    def value(self, name: str, namespace: str = "") -> int:
        """Return a count, 0 for what was never counted."""
        return self._counts.get((name.removesuffix("_total"), namespace), 0)

    def text(self) -> bytes:
        """Return all counts in the Prometheus text format."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Any]:
        """Yield one metric family per name: what prometheus-client asks a collector."""
        from prometheus_client.core import CounterMetricFamily

        with self._lock:
            counts = sorted(self._counts.items())
        for name in dict.fromkeys(name for (name, _), _ in counts):
            family = CounterMetricFamily(name, self._descriptions.get(name, name), labels=["namespace"])
            for (_, namespace), count in (item for item in counts if item[0][0] == name):
                family.add_metric([namespace], count)
            yield family
