"""The gRPC service ``api.v1.beta1.Suggestion``, as Katib's controller calls it, for any number of Experiments at once.

An answer follows from the request alone. What is kept (``sessions``) only makes it come sooner; what runs out of time
is replaced by random points, and the reply says so.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import wait
from contextlib import contextmanager

import grpc

from katib_control.api.errors import InvalidObject, KatibError
from katib_control.api.suggestion import Answer
from katib_control.pb import api_pb2 as pb
from katib_control.pb import api_pb2_grpc
from katib_control.runtime.grpc_server import abort
from katib_control.runtime.lanes import Closed, Lanes
from katib_control.suggestion.algorithm import Algorithm
from katib_control.suggestion.asked import Asked, Reader
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.fallback import cheap_answer, filled
from katib_control.suggestion.refusals import (
    ERRORS_KEY,
    NOTE_KEY,
    about_settings,
    ascii_line,
    asks_about_settings_alone,
    in_words,
    objective_faults,
    to_bytes,
)
from katib_control.suggestion.registry import ALGORITHMS
from katib_control.suggestion.sessions import MOST_TRIALS, Sessions
from katib_control.suggestion.trial_wire import ENDED
from katib_control.suggestion.wire import read_experiment, write_answer

logger = logging.getLogger(__name__)

SERVICE = "api.v1.beta1.Suggestion"
NAMES = (SERVICE, "manager.v1beta1.Suggestion")
"""What the service is called in health checks; Katib's probes ask for the second."""

SECONDS = 60.0
"""Katib's controller waits no longer than this."""

_SHARE, _LEAST, _MOST = 0.25, 0.05, 2.0
"""What is kept of the time for the way back: a share of it, within these seconds."""

_EARLY = 0.4
"""After which share of the time a replacement is made."""


class SuggestionService(api_pb2_grpc.SuggestionServicer):
    """Serves the given algorithms. ``trials``: how many Trials are kept in memory, of all Experiments together."""

    def __init__(self, algorithms: Mapping[str, Algorithm] = ALGORITHMS, *, trials: int = MOST_TRIALS) -> None:
        self._engine = Engine(algorithms)
        self._reader = Reader(algorithms)
        self._sessions = Sessions(algorithms, trials=trials)
        self._lanes = Lanes()

    def GetSuggestions(  # noqa: N802 - the name of the call
        self, request: pb.GetSuggestionsRequest | bytes, context: grpc.ServicerContext
    ) -> pb.GetSuggestionsReply:
        """Answer with new points: as many as asked for, fewer while results are awaited or at the end of the space."""
        raw = request if isinstance(request, bytes) else request.SerializeToString()
        with _told(context):
            asked = self._reader.read(raw, _metadata(context))
            faults = objective_faults(asked.experiment)
            if faults:
                raise InvalidObject([*self._engine.validate(asked.experiment), *faults])
            answer, note = self._answer(asked, context)
        if note:
            context.set_trailing_metadata(((NOTE_KEY, ascii_line(note)),))
            logger.warning("experiment %s: %s", asked.experiment.metadata.name, note)
        return write_answer(answer, _algorithm(asked), note)

    def ValidateAlgorithmSettings(  # noqa: N802 - the name of the call
        self, request: pb.ValidateAlgorithmSettingsRequest, context: grpc.ServicerContext
    ) -> pb.ValidateAlgorithmSettingsReply:
        """Answer nothing where all is well, else INVALID_ARGUMENT with every field that is wrong."""
        with _told(context):
            experiment = read_experiment(request.experiment)
            errors = list(self._engine.validate(experiment))
            # Clients that ask about settings, or about settings and space, leave out the rest.
            if experiment.spec.objective is not None:
                errors += objective_faults(experiment)
            elif asks_about_settings_alone(experiment):
                errors = about_settings(errors)
            if errors:
                raise InvalidObject(errors)
        return pb.ValidateAlgorithmSettingsReply()

    def add_to(self, server: grpc.Server) -> None:
        """Serve on this server. Requests for points come as bytes: most of a long history is known already."""
        handlers = {
            "GetSuggestions": grpc.unary_unary_rpc_method_handler(
                self.GetSuggestions, response_serializer=pb.GetSuggestionsReply.SerializeToString
            ),
            "ValidateAlgorithmSettings": grpc.unary_unary_rpc_method_handler(
                self.ValidateAlgorithmSettings,
                request_deserializer=pb.ValidateAlgorithmSettingsRequest.FromString,
                response_serializer=pb.ValidateAlgorithmSettingsReply.SerializeToString,
            ),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))

    def close(self) -> None:
        """Answer nothing more: calls that wait end with UNAVAILABLE."""
        self._lanes.close()

    def _answer(self, asked: Asked, context: grpc.ServicerContext) -> tuple[Answer, str]:
        """Return the algorithm's answer, or in good time a cheaper one and why."""
        session = self._sessions.find(asked)
        future = self._lanes.submit(session.lane, lambda: session.ask(asked))
        if future is None:
            return cheap_answer(asked), _note(asked, "is still busy with earlier questions of this experiment")
        seconds = _seconds(context)
        if wait([future], min(_EARLY * seconds, _MOST)).done:
            return _whole(asked, future.result())
        # In good time: where a model is being fitted, everything else takes longer as well.
        replacement = cheap_answer(asked)
        if wait([future], _seconds(context)).done:
            return _whole(asked, future.result())
        future.cancel()
        return replacement, _note(asked, f"needs longer than the {seconds:.3g} s there were")


