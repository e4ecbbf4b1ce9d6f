"""Curves of trials as losses, and what they say together at a step. In memory; knows neither stores nor clusters."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from katib_control.api.observation import MetricLog, number
from katib_control.api.times import nanoseconds

Measure = Callable[["Curve", int], "float | None"]
"""What a curve says at a step; None where it does not reach it, or has no number there."""


@dataclass(eq=False)
class Curve:
    """The objective metric of one trial, report by report.

    ``losses`` has nan for a report that is no number: it counts as a step, and has no value. ``times`` are nanoseconds
    since 1970, 0 where a report has no time.
    """

    losses: array[float] = field(default_factory=lambda: array("d"))
    times: array[int] = field(default_factory=lambda: array("q"))

    def add(self, entries: Iterable[MetricLog], sign: float, *, timed: bool = True) -> None:
        """Append reports; ``sign`` turns values into losses. Without ``timed`` times are left out: they cost half."""
        for entry in entries:
            value = number(entry.value)
            self.losses.append(math.nan if value is None else sign * value)
            self.times.append(_time(entry.time) if timed else 0)

    def __len__(self) -> int:
        return len(self.losses)

    @cached_property
    def means(self) -> array[float]:
        """The mean of all values up to each step; nan where there is none. Only of curves that are complete."""
        sums = accumulate(0.0 if math.isnan(loss) else loss for loss in self.losses)
        counts = accumulate(not math.isnan(loss) for loss in self.losses)
        return array("d", (total / count if count else math.nan for total, count in zip(sums, counts, strict=True)))


def _time(text: str) -> int:
    """Return nanoseconds since 1970; 0 for a text that is no time: services of others may send anything."""
    try:
        return max(nanoseconds(text), 0)
    except ValueError:
        return 0


def value_at(curve: Curve, step: int) -> float | None:
    """Return the value at the step."""
    return _known(curve.losses, step)


def mean_at(curve: Curve, step: int) -> float | None:
    """Return the mean of all values up to the step."""
    return _known(curve.means, step)


def _known(numbers: array[float], step: int) -> float | None:
    found = numbers[step - 1] if step <= len(numbers) else math.nan
    return None if math.isnan(found) else found


class Book:
    """The curves of one Experiment's trials. ``capacity`` bounds the reports kept: the oldest ended trials go first."""

    def __init__(self, capacity: int = 1_000_000) -> None:
        self._capacity = capacity
        self._size = 0
        self._ended: dict[str, tuple[Curve, int]] = {}
        self._rest: dict[str, Curve] = {}
        self._sorted: dict[tuple[Measure, int], array[float]] = {}
        self._last_end = 0
        self._longest = 0

    def ended(self, uid: str, curve: Curve, end: int) -> None:
        """Take in the curve of a trial that has ended with a usable value, at this time (nanoseconds)."""
        self.drop(uid)
        self._ended[uid] = curve, end
        self._size += len(curve)
        self._last_end = max(self._last_end, end)
        self._longest = max(self._longest, len(curve))
        for (measure, step), numbers in self._sorted.items():
            if (found := measure(curve, step)) is not None:
                insort(numbers, found)
        while self._size > self._capacity and len(self._ended) > 1:
            self.drop(next(iter(self._ended)))

    def put(self, uid: str, curve: Curve) -> None:
        """Take in the curve so far of a trial that runs, or of one that has ended without a usable value."""
        self._rest[uid] = curve

    def drop(self, uid: str) -> None:
        """Forget a trial."""
        self._rest.pop(uid, None)
        curve, _ = self._ended.pop(uid, (None, 0))
        if curve is None:
            return
        self._size -= len(curve)
        for (measure, step), numbers in self._sorted.items():
            if (found := measure(curve, step)) is not None:
                del numbers[bisect_left(numbers, found)]

    def at(self, measure: Measure, step: int, until: int) -> Sequence[float]:
        """Return what the ended curves say at the step, ascending."""
        if step > self._longest:
            return ()
        if until and until < self._last_end:
            known = (measure(curve, step) for curve, end in self._ended.values() if end <= until)
            return sorted(found for found in known if found is not None)
        numbers = self._sorted.get((measure, step))
        if numbers is None:
            known = (measure(curve, step) for curve, _ in self._ended.values())
            numbers = array("d", sorted(found for found in known if found is not None))
            self._sorted[measure, step] = numbers
        return numbers

    def all_at(self, step: int, without: str, made: int) -> Sequence[float]:
        """Return the values at the step that were reported until a time (0: at any time), ascending."""
        curves = [*((uid, curve) for uid, (curve, _) in self._ended.items()), *self._rest.items()]
        return sorted(
            found
            for uid, curve in curves
            if uid != without and (found := value_at(curve, step)) is not None and not 0 < made < curve.times[step - 1]
        )


def _nothing() -> None:
    """Everything is up to date."""


@dataclass(frozen=True)
class View:
    """``Others`` over a Book, beside a trial whose report was made at time ``made``.

    ``until``: without the trials that have ended later. 0 for either: at any time. ``refresh`` brings the curves of
    running trials up to date; only rules that compare with those pay for it.
    """

    book: Book
    uid: str = ""
    made: int = 0
    until: int = 0
    refresh: Callable[[], None] = _nothing

    def averages(self, step: int) -> Sequence[float]:
        """Return the mean of all values up to the step, of each ended trial that has reported the step."""
        return self.book.at(mean_at, step, self.until)

    def values(self, step: int) -> Sequence[float]:
        """Return the value at the step, of each ended trial that has one."""
        return self.book.at(value_at, step, self.until)

    def recorded(self, step: int) -> Sequence[float]:
        """Return the value at the step, of each trial that has one."""
        self.refresh()
        return self.book.all_at(step, self.uid, self.made)
