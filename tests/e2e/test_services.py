"""The services as processes of their own, asked through the generated stubs as Katib's controller asks them."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from katib_control.pb import api_pb2 as pb
from katib_control.pb import api_pb2_grpc, health_pb2, health_pb2_grpc
from katib_control.runtime.grpc_server import CHANNEL_OPTIONS
from serving import X, categorical, experiment_message, integer, trial_message, values_of

ROOT = Path(__file__).parents[2]


class Service:
    """``python -m katib_control SERVICE`` on a free port, until it is stopped or killed."""

    def __init__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "katib_control", *arguments, "--port", "0"]
        variables = {**os.environ, "PYTHONPATH": str(ROOT / "controller"), "KUBECONFIG": "", **(environment or {})}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables
        )
        assert self.process.stdout
        self.line = self.process.stdout.readline()
        found = re.search(r"listening on (\S+):(\d+) ", self.line)
        assert found, self.process.communicate()
        self.host, self.port = found.group(1), int(found.group(2))
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", options=CHANNEL_OPTIONS)

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; return exit code and standard error. Nothing more was said on standard output."""
        self.channel.close()
        self.process.send_signal(number)
        said, told = self.process.communicate(timeout=30)
        assert not said
        return self.process.returncode, told

    def ask(self, experiment: pb.Experiment, count: int, trials: list[pb.Trial], timeout: float = 60) -> Any:
        request = pb.GetSuggestionsRequest(
            experiment=experiment, trials=trials, current_request_number=count,
            total_request_number=count + len(trials),
        )  # fmt: skip
        return api_pb2_grpc.SuggestionStub(self.channel).GetSuggestions(request, timeout=timeout)

    def healthy(self, name: str) -> bool:
        request = health_pb2.HealthCheckRequest(service=name)
        answer = health_pb2_grpc.HealthStub(self.channel).Check(request, timeout=20)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.fixture
def start() -> Iterator[Any]:
    """Start services; what still runs at the end is killed."""
    started: list[Service] = []

    def begin(*arguments: str, **more: Any) -> Service:
        started.append(Service(*arguments, **more))
        return started[-1]

    yield begin
    for service in started:
        if service.process.poll() is None:
            service.end(signal.SIGKILL)


def tune(service: Service, experiment: pb.Experiment, rounds: int, trials: list[pb.Trial]) -> list[dict[str, str]]:
    """Ask, run and end batches of two; ``trials`` grows."""
    for _ in range(rounds):
        for values in values_of(service.ask(experiment, 2, trials)):
            loss = str(float(values["x"]) ** 2 + int(values["n"]))
            trials.append(trial_message(f"t-{len(trials)}", values, loss, start=len(trials)))
    return [{item.name: item.value for item in trial.spec.parameter_assignments.assignments} for trial in trials]


SPACE = [X, integer("n", 1, 9), categorical("c", "a", "b")]


def test_it_says_one_line_serves_and_ends_in_order(start: Any) -> None:
    service = start("suggestion", "--algorithm", "random", "tpe", "--algorithm", "grid")
    assert (
        service.line
        == f"katib_control suggestion: listening on 127.0.0.1:{service.port} (algorithms: random, tpe, grid)\n"
    )
    assert service.healthy("manager.v1beta1.Suggestion")
    assert service.healthy("api.v1.beta1.Suggestion")
    assert service.healthy("")
    assert len(values_of(service.ask(experiment_message("tpe", SPACE), 3, []))) == 3
    with pytest.raises(grpc.RpcError, match="no such algorithm"):
        service.ask(experiment_message("sobol", SPACE), 1, [])
    code, told = service.end(signal.SIGTERM)
    assert code == 0
    assert "Traceback" not in told


def test_an_interrupt_ends_it_in_order_too(start: Any) -> None:
    code, told = start("suggestion").end(signal.SIGINT)
    assert code == 0
    assert "Traceback" not in told


