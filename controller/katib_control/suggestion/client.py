"""The ``Suggest`` port over gRPC: to our service, or to one of Katib's, which answers the same calls.

What our own service reads besides (uid, namespace, index, pending points, the order of the Trials) is in fields that
Katib's pass over.
"""

from __future__ import annotations

import operator
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from katib_control.api.conditions import trial_state
from katib_control.api.errors import FieldError, InvalidObject, KatibError
from katib_control.api.experiment import Experiment, ObjectiveSpec
from katib_control.api.suggestion import Answer, Question
from katib_control.api.trial import Trial
from katib_control.pb import api_pb2 as pb
from katib_control.pb.envelope_pb2 import SuggestionsEnvelope
from katib_control.runtime.grpc_server import CHANNEL_OPTIONS
from katib_control.suggestion.engine import identity
from katib_control.suggestion.refusals import ERRORS_KEY, from_bytes
from katib_control.suggestion.trial_wire import write_trial
from katib_control.suggestion.wire import read_answer, write_assignment, write_experiment

SECONDS = 60.0
_KEPT = 64

_TRY_AGAIN = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
)  # fmt: skip


class ServiceError(KatibError):
    """The service has failed; the message has its address, its code and its words."""

    retryable = False


class ServiceUnavailable(ServiceError):
    """The service cannot be reached or had no time: the same question may be answered later."""

    retryable = True


class SuggestionClient:
    """A search algorithm somewhere else.

    ``katib``: leave out what Katib's controller leaves out, Trials that ended without a value; some of its services
    fail on them. A service that does not check settings (UNIMPLEMENTED) accepts them all.
    """

    def __init__(self, address: str, *, seconds: float = SECONDS, katib: bool = False) -> None:
        self.address = address
        self._seconds = seconds
        self._katib = katib
        self._channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
        self._get = self._channel.unary_unary(
            "/api.v1.beta1.Suggestion/GetSuggestions",
            request_serializer=SuggestionsEnvelope.SerializeToString,
            response_deserializer=pb.GetSuggestionsReply.FromString,
        )
        self._validate = self._channel.unary_unary(
            "/api.v1.beta1.Suggestion/ValidateAlgorithmSettings",
            request_serializer=pb.ValidateAlgorithmSettingsRequest.SerializeToString,
            response_deserializer=pb.ValidateAlgorithmSettingsReply.FromString,
        )
        self._written: OrderedDict[str, _Written] = OrderedDict()
        self._lock = threading.Lock()

    def validate(self, experiment: Experiment) -> Sequence[FieldError]:
        """Return what the algorithm refuses; raise ServiceError where the service cannot say."""
        request = pb.ValidateAlgorithmSettingsRequest(experiment=write_experiment(experiment))
        try:
            self._call(self._validate, request)
        except InvalidObject as error:
            return error.errors
        except _Unimplemented:
            return ()
        return ()

    def ask(self, question: Question) -> Answer:
        """Return new points; raise InvalidObject for a question that is refused, ServiceError where it fails."""
        experiment = question.experiment
        request = SuggestionsEnvelope(
            experiment=[write_experiment(experiment).SerializeToString()],
            trials=self._trials(question),
            current_request_number=question.count,
            total_request_number=question.index + question.count,
            pending=[write_assignment(item).SerializeToString() for item in question.pending],
            index=question.index,
            ordered=True,
        )
        return read_answer(self._call(self._get, request))

    def forget(self, uid: str) -> None:
        """Drop what is kept for this Experiment here; the service forgets by itself."""
        with self._lock:
            self._written.pop(uid, None)

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def _trials(self, question: Question) -> list[bytes]:
        with self._lock:
            key = identity(question.experiment)
            written = self._written.setdefault(key, _Written())
            self._written.move_to_end(key)
            while len(self._written) > _KEPT:
                self._written.popitem(last=False)
        with written.lock:
            kept = written.update(question.trials, question.experiment.spec.objective or ObjectiveSpec())
        if not self._katib:
            return kept
        return [raw for raw, trial in zip(kept, question.trials, strict=True) if not _without_value(trial)]

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        try:
            return method(request, timeout=self._seconds)
        except grpc.RpcError as error:
            raise self._told(error) from error

    def _told(self, error: grpc.RpcError) -> KatibError:
        """Return the error in the control plane's own terms."""
        code, details = error.code(), error.details() or ""
        if code is grpc.StatusCode.INVALID_ARGUMENT:
            metadata: Mapping[str, Any] = dict(error.trailing_metadata() or ())
            told = from_bytes(metadata[ERRORS_KEY]) if ERRORS_KEY in metadata else None
            return told or InvalidObject([FieldError("spec.algorithm", details or "is refused")])
        if code is grpc.StatusCode.UNIMPLEMENTED:
            return _Unimplemented(f"suggestion service {self.address} does not know this call")
        kind = ServiceUnavailable if code in _TRY_AGAIN else ServiceError
        return kind(f"suggestion service {self.address}: {code.name}: {details}")


class _Unimplemented(ServiceError):
    pass


def _without_value(trial: Trial) -> bool:
    state = trial_state(trial.status.conditions)
    return state == "MetricsUnavailable" or (state == "EarlyStopped" and trial.status.observation is None)


@dataclass
class _Written:
    """The Trials of the last question as bytes: those that are still the same objects need not be written again."""

    trials: list[Trial] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    objective: ObjectiveSpec | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def update(self, trials: Sequence[Trial], objective: ObjectiveSpec) -> list[bytes]:
        """Return the bytes of these Trials."""
        if objective != self.objective:
            self.trials, self.raw, self.objective = [], [], objective
        del self.raw[len(trials) :]
        same = list(map(operator.is_, self.trials, trials))
        place = -1
        for _ in range(same.count(False)):
            place = same.index(False, place + 1)
            self.raw[place] = write_trial(trials[place], objective).SerializeToString(deterministic=True)
        for trial in trials[len(self.raw) :]:
            self.raw.append(write_trial(trial, objective).SerializeToString(deterministic=True))
        self.trials = list(trials)
        return list(self.raw)
