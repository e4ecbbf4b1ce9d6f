"""What reconciling needs from others, as small Protocols; ``embedded`` and ``__main__`` hand in implementations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from katib_control.api.errors import FieldError
from katib_control.api.experiment import Experiment
from katib_control.api.observation import Collected, MetricLog, TrialKey
from katib_control.api.suggestion import Answer, Question
from katib_control.api.trial import Trial


class Suggest(Protocol):
    """A search algorithm service. Pure function of its arguments; may cache, never own, state."""

    def validate(self, experiment: Experiment) -> Sequence[FieldError]:
        """Return what the algorithm refuses: unknown name, settings, parts of the search space."""

    def ask(self, question: Question) -> Answer:
        """Return new points; raise KatibError with the reason when none can be made."""

    def forget(self, uid: str) -> None:
        """Drop what is cached for this Experiment."""


class ObservationLog(Protocol):
    """Metric values over time, by trial. ``report`` is idempotent: the same entry twice is one entry."""

    def report(self, trial: TrialKey, logs: Sequence[MetricLog]) -> None:
        """Add entries."""

    def read(self, trial: TrialKey, metric: str | None = None) -> Sequence[MetricLog]:
        """Return entries in time order (ties: in the order they were reported)."""

    def delete(self, trial: TrialKey) -> None:
        """Remove a trial's entries; none there is success."""

    def on_report(self, listener: Callable[[TrialKey], None]) -> None:
        """Call the listener after each report, on the thread of whoever reports."""


class Collect(Protocol):
    """Reads metrics where they already are, and puts them into the observation log."""

    def follow(self, trial: Trial, pods: Sequence[dict[str, Any]], *, at_once: bool = False) -> None:
        """See to it that the running trial's metrics are being read; cheap when they are.

        ``at_once``: somebody waits for each of them.
        """

    def finish(self, trial: Trial, pods: Sequence[dict[str, Any]]) -> Collected:
        """Read what is left after the run has ended, put it into the log and say what the run has told in all."""

    def stop(self, trial: TrialKey) -> None:
        """Read no further."""


class EarlyStop(Protocol):
    """Early stopping rules. Pure function of the observation log and its arguments; may cache, never own, state."""

    def validate(self, experiment: Experiment) -> Sequence[FieldError]:
        """Return what is wrong with ``spec.earlyStopping``."""

    def judge(self, experiment: Experiment | None, trial: Trial, peers: Callable[[], Sequence[Trial]]) -> str:
        """Return why the running Trial is to be stopped, empty when it is not; called at every report.

        ``peers`` gives the Experiment's Trials in the order of their index, this one among them.
        """

    def forget(self, uid: str) -> None:
        """Drop what is cached for this Experiment."""
