"""The gRPC service ``api.v1.beta1.EarlyStopping``, as Katib's controller and its metrics collectors call it.

What it answers follows from the request and the observation log at the address in it. It keeps complete curves,
by all that the request says of their trials, so any number of Experiments are served at once.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import grpc

from katib_control.api.errors import InvalidObject, KatibError
from katib_control.api.experiment import ObjectiveSpec
from katib_control.api.observation import MetricLog
from katib_control.earlystopping import wire
from katib_control.earlystopping.asked import Asked, asked
from katib_control.earlystopping.curves import Book, Curve, View
from katib_control.earlystopping.registry import RULES
from katib_control.earlystopping.remote import DbManagers, LogsUnreachable
from katib_control.earlystopping.rule import Rule
from katib_control.kube.errors import ApiError, Forbidden, NotFound
from katib_control.pb import api_pb2, api_pb2_grpc
from katib_control.runtime.grpc_server import abort

SECONDS = 60.0
"""Longest time for reading curves; with a deadline, no more than a share of it."""

SHARE = 0.8
NAMESPACE_KEY = "namespace"
"""Metadata of SetTrialStatus that says where the Trial is; Katib's request has no field for it."""

Stopped = Callable[[str, str], None]
"""Says on the Trial of this name and namespace (empty: the usual one) that it was stopped early; raises ApiError."""


class ReadCurves(Protocol):
    """What is needed of observation logs."""

    def read(
        self, address: str, trials: Sequence[str], metric: str, seconds: float
    ) -> Iterator[tuple[str, Sequence[MetricLog]]]:
        """Yield trials and their reports until the time is up; raise LogsUnreachable."""

    def close(self) -> None:
        """Let go of connections."""


class EarlyStoppingService(api_pb2_grpc.EarlyStoppingServicer):
    """Serves every rule of the registry. Without ``stopped`` no Trial can be told that it was stopped.

    ``capacity``: how many reports of ended trials are kept, in all.
    """

    def __init__(
        self,
        curves: ReadCurves | None = None,
        stopped: Stopped | None = None,
        *,
        rules: Mapping[str, Rule] = RULES,
        capacity: int = 4_000_000,
    ) -> None:
        self._curves = curves or DbManagers()
        self._stopped = stopped
        self._rules = rules
        self._kept = _Kept(capacity)

    def ValidateEarlyStoppingSettings(  # noqa: N802  the method's name on the wire
        self, request: api_pb2.ValidateEarlyStoppingSettingsRequest, context: grpc.ServicerContext
    ) -> api_pb2.ValidateEarlyStoppingSettingsReply:
        """Answer nothing where all is well, else INVALID_ARGUMENT with every field that is wrong."""
        with _told(context):
            asked(wire.spec_of(request.early_stopping), self._rules)
        return api_pb2.ValidateEarlyStoppingSettingsReply()

    def GetEarlyStoppingRules(  # noqa: N802  the method's name on the wire
        self, request: api_pb2.GetEarlyStoppingRulesRequest, context: grpc.ServicerContext
    ) -> api_pb2.GetEarlyStoppingRulesReply:
        """Answer the rule's limit at its first step, or nothing while too little is known."""
        with _told(context):
            if not request.experiment.spec.HasField("early_stopping"):
                return api_pb2.GetEarlyStoppingRulesReply()
            wanted = asked(wire.spec_of(request.experiment.spec.early_stopping), self._rules)
            objective = wire.objective_of(request.experiment.spec.objective)
            sign = -1.0 if objective.type == "maximize" else 1.0
            left = context.time_remaining()
            seconds = SECONDS if left is None else min(SECONDS, left * SHARE)
            book = self._book(request, wanted, objective, seconds)
            limit = wanted.rule.limit(wanted.settings, View(book))
            return wire.rules_reply(objective, limit, sign)

    def SetTrialStatus(  # noqa: N802  the method's name on the wire
        self, request: api_pb2.SetTrialStatusRequest, context: grpc.ServicerContext
    ) -> api_pb2.SetTrialStatusReply:
        """Say on the Trial that it was stopped early; a second time changes nothing."""
        if not request.trial_name:
            abort(context, grpc.StatusCode.INVALID_ARGUMENT, "trial_name: must not be empty")
        if self._stopped is None:
            told = "this service knows no cluster whose Trials it could tell: start it where a kubeconfig is"
            abort(context, grpc.StatusCode.FAILED_PRECONDITION, told)
        metadata = {str(key): str(value) for key, value in context.invocation_metadata() or ()}
        with _told(context):
            self._stopped(request.trial_name, metadata.get(NAMESPACE_KEY, ""))
        return api_pb2.SetTrialStatusReply()

    def add_to(self, server: grpc.Server) -> None:
        """Serve on this server."""
        add = api_pb2_grpc.add_EarlyStoppingServicer_to_server
        add(self, server)  # type: ignore[no-untyped-call]  # generated without types

    def close(self) -> None:
        """Let go of connections to observation logs."""
        self._curves.close()

    def _book(
        self, request: api_pb2.GetEarlyStoppingRulesRequest, wanted: Asked, objective: ObjectiveSpec, seconds: float
    ) -> Book:
        """Return the curves of the request's trials, as far as they can be read in time."""
        book, sign = Book(), -1.0 if objective.type == "maximize" else 1.0
        address = wire.address_of(request.db_manager_address) if request.db_manager_address else ""
        missing: dict[str, tuple[str, bool]] = {}
        for trial in request.trials:
            usable = trial.status.condition in wire.USABLE
            if not usable and (wanted.rule.peers != "all" or trial.status.condition in wire.NOT_STARTED):
                continue
            key = _digest(request, trial)
            curve = self._kept.find(key)
            if curve is None:
                missing[trial.name] = key, usable
            else:
                _add(book, trial.name, curve, usable=usable)
        if not missing:
            return book
        address = address or wire.address_of("")
        for name, reports in self._curves.read(address, list(missing), objective.objective_metric_name, seconds):
            curve = Curve()
            curve.add(reports, sign, timed=False)
            key, usable = missing[name]
            _add(book, name, curve, usable=usable)
            if usable and len(curve):
                self._kept.keep(key, curve)
        return book


