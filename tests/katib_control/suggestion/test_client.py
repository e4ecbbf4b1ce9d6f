"""The client: what it sends, what it makes of refusals and failures, and a service that knows only Katib's fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest

from builders import TrialBuilder, experiment, trial
from katib_control.api.errors import InvalidObject
from katib_control.api.model import NameValue
from katib_control.api.suggestion import Answer, Question, TrialAssignment
from katib_control.api.trial import Trial
from katib_control.pb import api_pb2 as pb
from katib_control.pb import api_pb2_grpc
from katib_control.suggestion.client import ServiceError, ServiceUnavailable, SuggestionClient
from searching import pairs

OWNER = experiment("x").namespace("team").uid("u-1").double("x", 0, 1).max_trials(9).build()


class Katib(api_pb2_grpc.SuggestionServicer):
    """Answers as one of Katib's services: one point called x=0.5 for each that is wanted. Keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[pb.GetSuggestionsRequest] = []
        self.fail: tuple[grpc.StatusCode, str] | None = None

    def GetSuggestions(
        self, request: pb.GetSuggestionsRequest, context: grpc.ServicerContext
    ) -> pb.GetSuggestionsReply:
        self.requests.append(request)
        if self.fail:
            context.abort(*self.fail)
        point = {"assignments": [{"name": "x", "value": "0.5"}]}
        return pb.GetSuggestionsReply(
            parameter_assignments=[point] * request.current_request_number,
            algorithm={"algorithm_settings": [{"name": "current_s", "value": "2"}]},
        )

    def ValidateAlgorithmSettings(
        self, request: pb.ValidateAlgorithmSettingsRequest, context: grpc.ServicerContext
    ) -> pb.ValidateAlgorithmSettingsReply:
        if self.fail:
            context.abort(*self.fail)
        return pb.ValidateAlgorithmSettingsReply()


@contextmanager
def listening(service: Katib) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(4))
    api_pb2_grpc.add_SuggestionServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()


@pytest.fixture
def katib() -> Katib:
    return Katib()


@pytest.fixture
def client(katib: Katib) -> Iterator[SuggestionClient]:
    with listening(katib) as address:
        found = SuggestionClient(address, seconds=20)
        yield found
        found.close()


def question(trials: list[Trial], count: int = 2) -> Question:
    pending = [TrialAssignment(name="x-p", parameter_assignments=[NameValue(name="x", value="0.25")])]
    return Question(experiment=OWNER, trials=trials, pending=pending, index=len(trials) + 1, count=count)


def succeeded(name: str, loss: float) -> TrialBuilder:
    return trial(name).of(OWNER).assign(x=loss).succeeded(loss=loss)


def test_a_katib_service_is_asked_and_answers(client: SuggestionClient, katib: Katib) -> None:
    answer = client.ask(question([succeeded("x-1", 0.5).build()]))
    assert [pairs(item) for item in answer.assignments] == [{"x": "0.5"}] * 2
    assert answer.settings == {"current_s": "2"}
    assert not answer.exhausted
    (request,) = katib.requests
    assert (request.current_request_number, request.total_request_number) == (2, 4)
    assert [item.name for item in request.trials] == ["x-1"]
    assert request.trials[0].status.observation.metrics[0].value == "0.5"
    assert request.experiment.spec.max_trial_count == 9


def test_what_only_our_service_reads_is_sent_too(client: SuggestionClient, katib: Katib) -> None:
    client.ask(question([]))
    (request,) = katib.requests
    assert (request.experiment.namespace, request.experiment.uid) == ("team", "u-1")
    assert (request.index, request.ordered) == (1, True)
    assert request.pending[0].trial_name == "x-p"


def test_trials_that_change_come_and_go_are_sent_as_they_are(client: SuggestionClient, katib: Katib) -> None:
    first, second, third = (succeeded(f"x-{n}", n / 10).build() for n in (1, 2, 3))
    running = trial("x-2").of(OWNER).assign(x=0.2).running().build()
    for trials in ([first], [first, running], [first, second, third], [first, third], [third, first], []):
        client.ask(question(trials))
        sent = katib.requests[-1].trials
        assert [item.name for item in sent] == [item.metadata.name for item in trials]
        states = [item.status.conditions[-1].type.upper() for item in trials]
        assert [pb.TrialStatus.TrialConditionType.Name(item.status.condition) for item in sent] == states
    client.forget("u-1")
    client.ask(question([first]))
    assert [item.name for item in katib.requests[-1].trials] == ["x-1"]


