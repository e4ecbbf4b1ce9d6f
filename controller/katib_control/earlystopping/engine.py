"""The ``EarlyStop`` port in process: judges running trials by the observation log, report by report.

What it keeps per Experiment is a cache. What a report is compared with is what was known when it was made: reports that
were judged before a restart get the same judgement after it.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from katib_control.api.changes import changed
from katib_control.api.conditions import TRIAL_FINAL, final
from katib_control.api.errors import FieldError, InvalidObject
from katib_control.api.experiment import AlgorithmSpec, Experiment, ObjectiveSpec
from katib_control.api.observation import MetricLog, TrialKey
from katib_control.api.times import nanoseconds
from katib_control.api.trial import Trial
from katib_control.earlystopping.asked import Asked, asked
from katib_control.earlystopping.curves import Book, Curve, View
from katib_control.earlystopping.fixed import why_stopped
from katib_control.earlystopping.registry import RULES
from katib_control.earlystopping.rule import Case, Rule, Stop

USABLE = ("Succeeded", "EarlyStopped")
"""Ends after which a trial's curve is compared with."""

Peers = Callable[[], Sequence[Trial]]


class ReadLog(Protocol):
    """What is needed of the observation log."""

    def read(self, trial: TrialKey, metric: str | None = None) -> Sequence[MetricLog]:
        """Return entries in time order."""

    def read_after(self, trial: TrialKey, metric: str, mark: int) -> tuple[Sequence[MetricLog], int, int]:
        """Return entries in the order of reporting after a mark (0: all), the mark behind them, and how many there are
        in all."""


class StoppingEngine:
    """Judges for any number of Experiments; safe to use from several threads.

    ``capacity`` bounds how many Experiments are kept in the cache, the least recently judged one going first.
    """

    def __init__(self, log: ReadLog, rules: Mapping[str, Rule] = RULES, *, capacity: int = 16) -> None:
        self._log = log
        self._rules = rules
        self._capacity = capacity
        self._searches: OrderedDict[str, _Judge] = OrderedDict()
        self._lock = threading.Lock()

    def validate(self, experiment: Experiment) -> Sequence[FieldError]:
        """Return what is wrong with ``spec.earlyStopping``."""
        try:
            if experiment.spec.early_stopping is not None:
                asked(experiment.spec.early_stopping, self._rules)
        except InvalidObject as error:
            return error.errors
        return ()

    def judge(self, experiment: Experiment | None, trial: Trial, peers: Peers) -> str:
        """Return why the running Trial is to be stopped, empty when it is not.

        ``peers`` gives the Experiment's Trials in the order of their index, this one among them.
        """
        key, rules = _key(trial), trial.spec.early_stopping_rules
        objective = trial.spec.objective or ObjectiveSpec()
        if told := why_stopped(rules, objective, lambda metric: self._log.read(key, metric)):
            return told
        if experiment is None or experiment.spec.early_stopping is None:
            return ""
        judge = self._find(experiment, experiment.spec.early_stopping)
        with judge.lock:
            return judge.judge(trial, peers())

    def forget(self, uid: str) -> None:
        """Drop the cache of an Experiment."""
        with self._lock:
            self._searches.pop(uid, None)

    def _find(self, experiment: Experiment, spec: AlgorithmSpec) -> _Judge:
        objective = experiment.spec.objective or ObjectiveSpec()
        with self._lock:
            known = self._searches.pop(experiment.metadata.uid, None)
            if known is None or known.spec != spec or known.objective != objective:
                known = _Judge(spec, objective, asked(spec, self._rules), self._log)
            self._searches[experiment.metadata.uid] = known
            while len(self._searches) > self._capacity:
                self._searches.popitem(last=False)
        return known


@dataclass(eq=False)
class _Running:
    """A running trial: its curve so far, up to which mark of the log, and how far it is judged."""

    curve: Curve = field(default_factory=Curve)
    mark: int = 0
    judged: int = 0
    best: float = math.inf
    new: bool = True


