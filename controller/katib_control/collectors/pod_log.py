"""The ``Collect`` port over ``pods/log``: metrics are read from where they already are, the container's log.

A run that ends within a second costs one read of its log. A longer one is followed on a thread, so that its metrics can
be seen while it runs; at its end the whole log is read all the same, and what was already reported is not added again.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from katib_control.api.observation import Collected, MetricLog, TrialKey, number
from katib_control.api.times import from_wire, nanoseconds
from katib_control.api.trial import Trial
from katib_control.collectors.follower import Follower, Source
from katib_control.collectors.pods import failed_container, primary_pods, running, telling_pods
from katib_control.collectors.ports import ObservationLog
from katib_control.collectors.schedule import Call, Schedule
from katib_control.collectors.text import TAIL_LINES, TextParser, split_lines
from katib_control.kube.client import Client
from katib_control.kube.errors import BadRequest, NotFound
from katib_control.kube.streams import LogOptions
from katib_control.runtime.clock import Clock

logger = logging.getLogger(__name__)

PATIENCE = 1.0
"""A trial is followed when it has been running for so many seconds."""

MAX_FOLLOWERS = 32
"""Trials that are followed at the same time; those beyond are looked at again later, or read at their end."""

MAX_AT_ONCE = 256
"""The same for trials whose metrics somebody waits for."""

LATER = 5.0


@dataclass
class _Watched:
    """A running trial: waiting for its turn (``call``), or being followed.

    ``at_once``: somebody waits for its metrics. ``again``: an attempt before this one has failed.
    """

    source: Source
    at_once: bool
    again: bool
    call: Call | None = None
    follower: Follower | None = None


class PodLogCollector:
    """Collects from the primary container of the primary pods. Of several pods the first is followed, all are read."""

    def __init__(self, client: Client, log: ObservationLog, clock: Clock, *, followers: int = MAX_FOLLOWERS) -> None:
        self._client = client
        self._log = log
        self._clock = clock
        self._limit = followers
        self._schedule = Schedule("follow-trials")
        self._watched: dict[TrialKey, _Watched] = {}
        self._active = 0
        self._lock = threading.Lock()

    def follow(self, trial: Trial, pods: Sequence[dict[str, Any]], *, at_once: bool = False) -> None:
        """See to it that the running trial's metrics are being read; cheap when they are.

        ``at_once``: do not wait to see whether the run ends soon, somebody waits for each metric.
        """
        spec, key, objective = trial.spec, key_of(trial), trial.spec.objective
        if spec.metrics_collector.kind != "StdOut" or objective is None:
            return
        primary = primary_pods(spec, pods)
        pod = next((pod for pod in primary if running(pod, spec.primary_container_name)), None)
        if pod is None:
            return
        meta = pod["metadata"]
        with self._lock:
            known = self._watched.get(key)
            if known is not None and known.source.pod_uid == meta["uid"]:
                return
        self.stop(key)
        source = Source(
            key, meta["name"], meta["uid"], spec.primary_container_name,
            objective.metric_names, spec.metrics_collector.filters,
        )  # fmt: skip
        watched = _Watched(source, at_once, again=len(telling_pods(primary)) < len(primary))
        patience = 0.0 if at_once else self._patience(trial)
        with self._lock:
            self._watched[key] = watched
            watched.call = self._schedule.after(patience, functools.partial(self._start, watched))

    def finish(self, trial: Trial, pods: Sequence[dict[str, Any]]) -> Collected:
        """Read the whole log of the ended run, report it and return it; a second time changes nothing.

        Other collectors than StdOut have reported by themselves: their entries are read, and for the diagnosis the last
        lines of the log where no value of the objective is among them. Raises ApiError when the log cannot be read and
        nothing was reported before, FilterError for a filter that cannot be used.
        """
        key = key_of(trial)
        self.stop(key)
        primary = primary_pods(trial.spec, pods)
        telling = telling_pods(primary)
        if trial.spec.metrics_collector.kind != "StdOut" or not telling:
            return self._reported(trial, telling)
        try:
            collected = self._read(trial, telling)
        except (NotFound, BadRequest):
            stored, tail = self._log.read(key), self._last_words(trial, telling)
            if not stored and not tail:
                raise
            return Collected(logs=stored, names_found=_names(stored), tail=tail)
        if len(primary) > len(telling):
            # What a failed attempt has told was reported while it ran, and does not count.
            self._log.delete(key)
        self._log.report(key, collected.logs)
        return collected

    def stop(self, trial: TrialKey) -> None:
        """Read no further: when this returns, nothing more of this trial is reported."""
        with self._lock:
            watched = self._watched.pop(trial, None)
            if watched is not None and watched.call is not None:
                watched.call.cancel()
            follower = watched.follower if watched else None
        if follower is not None:
            follower.stop()

    def close(self) -> None:
        """Stop everything."""
        self._schedule.close()
        for key in list(self._watched):
            self.stop(key)

    def _patience(self, trial: Trial) -> float:
        """Return for how many seconds to wait yet; none for a trial that was started by an earlier process."""
        if trial.status.start_time is None:
            return PATIENCE
        age = (self._clock() - from_wire(trial.status.start_time)).total_seconds()
        return min(max(PATIENCE - age, 0.0), PATIENCE)

    def _start(self, watched: _Watched) -> None:
        with self._lock:
            if self._watched.get(watched.source.trial) is not watched:
                return
            if self._active >= (max(self._limit, MAX_AT_ONCE) if watched.at_once else self._limit):
                watched.call = self._schedule.after(LATER, functools.partial(self._start, watched))
                return
            self._active += 1
            follower = Follower(
                watched.source, self._client, self._log, self._schedule, self._ended, again=watched.again
            )
            watched.call, watched.follower = None, follower
        follower.start()

    def _ended(self, follower: Follower) -> None:
        """The follower's log has ended, or could not be read: the next ``follow`` of a running pod may try again."""
        with self._lock:
            self._active -= 1
            watched = self._watched.get(follower.source.trial)
            if watched is not None and watched.follower is follower:
                del self._watched[follower.source.trial]

    def _read(self, trial: Trial, pods: Sequence[dict[str, Any]]) -> Collected:
        objective = trial.spec.objective
        parser = TextParser(objective.metric_names if objective else (), trial.spec.metrics_collector.filters)
        options = LogOptions(container=trial.spec.primary_container_name, timestamps=True)
        logs = [entry for line in self._lines(trial, pods, options) for entry in parser.feed_stamped(line)]
        if len(logs) > 1:
            logs.sort(key=lambda entry: nanoseconds(entry.time))
        return Collected(logs=logs, names_found=parser.names_found, tail=parser.tail)

    def _reported(self, trial: Trial, pods: Sequence[dict[str, Any]]) -> Collected:
        stored = self._log.read(key_of(trial))
        wanted = trial.spec.objective.objective_metric_name if trial.spec.objective else ""
        if any(entry.name == wanted and number(entry.value) is not None for entry in stored):
            return Collected(logs=stored, names_found=_names(stored))
        tail = self._tail(trial, pods, trial.spec.primary_container_name)
        return Collected(logs=stored, names_found=_names(stored), tail=tail)

    def _last_words(self, trial: Trial, pods: Sequence[dict[str, Any]]) -> Sequence[str]:
        """Return the last lines of what failed instead of the primary container: an init container, say."""
        blamed = ((pod, failed_container(pod)) for pod in pods)
        pod, name = next((found for found in blamed if found[1]), ({}, ""))
        return self._tail(trial, [pod], name) if name else ()

    def _tail(self, trial: Trial, pods: Sequence[dict[str, Any]], container: str) -> Sequence[str]:
        parser = TextParser(())
        try:
            for line in self._lines(trial, pods, LogOptions(container=container, tail_lines=TAIL_LINES)):
                parser.feed(line)
        except (NotFound, BadRequest) as error:
            logger.debug("no last lines of trial %s: %s", trial.metadata.name, error)
        return parser.tail

    def _lines(self, trial: Trial, pods: Sequence[dict[str, Any]], options: LogOptions) -> Iterator[str]:
        for pod in pods:
            stream = self._client.logs(pod["metadata"]["name"], trial.metadata.namespace, options=options)
            try:
                yield from split_lines(stream)
            finally:
                stream.close()


def key_of(trial: Trial) -> TrialKey:
    """Return under which key a trial's metrics are kept."""
    return TrialKey(trial.metadata.namespace, trial.metadata.name, trial.metadata.uid)


def _names(logs: Sequence[MetricLog]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry.name for entry in logs))
