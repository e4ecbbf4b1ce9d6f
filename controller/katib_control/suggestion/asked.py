"""A GetSuggestions request as it came: what is asked, with the Trials left as bytes, and whose question it is."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from google.protobuf.message import DecodeError

from katib_control.api.errors import FieldError, InvalidObject
from katib_control.api.experiment import Experiment
from katib_control.api.suggestion import TrialAssignment
from katib_control.pb import api_pb2 as pb
from katib_control.pb.envelope_pb2 import SuggestionsEnvelope
from katib_control.suggestion.algorithm import Algorithm
from katib_control.suggestion.engine import identity
from katib_control.suggestion.wire import read_assignment, read_experiment

MOST_POINTS = 10_000
"""Points of one answer."""

NAMESPACE_KEY, UID_KEY = "namespace", "uid"
"""Metadata of a call that say which Experiment it is where the request does not; Katib's request cannot."""

_KEPT = 256


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question. ``key`` tells searches apart: the Experiment's identity and a digest of what it searches."""

    experiment: Experiment
    key: str
    trials: Sequence[bytes]
    pending: Sequence[TrialAssignment]
    index: int
    count: int
    ordered: bool

    @cached_property
    def times(self) -> Mapping[bytes, int]:
        """How often each Trial is there, word for word; more than once only where names are missing or repeated."""
        return Counter(self.trials)


class Reader:
    """Reads requests; those of the same Experiment give the same object."""

    def __init__(self, algorithms: Mapping[str, Algorithm]) -> None:
        self._algorithms = algorithms
        self._read: OrderedDict[tuple[bytes, str, str], tuple[Experiment, str]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, request: bytes, metadata: Mapping[str, str]) -> Asked:
        """Return the question; raise InvalidObject where the bytes or the numbers are wrong."""
        try:
            envelope = SuggestionsEnvelope.FromString(request)
            pending = [pb.GetSuggestionsReply.ParameterAssignments.FromString(item) for item in envelope.pending]
            experiment, key = self._experiment(b"".join(envelope.experiment), metadata)
        except DecodeError as error:
            raise unreadable(error) from error
        if envelope.current_request_number > MOST_POINTS:
            rule = f"at most {MOST_POINTS} points can be asked for at once"
            raise InvalidObject([FieldError("current_request_number", rule, envelope.current_request_number)])
        trials = list(envelope.trials)
        return Asked(
            experiment=experiment,
            key=key,
            trials=trials,
            pending=[read_assignment(item) for item in pending],
            index=_index(envelope, len(trials) + len(pending), experiment.spec.parallel_trial_count or 0),
            count=envelope.current_request_number,
            ordered=envelope.ordered,
        )

    def _experiment(self, raw: bytes, metadata: Mapping[str, str]) -> tuple[Experiment, str]:
        """Return the Experiment and what tells it apart; the same objects for the same bytes."""
        place = raw, metadata.get(NAMESPACE_KEY, ""), metadata.get(UID_KEY, "")
        with self._lock:
            found = self._read.pop(place, None)
        if found is None:
            message = pb.Experiment.FromString(raw)
            experiment = read_experiment(message, *place[1:])
            found = experiment, f"{identity(experiment)} {self._digest(message)}"
        with self._lock:
            self._read[place] = found
            while len(self._read) > _KEPT:
                self._read.popitem(last=False)
        return found

    def _digest(self, message: pb.Experiment) -> str:
        """Return a digest of what is searched and how; counts, and what an algorithm writes back, do not matter."""
        spec = pb.ExperimentSpec()
        spec.CopyFrom(message.spec)
        spec.parallel_trial_count = spec.max_trial_count = 0
        algorithm = self._algorithms.get(spec.algorithm.algorithm_name)
        written = {item.name for item in algorithm.settings if item.written} if algorithm else set()
        kept = [item for item in message.spec.algorithm.algorithm_settings if item.name not in written]
        del spec.algorithm.algorithm_settings[:]
        spec.algorithm.algorithm_settings.extend(kept)
        return hashlib.blake2b(spec.SerializeToString(deterministic=True), digest_size=16).hexdigest()


def unreadable(error: DecodeError) -> InvalidObject:
    """Return the error of bytes that are no message."""
    return InvalidObject([FieldError("request", f"must be a message of Katib's API (api.v1.beta1): {error}")])


def _index(envelope: SuggestionsEnvelope, made: int, parallel: int) -> int:
    """Return how many points were made before this question.

    Our own clients say so. Katib's controller sends how many it wants in all, so the rest is what it has: a few more
    than there are Trials, because some are not there yet and those without metrics are not sent. Who sends another
    total, its budget say, or none, has made those that are there.
    """
    if envelope.HasField("index"):
        return int(max(envelope.index, 0))
    before = envelope.total_request_number - envelope.current_request_number
    believable = 0 < before <= made + max(parallel, envelope.current_request_number) + made // 2
    return int(before) if believable else made
