"""What collecting needs from others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from katib_control.api.observation import MetricLog, TrialKey


class ObservationLog(Protocol):
    """Metric values over time, by trial. ``report`` is idempotent: the same report twice is one."""

    def report(self, trial: TrialKey, logs: Sequence[MetricLog]) -> None:
        """Add entries."""

    def read(self, trial: TrialKey, metric: str | None = None) -> Sequence[MetricLog]:
        """Return entries in time order."""

    def delete(self, trial: TrialKey) -> None:
        """Remove a trial's entries."""
