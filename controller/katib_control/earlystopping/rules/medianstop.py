"""Median stopping: a trial that never was better than the median trial is on average, is stopped.

D. Golovin et al., Google Vizier: A Service for Black-Box Optimization, KDD 2017, section 3.2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from katib_control.api.settings import Setting, Settings
from katib_control.earlystopping.rule import MIN_TRIALS, START_STEP, Case, Limit, Others, Stop, percentile


class MedianStop:
    """Stops a trial whose best value up to a step is worse than the median of the others' running averages there."""

    settings: ClassVar[tuple[Setting, ...]] = (MIN_TRIALS, START_STEP)
    peers: ClassVar[Literal["ended", "all"]] = "ended"

    def check(self, settings: Settings) -> Sequence[tuple[str, str]]:
        """Any settings go together."""
        return ()

    def judge(self, case: Case) -> Stop | None:
        """Compare at every report from start_step on."""
        if case.step < case.settings["start_step"]:
            return None
        averages = case.others.averages(case.step)
        if len(averages) < case.settings["min_trials_required"]:
            return None
        limit = percentile(averages, 50)
        if case.best <= limit:
            return None
        return Stop(value=case.best, limit=limit, words=f"the median {{limit}} of {len(averages)} trials")

    def limit(self, settings: Settings, others: Others) -> Limit | None:
        """Return the median at start_step."""
        step = settings["start_step"]
        averages = others.averages(step)
        return Limit(step, percentile(averages, 50)) if len(averages) >= settings["min_trials_required"] else None
