"""For tests of gRPC services: messages as Katib's controller sends them, and a server on a free port.

Messages are built from plain dicts and keywords; what is not said is not in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import grpc

from katib_control.pb import api_pb2 as pb
from katib_control.pb import api_pb2_grpc
from katib_control.runtime.grpc_server import CHANNEL_OPTIONS, GrpcServer
from katib_control.suggestion.algorithm import Algorithm
from katib_control.suggestion.registry import ALGORITHMS
from katib_control.suggestion.server import NAMES, SuggestionService

Pairs = Sequence[tuple[str, str]]
LOSS = {"type": pb.MINIMIZE, "objective_metric_name": "loss"}
X = {"name": "x", "parameter_type": pb.DOUBLE, "feasible_space": {"min": "0", "max": "1"}}


def integer(name: str, low: int, high: int) -> dict[str, Any]:
    """An int parameter."""
    return {"name": name, "parameter_type": pb.INT, "feasible_space": {"min": str(low), "max": str(high)}}


def categorical(name: str, *choices: str) -> dict[str, Any]:
    """A categorical parameter."""
    return {"name": name, "parameter_type": pb.CATEGORICAL, "feasible_space": {"list": choices}}


def experiment_message(
    algorithm: str = "random",
    parameters: Sequence[Mapping[str, Any]] = (X,),
    settings: Mapping[str, str] | None = None,
    *,
    objective: Mapping[str, Any] | None = LOSS,
    name: str = "x",
    **spec: Any,
) -> pb.Experiment:
    """An Experiment with nothing in it but what an algorithm needs."""
    body: dict[str, Any] = {"parameter_specs": {"parameters": parameters}} if parameters else {}
    body["algorithm"] = {
        "algorithm_name": algorithm,
        "algorithm_settings": [{"name": key, "value": value} for key, value in (settings or {}).items()],
    }
    if objective is not None:
        body["objective"] = objective
    return pb.Experiment(name=name, spec=pb.ExperimentSpec(**body, **spec))


def trial_message(
    name: str, values: Mapping[str, str], loss: str | None = None, state: int | None = None, start: int = 0
) -> pb.Trial:
    """A Trial that started in this second; without a state it has succeeded if it has a loss, else it runs."""
    if state is None:
        state = pb.TrialStatus.RUNNING if loss is None else pb.TrialStatus.SUCCEEDED
    started = f"2026-01-31T{start // 3600:02}:{start // 60 % 60:02}:{start % 60:02}Z"
    trial = pb.Trial(
        name=name,
        spec={"objective": LOSS, "parameter_assignments": {"assignments": assignments(values)}},
        status={"start_time": started, "condition": state},
    )
    if loss is not None:
        trial.status.observation.metrics.add(name="loss", value=loss)
    return trial


def assignments(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Pairs of names and values."""
    return [{"name": key, "value": value} for key, value in values.items()]


def values_of(reply: pb.GetSuggestionsReply) -> list[dict[str, str]]:
    """The points of a reply."""
    return [{item.name: item.value for item in point.assignments} for point in reply.parameter_assignments]


@contextmanager
def serving(algorithms: Mapping[str, Algorithm] = ALGORITHMS) -> Iterator[str]:
    """Yield the address of a suggestion service."""
    service = SuggestionService(algorithms)
    server = GrpcServer(service, NAMES, host="127.0.0.1", port=0, close=service.close)
    server.start()
    try:
        yield server.address
    finally:
        server.stop(0)


@contextmanager
def suggestion_stub(address: str) -> Iterator[api_pb2_grpc.SuggestionStub]:
    """Yield the generated stub."""
    with grpc.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        yield api_pb2_grpc.SuggestionStub(channel)