def test_in_a_pod_it_listens_on_all_addresses(start: Any) -> None:
    service = start("suggestion", environment={"KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert service.host == "0.0.0.0"
    assert (
        start("suggestion", "--host", "127.0.0.1", environment={"KUBERNETES_SERVICE_HOST": "10.0.0.1"}).host
        == "127.0.0.1"
    )


@pytest.mark.slow
def test_three_experiments_at_once_and_a_kill_between_any_two_calls(start: Any) -> None:
    experiments = [experiment_message(name, SPACE, name=f"{name}-1") for name in ("tpe", "random", "sobol")]
    quiet = start("suggestion")
    expected = [tune(quiet, experiment, 8, []) for experiment in experiments]
    service = start("suggestion")
    histories: list[list[pb.Trial]] = [[] for _ in experiments]
    with ThreadPoolExecutor(3) as pool:
        for _ in range(4):
            futures = [
                pool.submit(tune, service, experiment, 2, trials)
                for experiment, trials in zip(experiments, histories, strict=True)
            ]
            found = [future.result(60) for future in futures]
            service.end(signal.SIGKILL)
            service = start("suggestion")
    assert found == expected


@pytest.mark.slow
def test_a_request_with_20_000_trials_is_served(start: Any) -> None:
    service = start("suggestion")
    numbers = random.Random(1)
    parameters = [{**X, "name": f"p{n}"} for n in range(6)]
    trials = [
        trial_message(f"t-{n}", {f"p{k}": repr(numbers.random()) for k in range(6)}, repr(numbers.random()), start=n)
        for n in range(20_000)
    ]
    experiment = experiment_message("random", parameters)
    first = service.ask(experiment, 2, trials)
    assert sum(trial.ByteSize() for trial in trials) > 4_194_304
    random.Random(2).shuffle(trials)
    assert service.ask(experiment, 2, trials) == first
    assert len(values_of(first)) == 2
    assert not first.note
    # What cannot be ready in time is replaced, and what is still being computed does not hold up the end.
    assert len(values_of(service.ask(experiment_message("tpe", parameters), 2, trials, timeout=5))) == 2
    assert service.end(signal.SIGTERM)[0] == 0


def test_a_call_that_waits_does_not_hold_up_the_end(start: Any) -> None:
    service = start("suggestion")
    experiment = experiment_message("random", SPACE)
    stub = api_pb2_grpc.SuggestionStub(service.channel)
    endless = threading.Event()

    def keep_asking() -> None:
        while not endless.is_set():
            try:
                stub.GetSuggestions(
                    pb.GetSuggestionsRequest(experiment=experiment, current_request_number=50), timeout=5
                )
            except (grpc.RpcError, ValueError):
                return

    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    service.process.send_signal(signal.SIGTERM)
    _, told = service.process.communicate(timeout=30)
    endless.set()
    for thread in threads:
        thread.join(20)
    assert service.process.returncode == 0
    assert "Traceback" not in told
    service.channel.close()


def test_early_stopping_serves_and_is_healthy(start: Any) -> None:
    service = start("earlystopping")
    assert f"katib_control earlystopping: listening on 127.0.0.1:{service.port} (rules: " in service.line
    assert service.healthy("manager.v1beta1.EarlyStopping")
    assert service.healthy("api.v1.beta1.EarlyStopping")
    stub = api_pb2_grpc.EarlyStoppingStub(service.channel)
    valid = pb.ValidateEarlyStoppingSettingsRequest(early_stopping={"algorithm_name": "medianstop"})
    stub.ValidateEarlyStoppingSettings(valid, timeout=20)
    wrong = pb.ValidateEarlyStoppingSettingsRequest(
        early_stopping={"algorithm_name": "medianstop", "algorithm_settings": [{"name": "start_step", "value": "0"}]}
    )
    with pytest.raises(grpc.RpcError, match="start_step") as caught:
        stub.ValidateEarlyStoppingSettings(wrong, timeout=20)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert service.end(signal.SIGTERM)[0] == 0