def _whole(asked: Asked, answer: Answer) -> tuple[Answer, str]:
    """Return the answer, filled up where Katib's controller would otherwise ask the same for ever.

    It takes exactly as many points as it asked for, or none. While a Trial runs the next answer may have more; where
    none does nothing can change. Our own clients, which say in which order the Trials are, take what there is.
    """
    most = asked.experiment.spec.parallel_trial_count or 0
    found = len(answer.assignments)
    if answer.exhausted or asked.ordered or not found < asked.count <= most or _runs(asked):
        return answer, ""
    told = f"algorithm {_algorithm(asked)} has only {found} of {asked.count} points until these have ended"
    return filled(asked, answer), f"{told}; the others are random ones"


def _runs(asked: Asked) -> bool:
    return any(pb.Trial.FromString(raw).status.condition not in ENDED for raw in asked.trials)


def _note(asked: Asked, reason: str) -> str:
    return f"algorithm {_algorithm(asked)} {reason}; these points are random ones"


def _algorithm(asked: Asked) -> str:
    algorithm = asked.experiment.spec.algorithm
    return algorithm.algorithm_name if algorithm else ""


def _seconds(context: grpc.ServicerContext) -> float:
    """Return how long the algorithm may take."""
    left = context.time_remaining()
    all_of_it = SECONDS if left is None else min(left, SECONDS)
    return float(max(0.0, all_of_it - min(max(_SHARE * all_of_it, _LEAST), _MOST)))


def _metadata(context: grpc.ServicerContext) -> Mapping[str, str]:
    pairs: Sequence[tuple[str, str | bytes]] = context.invocation_metadata() or ()
    return {key: value for key, value in pairs if isinstance(value, str)}


@contextmanager
def _told(context: grpc.ServicerContext) -> Iterator[None]:
    """Turn errors into gRPC's codes. Only a defect of an algorithm is INTERNAL."""
    try:
        yield
    except InvalidObject as error:
        context.set_trailing_metadata(((ERRORS_KEY, to_bytes(error.errors)),))
        abort(context, grpc.StatusCode.INVALID_ARGUMENT, in_words(error.errors))
    except KatibError as error:
        abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except Closed as error:
        abort(context, grpc.StatusCode.UNAVAILABLE, str(error))
    except Exception as error:
        logger.exception("a question cannot be answered")
        abort(context, grpc.StatusCode.INTERNAL, f"the algorithm has failed: {type(error).__name__}: {error}")
