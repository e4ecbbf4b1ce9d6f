"""How far an Experiment is, in numbers and in one line. Pure."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from katib_control.api.conditions import EXPERIMENT_FINAL, final
from katib_control.api.experiment import Experiment
from katib_control.api.observation import objective_value


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Counts of trials by what became of them, the best objective value so far, and the state in a word.

    ``stalled`` says why it does not get on; "" while it does.
    """

    state: str
    done: int
    failed: int
    running: int
    pending: int
    wanted: int | None
    metric: str
    best: float | None
    stalled: str = ""

    @property
    def finished(self) -> bool:
        """Whether nothing more will change."""
        return self.state in EXPERIMENT_FINAL


def progress(experiment: Experiment) -> Progress:
    """Return how far the Experiment is by its own status."""
    spec, status = experiment.spec, experiment.status
    failed = status.trials_failed + status.trials_killed + status.trial_metrics_unavailable
    optimal = status.current_optimal_trial
    best = objective_value(optimal.observation, spec.objective) if optimal and spec.objective else None
    return Progress(
        state=state(experiment),
        done=status.trials_succeeded + status.trials_early_stopped + failed,
        failed=failed,
        running=status.trials_running,
        pending=status.trials_pending,
        wanted=spec.max_trial_count,
        metric=spec.objective.objective_metric_name if spec.objective else "",
        best=best,
        stalled=_stalled(experiment),
    )


def _stalled(experiment: Experiment) -> str:
    why, message = reason(experiment)
    return message if state(experiment) == "Running" and why not in ("", "ExperimentRunning") else ""


def state(experiment: Experiment) -> str:
    """Return Succeeded, Failed, or what the last condition that holds says (Created when there is none)."""
    conditions = experiment.status.conditions
    true = [item.type for item in conditions if item.status == "True"]
    return final(conditions, EXPERIMENT_FINAL) or (true[-1] if true else "Created")


def reason(experiment: Experiment) -> tuple[str, str]:
    """Return reason and message of the condition that says how things are; both may be empty."""
    wanted = state(experiment)
    found = next((item for item in experiment.status.conditions if item.type == wanted), None)
    return (found.reason, found.message) if found else ("", "")


def line(now: Progress, seconds_left: float | None = None) -> str:
    """Return ``12/24 trials done (1 failed), 4 running, best accuracy=0.98, about 35 s left``."""
    wanted = f"/{now.wanted}" if now.wanted is not None else ""
    words = [f"{now.done}{wanted} trials done" + (f" ({now.failed} failed)" if now.failed else "")]
    if now.running:
        words.append(f"{now.running} running")
    if now.pending:
        words.append(f"{now.pending} pending")
    if now.best is not None:
        words.append(f"best {now.metric}={now.best:.6g}")
    if now.finished:
        words.append(now.state)
    elif seconds_left is not None:
        words.append(f"about {duration(seconds_left)} left")
    return ", ".join(words)


def duration(seconds: float) -> str:
    """Return ``35 s``, ``12 min`` or ``2 h 5 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class Pace:
    """Time left by what was done since this was made, so that a pause before it does not count."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._first: tuple[float, int] | None = None

    def seconds_left(self, now: Progress) -> float | None:
        """Return the estimate; None while there is nothing to go by."""
        moment = self._clock()
        if self._first is None:
            self._first = (moment, now.done)
        began, before = self._first
        done = now.done - before
        if now.wanted is None or done <= 0 or moment <= began:
            return None
        return max(0.0, (now.wanted - now.done) * (moment - began) / done)


Later = Callable[[float, Callable[[], None]], None]
"""Calls a function after so many seconds, from another thread."""


def later(seconds: float, call: Callable[[], None]) -> None:
    """Call a function after so many seconds; does not keep the process alive."""
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()


class ProgressLines:
    """Writes a line for each change, at most one a second; what came too soon is shown when the second is over."""

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic, later: Later = later
    ) -> None:
        self._write, self._clock, self._later, self._pace = write, clock, later, Pace(clock)
        self._lock = threading.Lock()
        self._now: Progress | None = None
        self._shown: Progress | None = None
        self._next = -math.inf
        self._waiting = False

    def __call__(self, experiment: Experiment) -> None:
        """Show the Experiment's progress if it has changed, now or soon."""
        with self._lock:
            self._now = progress(experiment)
            left = self._next - self._clock()
            if left <= 0 or self._now.finished:
                self._show()
            elif not self._waiting:
                self._waiting = True
                self._later(left, self._catch_up)

    def _catch_up(self) -> None:
        with self._lock:
            self._waiting = False
            self._show()

    def _show(self) -> None:
        if self._now is None or self._now == self._shown:
            return
        left = self._pace.seconds_left(self._now)
        news = self._now.stalled and (self._shown is None or self._now.stalled != self._shown.stalled)
        self._shown, self._next = self._now, self._clock() + 1.0
        self._write(line(self._now, left))
        if news:
            self._write(f"stalled: {self._now.stalled}")
