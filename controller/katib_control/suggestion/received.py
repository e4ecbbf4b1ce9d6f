"""The Trials of the last request, each read once: of the next request only what is new is read."""

from __future__ import annotations

import bisect
import itertools
import operator
from collections.abc import Sequence
from typing import NamedTuple

from google.protobuf.message import DecodeError

from katib_control.api.changes import changed
from katib_control.api.trial import Trial
from katib_control.pb import api_pb2 as pb
from katib_control.suggestion.asked import Asked, unreadable
from katib_control.suggestion.trial_wire import ENDED, read_trial

_LATE = "~"  # sorts behind every time
_FEW = 50


class Entry(NamedTuple):
    """A Trial that was read, and its bytes."""

    start: str
    name: str
    raw: bytes
    trial: Trial
    ended: bool


_ORDER = operator.itemgetter(0, 1, 2)
"""By when the Trial started, then by name: the order in the request does not matter."""


class Received:
    """Trials in their order: as they came where that is the order of the points, else by start and name.

    ``entries`` and ``trials`` are replaced by ``update``, never changed, so that other threads may read them.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.trials: list[Trial] = []
        self._raw: Sequence[bytes] = ()
        self._known: dict[bytes, Entry] = {}
        self._ordered = False

    def update(self, asked: Asked) -> bool:
        """Take in the Trials of a request; return whether they continue those of the one before."""
        places = _differences(self._raw, asked.trials)
        if places is not None and self._simple(asked, places):
            entries = self._changed(asked, places)
        else:
            entries = self._all(asked)
        goes_on = _continues(self.entries, entries)
        self.entries = entries
        self.trials = list(map(operator.itemgetter(3), entries))
        self._raw, self._ordered = asked.trials, asked.ordered
        return goes_on

    def fits(self, asked: Asked) -> bool:
        """Whether every Trial that had ended is still there, unchanged."""
        entries, raw = self.entries, self._raw
        places = _differences(raw, asked.trials)
        if places is not None:
            gone = [self._known.get(raw[place]) for place in places if place < len(raw)]
            if not any(entry is None or entry.ended for entry in gone):
                return True
        return all(entry.raw in asked.times for entry in entries if entry.ended)

    def _simple(self, asked: Asked, places: Sequence[int]) -> bool:
        """Whether places can be filled one by one: no Trial is there twice, word for word."""
        fresh = {asked.trials[place] for place in places}
        once = len(self._known) == len(self._raw) and len(fresh) == len(places) and self._known.keys().isdisjoint(fresh)
        return once and asked.ordered == self._ordered

    def _changed(self, asked: Asked, places: Sequence[int]) -> list[Entry]:
        """Return the entries with a few of them exchanged or added."""
        entries = self.entries.copy()
        # All are read before anything is changed: one of them may be unreadable.
        for place, fresh in [(place, _read(asked.trials[place])) for place in places]:
            old = self._known.pop(self._raw[place]) if place < len(self._raw) else None
            self._known[fresh.raw] = fresh
            if asked.ordered:
                entries[place : place + 1] = [fresh]
                continue
            if old is not None:
                del entries[bisect.bisect_left(entries, _ORDER(old), key=_ORDER)]
            bisect.insort(entries, fresh, key=_ORDER)
        return entries

    def _all(self, asked: Asked) -> list[Entry]:
        times, known = asked.times, self._known
        # In the order of old, because sorting what is nearly sorted takes little time.
        entries = [entry for raw, entry in known.items() if raw in times]
        entries += [_read(raw) for raw in times if raw not in known]
        self._known = {entry.raw: entry for entry in entries}
        if asked.ordered:
            return [self._known[raw] for raw in asked.trials]
        if len(times) < len(asked.trials):
            # Two Trials without a name may well be alike; of a name there is only one.
            entries = [entry for entry in entries for _ in range(1 if entry.name else times[entry.raw])]
        entries.sort(key=_ORDER)
        return entries


def _read(raw: bytes) -> Entry:
    try:
        message = pb.Trial.FromString(raw)
    except DecodeError as error:
        raise unreadable(error) from error
    start = message.status.start_time or _LATE
    return Entry(start, message.name, raw, read_trial(message), message.status.condition in ENDED)


def _differences(old: Sequence[bytes], new: Sequence[bytes]) -> Sequence[int] | None:
    """Return the positions of ``new`` that are other than in ``old``, if they are few; None where they are many."""
    if len(new) < len(old):
        return None
    places = list(itertools.islice(changed(old, new, operator.eq), _FEW + 1))
    return places if len(places) <= _FEW else None


def _continues(old: Sequence[Entry], new: Sequence[Entry]) -> bool:
    """Whether nothing has happened but that Trials went on and others came after them."""
    if len(new) < len(old):
        return False
    for place in itertools.takewhile(len(old).__gt__, changed(old, new)):
        before, now = old[place], new[place]
        if before.ended or before.name != now.name or before.trial.spec.assignments != now.trial.spec.assignments:
            return False
    return True