@dataclass(eq=False)
class _Judge:
    """One Experiment: its rule, the curves of its trials, and how far each running one is judged."""

    spec: AlgorithmSpec
    objective: ObjectiveSpec
    asked: Asked
    log: ReadLog
    book: Book = field(default_factory=Book)
    lock: threading.Lock = field(default_factory=threading.Lock)
    peers: Sequence[Trial] = ()
    running: dict[str, _Running] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    @property
    def sign(self) -> float:
        """What turns values into losses, and losses into values."""
        return -1.0 if self.objective.type == "maximize" else 1.0

    def judge(self, trial: Trial, peers: Sequence[Trial]) -> str:
        """Judge every report that was not judged yet, in their order."""
        self._catch_up(peers)
        if trial.metadata.uid in self.ended:
            return ""
        known = self._follow(trial)
        curve = known.curve
        for step in range(known.judged + 1, len(curve) + 1):
            loss = curve.losses[step - 1]
            if not math.isnan(loss):
                known.best = min(known.best, loss)
                # The newest report has the newest knowledge, also where clocks disagree. Those before it, and those
                # that were there before this process was, have what was known when they were made.
                made = curve.times[step - 1]
                until = made if known.new or step < len(curve) else 0
                others = View(self.book, trial.metadata.uid, made, until, self._refresh)
                case = Case(step=step, value=loss, best=known.best, settings=self.asked.settings, others=others)
                if (stop := self.asked.rule.judge(case)) is not None:
                    return self._words(stop, step)
            known.judged = step
        known.new = False
        return ""

    def _catch_up(self, peers: Sequence[Trial]) -> None:
        """Take in what has become of the other trials since the last time; each curve is read once."""
        changes = list(_changes(self.peers, peers))
        left = {new.metadata.uid for _, new in changes if new is not None}
        for old, _ in changes:
            if old is not None and old.metadata.uid not in left:
                self.ended.discard(old.metadata.uid)
                self.running.pop(old.metadata.uid, None)
                self.book.drop(old.metadata.uid)
        for _, new in changes:
            if new is not None and new.metadata.uid not in self.ended:
                self._take(new)
        self.peers = peers

    def _take(self, trial: Trial) -> None:
        """Take in the curve of a trial that has ended."""
        uid, ending, when = (
            trial.metadata.uid,
            final(trial.status.conditions, TRIAL_FINAL),
            trial.status.completion_time,
        )
        if ending is None or not when:
            return
        everybody = self.asked.rule.peers == "all"
        if ending in USABLE or everybody:
            curve, metric = Curve(), self.objective.objective_metric_name
            curve.add(self.log.read(_key(trial), metric), self.sign, timed=everybody)
            if ending in USABLE:
                self.book.ended(uid, curve, nanoseconds(when))
            else:
                self.book.put(uid, curve)
        self.running.pop(uid, None)
        self.ended.add(uid)

    def _refresh(self) -> None:
        """Bring the curves of all that runs up to date."""
        for trial in self.peers:
            if trial.metadata.uid not in self.ended:
                self.book.put(trial.metadata.uid, self._follow(trial).curve)

    def _follow(self, trial: Trial) -> _Running:
        """Bring the curve of a running trial up to date."""
        uid, key, metric = trial.metadata.uid, _key(trial), self.objective.objective_metric_name
        known = self.running.setdefault(uid, _Running())
        entries, mark, count = self.log.read_after(key, metric, known.mark)
        if count != len(known.curve) + len(entries):
            # A failed attempt was taken out of the log: begin again.
            known = self.running[uid] = _Running()
            entries, mark, _ = self.log.read_after(key, metric, 0)
        known.curve.add(entries, self.sign)
        known.mark = mark
        return known

    def _words(self, stop: Stop, step: int) -> str:
        """Return the judgement in the user's numbers."""
        limit = f"{self.sign * stop.limit:.6g}"
        worse = "below" if self.objective.type == "maximize" else "above"
        subject = f"{'best ' if stop.best else ''}{self.objective.objective_metric_name} {self.sign * stop.value:.6g}"
        return f"{self.asked.name}: {subject} at step {step} is {worse} {stop.words.format(limit=limit)}"


def _key(trial: Trial) -> TrialKey:
    return TrialKey(trial.metadata.namespace, trial.metadata.name, trial.metadata.uid)


def _changes(old: Sequence[Trial], new: Sequence[Trial]) -> Iterator[tuple[Trial | None, Trial | None]]:
    """Yield what stands where the two differ."""
    for place in changed(old, new):
        yield old[place] if place < len(old) else None, new[place] if place < len(new) else None