def test_what_katibs_controller_leaves_out_can_be_left_out(katib: Katib) -> None:
    trials = [
        succeeded("x-1", 0.5).build(),
        trial("x-2").of(OWNER).assign(x=1).metrics_unavailable().build(),
        trial("x-3").of(OWNER).assign(x=1).early_stopped().build(),
        trial("x-4").of(OWNER).assign(x=1).early_stopped(loss=3).build(),
        trial("x-5").of(OWNER).assign(x=1).failed().build(),
    ]
    with listening(katib) as address:
        client = SuggestionClient(address, katib=True)
        client.ask(question(trials))
        client.close()
    assert [item.name for item in katib.requests[0].trials] == ["x-1", "x-4", "x-5"]


def test_a_refusal_in_katibs_words_is_an_invalid_algorithm(client: SuggestionClient, katib: Katib) -> None:
    katib.fail = grpc.StatusCode.INVALID_ARGUMENT, "unknown setting seed for algorithm random"
    (error,) = client.validate(OWNER)
    assert (error.field, error.rule) == ("spec.algorithm", "unknown setting seed for algorithm random")
    with pytest.raises(InvalidObject, match="unknown setting seed"):
        client.ask(question([]))


def test_a_service_that_checks_nothing_accepts(client: SuggestionClient, katib: Katib) -> None:
    katib.fail = grpc.StatusCode.UNIMPLEMENTED, ""
    assert not client.validate(OWNER)


FAILURES = [
    pytest.param(grpc.StatusCode.UNAVAILABLE, True, id="unavailable"),
    pytest.param(grpc.StatusCode.DEADLINE_EXCEEDED, True, id="out of time"),
    pytest.param(grpc.StatusCode.RESOURCE_EXHAUSTED, True, id="too busy"),
    pytest.param(grpc.StatusCode.UNKNOWN, False, id="an exception in the service"),
    pytest.param(grpc.StatusCode.INTERNAL, False, id="a defect of the service"),
    pytest.param(grpc.StatusCode.UNIMPLEMENTED, False, id="another service"),
]


@pytest.mark.parametrize(("code", "again"), FAILURES)
def test_a_failure_names_the_service_and_whether_to_try_again(
    client: SuggestionClient, katib: Katib, code: grpc.StatusCode, again: bool
) -> None:
    katib.fail = code, "because"
    with pytest.raises(ServiceError, match=client.address) as caught:
        client.ask(question([]))
    assert caught.value.retryable is again


CALLS = [
    pytest.param(lambda client: client.ask(question([])), id="ask"),
    pytest.param(lambda client: client.validate(OWNER), id="validate"),
]


@pytest.mark.parametrize("call", CALLS)
def test_nobody_there_can_be_tried_again(call: Callable[[SuggestionClient], object]) -> None:
    client = SuggestionClient("127.0.0.1:1", seconds=5)
    with pytest.raises(ServiceUnavailable, match=r"127\.0\.0\.1:1: UNAVAILABLE"):
        call(client)
    client.close()


def test_a_service_that_hangs_is_given_up() -> None:
    class Hanging(Katib):
        def GetSuggestions(
            self, request: pb.GetSuggestionsRequest, context: grpc.ServicerContext
        ) -> pb.GetSuggestionsReply:
            context.add_callback(self.released.release)
            self.released.acquire()
            return pb.GetSuggestionsReply()

        def __init__(self) -> None:
            super().__init__()
            import threading

            self.released = threading.Semaphore(0)

    with listening(Hanging()) as address:
        client = SuggestionClient(address, seconds=0.2)
        with pytest.raises(ServiceUnavailable, match="DEADLINE_EXCEEDED"):
            client.ask(question([]))
        client.close()


def test_no_points_are_an_answer(client: SuggestionClient) -> None:
    assert client.ask(question([], count=0)) == Answer(assignments=[], settings={"current_s": "2"})
