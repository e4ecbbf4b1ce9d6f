"""Reads the log of one running container and reports its metrics as they come."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from katib_control.api.errors import KatibError
from katib_control.api.observation import MetricLog, TrialKey
from katib_control.collectors.ports import ObservationLog
from katib_control.collectors.schedule import Call, Schedule
from katib_control.collectors.text import TextParser, split_lines
from katib_control.kube.client import Client
from katib_control.kube.streams import LogOptions, LogStream

logger = logging.getLogger(__name__)

REPORT_SECONDS = 0.25
"""Least time between two reports of one trial."""


@dataclass(frozen=True)
class Source:
    """A container's log and what is wanted of it."""

    trial: TrialKey
    pod: str
    pod_uid: str
    container: str
    metrics: tuple[str, ...]
    filters: tuple[str, ...]


@dataclass
class Follower:
    """Lives on a thread of its own while the container runs. After ``stop`` has returned it reports nothing.

    ``again``: an attempt before this one has failed. What it has told does not count, and is removed.
    """

    source: Source
    client: Client
    log: ObservationLog
    schedule: Schedule
    ended: Callable[[Follower], None]
    again: bool = False
    _stopped: bool = False
    _stream: LogStream | None = None
    _waiting: list[MetricLog] = field(default_factory=list)
    _reported: float = 0.0
    _flush: Call | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._run, name=f"follow-{self.source.trial.name}", daemon=True).start()

    def stop(self) -> None:
        """Stop reading."""
        with self._lock:
            self._stopped = True
            stream = self._stream
            if self._flush is not None:
                self._flush.cancel()
        if stream is not None:
            stream.close()

    def _run(self) -> None:
        try:
            if self.again:
                self.log.delete(self.source.trial)
            self._read()
            self._report()
        except KatibError as error:
            # Nothing is lost: the whole log is read when the run has ended, and that read tells what is wrong.
            logger.debug("following pod %s has ended: %s", self.source.pod, error)
        except Exception:
            if not self._stopped:
                logger.exception("following pod %s has failed", self.source.pod)
        finally:
            self.ended(self)

    def _read(self) -> None:
        options = LogOptions(container=self.source.container, follow=True, timestamps=True)
        parser = TextParser(self.source.metrics, self.source.filters)
        stream = self.client.logs(self.source.pod, self.source.trial.namespace, options=options)
        with self._lock:
            self._stream = stream
            stopped = self._stopped
        if stopped:
            stream.close()
            return
        for line in split_lines(stream):
            if self._stopped:
                return
            entries = parser.feed_stamped(line)
            if entries:
                self._add(entries)

    def _add(self, entries: list[MetricLog]) -> None:
        with self._lock:
            self._waiting += entries
            left = self._reported + REPORT_SECONDS - time.monotonic()
            if left > 0:
                if self._flush is None:
                    self._flush = self.schedule.after(left, self._report)
                return
        self._report()

    def _report(self) -> None:
        with self._lock:
            self._flush = None
            entries, self._waiting = self._waiting, []
            if entries and not self._stopped:
                self._reported = time.monotonic()
                self.log.report(self.source.trial, entries)