class _Kept:
    """Curves of ended trials, up to so many reports; the least recently used go first."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._size = 0
        self._curves: OrderedDict[str, Curve] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: str) -> Curve | None:
        with self._lock:
            curve = self._curves.get(key)
            if curve is not None:
                self._curves.move_to_end(key)
            return curve

    def keep(self, key: str, curve: Curve) -> None:
        with self._lock:
            if key in self._curves:
                return
            self._curves[key] = curve
            self._size += len(curve)
            while self._size > self._capacity and len(self._curves) > 1:
                self._size -= len(self._curves.popitem(last=False)[1])


def _add(book: Book, name: str, curve: Curve, *, usable: bool) -> None:
    if usable:
        book.ended(name, curve, 0)
    else:
        book.put(name, curve)


def _digest(request: api_pb2.GetEarlyStoppingRulesRequest, trial: api_pb2.Trial) -> str:
    """Return what tells the curves of trials apart: where it is, whose, and all that is said of the trial."""
    experiment = request.experiment
    digest = hashlib.blake2b(digest_size=16)
    for part in (
        request.db_manager_address.encode(), experiment.namespace.encode(), experiment.name.encode(),
        experiment.uid.encode(), experiment.spec.objective.SerializeToString(deterministic=True),
        trial.SerializeToString(deterministic=True),
    ):  # fmt: skip
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


@contextmanager
def _told(context: grpc.ServicerContext) -> Iterator[None]:
    """Turn errors into gRPC's codes."""
    try:
        yield
    except InvalidObject as error:
        abort(context, grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except LogsUnreachable as error:
        abort(context, grpc.StatusCode.UNAVAILABLE, str(error))
    except NotFound as error:
        abort(context, grpc.StatusCode.NOT_FOUND, str(error))
    except Forbidden as error:
        abort(context, grpc.StatusCode.PERMISSION_DENIED, str(error))
    except ApiError as error:
        code = grpc.StatusCode.UNAVAILABLE if error.retryable else grpc.StatusCode.INTERNAL
        abort(context, code, str(error))
    except KatibError as error:
        abort(context, grpc.StatusCode.INTERNAL, str(error))
