"""The suggestion service over loopback: one GetSuggestions with 100 to 20,000 finished trials of six parameters.

``first`` is the first call after a start, ``later`` the median of calls with one more trial each, ``shuffled`` one with
the same trials in another order. The time is the client's, with the request already written as bytes.
"""

from __future__ import annotations

import random
import statistics
import time
from typing import Any

import grpc

from katib_control.pb import api_pb2 as pb
from katib_control.runtime.grpc_server import CHANNEL_OPTIONS, GrpcServer
from katib_control.suggestion.server import NAMES, SuggestionService

ALGORITHMS = ("random", "sobol", "tpe")
NAME = "/api.v1.beta1.Suggestion/GetSuggestions"


def measure(*, quick: bool) -> dict[str, object]:
    """Return milliseconds by algorithm and size."""
    figures: dict[str, object] = {}
    for size in (100, 1000) if quick else (100, 1000, 10_000, 20_000):
        for algorithm in ALGORITHMS:
            figures[f"{algorithm}_{size}_ms"] = _measured(algorithm, size)
    return figures


def _measured(algorithm: str, size: int) -> dict[str, float]:
    service = SuggestionService()
    server = GrpcServer(service, NAMES, host="127.0.0.1", port=0, close=service.close)
    server.start()
    numbers = random.Random(1)
    trials = [_trial(index, numbers) for index in range(size + 10)]
    with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
        call = channel.unary_unary(NAME, response_deserializer=pb.GetSuggestionsReply.FromString)
        times = [_timed(call, algorithm, trials[: size + more]) for more in range(10)]
        numbers.shuffle(trials)
        shuffled = _timed(call, algorithm, trials)
    server.stop(0)
    return {"first": times[0], "later": round(statistics.median(times[1:]), 2), "shuffled": shuffled}


def _timed(call: Any, algorithm: str, trials: list[pb.Trial]) -> float:
    parameters = [
        {"name": f"p{n}", "parameter_type": pb.DOUBLE, "feasible_space": {"min": "0", "max": "1"}} for n in range(6)
    ]
    experiment = {
        "name": "measured",
        "spec": {
            "objective": {"type": pb.MINIMIZE, "objective_metric_name": "loss"},
            "algorithm": {"algorithm_name": algorithm},
            "parameter_specs": {"parameters": parameters},
        },
    }
    raw = pb.GetSuggestionsRequest(
        experiment=experiment, trials=trials, current_request_number=1, total_request_number=len(trials) + 1
    ).SerializeToString()
    since = time.perf_counter()
    call(raw, timeout=60)
    return round(1000 * (time.perf_counter() - since), 2)


def _trial(index: int, numbers: random.Random) -> pb.Trial:
    values = [{"name": f"p{n}", "value": repr(numbers.random())} for n in range(6)]
    started = f"2026-01-31T{index // 3600:02}:{index // 60 % 60:02}:{index % 60:02}Z"
    return pb.Trial(
        name=f"measured-{index:08x}",
        spec={"parameter_assignments": {"assignments": values}},
        status={
            "start_time": started,
            "condition": pb.TrialStatus.SUCCEEDED,
            "observation": {"metrics": [{"name": "loss", "value": repr(numbers.random())}]},
        },
    )
