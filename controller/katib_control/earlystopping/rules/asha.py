"""Asynchronous successive halving, as a stopping rule: at each rung only the best 1/eta of what was seen goes on.

L. Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020; the variant that stops trials instead
of pausing them. The first trial at a rung is its best one and goes on: no trial ever waits for another.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import ClassVar, Literal

from katib_control.api.settings import Setting, Settings
from katib_control.earlystopping.rule import START_STEP, Case, Limit, Others, Stop


class Asha:
    """Rungs are the reports start_step, start_step * eta, start_step * eta^2 and so on, below max_step."""

    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            name="eta", type="int", low=2, default=3,
            help="reduction factor: one of so many goes on at each rung, and the next rung is so many times as far",
        ),
        START_STEP,
        Setting(
            name="max_step", type="int", low=1,
            help="number of the last report of a whole training, at which nothing is to be stopped; absent: unknown",
        ),
    )  # fmt: skip
    peers: ClassVar[Literal["ended", "all"]] = "all"

    def check(self, settings: Settings) -> Sequence[tuple[str, str]]:
        """There must be a rung before the end."""
        first, last = settings["start_step"], settings["max_step"]
        if last is not None and last <= first:
            return [("max_step", f"must be greater than start_step, {first}: else there is no rung to stop at")]
        return ()

    def judge(self, case: Case) -> Stop | None:
        """Compare at the rungs alone, with all that was reported there before; equals go on together."""
        eta, last = case.settings["eta"], case.settings["max_step"]
        if not is_rung(case.step, case.settings["start_step"], eta) or (last is not None and case.step >= last):
            return None
        others = case.others.recorded(case.step)
        count = len(others) + 1
        kept = max(count // eta, 1)
        if bisect_left(others, case.value) < kept:
            return None
        limit = others[kept - 1]
        words = f"{{limit}}: of {count} trials at this rung the best {f'{kept} go' if kept > 1 else 'goes'} on"
        return Stop(value=case.value, limit=limit, words=words, best=False)

    def limit(self, settings: Settings, others: Others) -> Limit | None:
        """Return the worst value that goes on at the first rung, as soon as eta trials have been there."""
        step, eta, last = settings["start_step"], settings["eta"], settings["max_step"]
        values = others.recorded(step)
        if len(values) < eta or (last is not None and step >= last):
            return None
        return Limit(step, values[len(values) // eta - 1])


def is_rung(step: int, first: int, eta: int) -> bool:
    """Tell whether the step is first * eta^k."""
    while step > first and step % eta == 0:
        step //= eta
    return step == first
