"""What an early stopping rule is: a table of settings, and a judgement at each report. One file of ``rules/`` each.

Pure: a rule keeps nothing and asks for nothing. Everywhere in here values are losses, smaller being better; steps are
the reports of the objective metric, counted from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from katib_control.api.settings import Setting, Settings

MIN_TRIALS = Setting(
    name="min_trials_required", type="int", above=0, default=3,
    help="how many ended trials must have reported the same step before the rule stops anything",
)  # fmt: skip

START_STEP = Setting(
    name="start_step", type="int", low=1, default=4,
    help="number of the first report at which a trial may be stopped, counted from 1",
)  # fmt: skip


class Others(Protocol):
    """The curves of the other trials, as they were known when the judged report was made. All answers ascend."""

    def averages(self, step: int) -> Sequence[float]:
        """Return the mean of all values up to the step, of each ended trial that has reported the step."""

    def values(self, step: int) -> Sequence[float]:
        """Return the value at the step, of each ended trial that has one."""

    def recorded(self, step: int) -> Sequence[float]:
        """Return the value at the step, of each trial that has one: also of those that run, or failed later."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One report of a running trial: its step, its value and the best value until then."""

    step: int
    value: float
    best: float
    settings: Settings
    others: Others


@dataclass(frozen=True, kw_only=True)
class Stop:
    """The judgement that a trial is hopeless: its value is worse than the limit.

    ``best`` says that ``value`` is the best one so far, not the last one. ``words`` name the limit, with a place for
    it: ``the median {limit} of 7 trials``.
    """

    value: float
    limit: float
    words: str
    best: bool = True


@dataclass(frozen=True)
class Limit:
    """A judgement made beforehand, for those who can only compare: worse than ``value`` at ``step`` is stopped."""

    step: int
    value: float


class Rule(Protocol):
    """An early stopping rule. Stateless: one instance serves many Experiments at once."""

    settings: ClassVar[tuple[Setting, ...]]
    peers: ClassVar[Literal["ended", "all"]]
    """Whose curves it compares with: of trials that ended with a usable value, or of all (``Others.recorded``)."""

    def check(self, settings: Settings) -> Sequence[tuple[str, str]]:
        """Return settings that cannot be together with others: the name of one, and the rule that it breaks."""

    def judge(self, case: Case) -> Stop | None:
        """Tell whether the trial is to be stopped at this report."""

    def limit(self, settings: Settings, others: Others) -> Limit | None:
        """Return the limit at the first step that is judged; None while too little is known."""


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the percentile of ascending values, interpolated linearly."""
    place = percent / 100 * (len(values) - 1)
    below = int(place)
    part = place - below
    if not part:
        return values[below]
    return values[below] * (1 - part) + values[below + 1] * part
