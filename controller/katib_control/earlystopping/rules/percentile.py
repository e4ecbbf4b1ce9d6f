"""Percentile stopping: a trial whose best value so far is outside the best p percent of the others is stopped.

Percentiles are interpolated linearly: 0 is the best value, 50 the median, 100 the worst, so 100 stops only what is
worse than every other trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from katib_control.api.settings import Setting, Settings
from katib_control.earlystopping.rule import MIN_TRIALS, START_STEP, Case, Limit, Others, Stop, percentile


class Percentile:
    """Stops a trial whose best value up to a step is worse than the percentile of the others' values at that step."""

    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            name="percentile", type="float", low=0, high=100, default=25.0,
            help="how many percent of the trials are good enough: 25 keeps what would be among the best quarter",
        ),
        MIN_TRIALS,
        START_STEP,
    )  # fmt: skip
    peers: ClassVar[Literal["ended", "all"]] = "ended"

    def check(self, settings: Settings) -> Sequence[tuple[str, str]]:
        """Any settings go together."""
        return ()

    def judge(self, case: Case) -> Stop | None:
        """Compare at every report from start_step on."""
        if case.step < case.settings["start_step"]:
            return None
        values = case.others.values(case.step)
        if len(values) < case.settings["min_trials_required"]:
            return None
        percent = case.settings["percentile"]
        limit = percentile(values, percent)
        if case.best <= limit:
            return None
        words = f"{{limit}}, the limit of the best {percent:g} % of {len(values)} trials"
        return Stop(value=case.best, limit=limit, words=words)

    def limit(self, settings: Settings, others: Others) -> Limit | None:
        """Return the percentile at start_step."""
        step = settings["start_step"]
        values = others.values(step)
        if len(values) < settings["min_trials_required"]:
            return None
        return Limit(step, percentile(values, settings["percentile"]))
