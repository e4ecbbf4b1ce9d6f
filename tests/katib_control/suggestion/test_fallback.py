"""What is answered when the algorithm needs more time than there is, and that nobody else has to wait for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from typing import Any, ClassVar

import pytest

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.pb import api_pb2 as pb
from katib_control.pb import api_pb2_grpc
from katib_control.suggestion.algorithm import ANY_OBJECTIVE, Feature, Found, Request, Suggested
from katib_control.suggestion.distinct import next_point
from katib_control.suggestion.refusals import NOTE_KEY
from katib_control.suggestion.registry import ALGORITHMS
from katib_control.suggestion.space import SearchSpace
from serving import X, assignments, experiment_message, integer, serving, suggestion_stub, trial_message, values_of

Stub = api_pb2_grpc.SuggestionStub


class Slow:
    """Waits until it is let go, then answers with one point."""

    settings: ClassVar[tuple[Setting, ...]] = (RANDOM_STATE,)
    supports: ClassVar[frozenset[Feature]] = ANY_OBJECTIVE

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Event()
        self.ended = threading.Event()

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        return ()

    def ask(self, request: Request) -> Found:
        self.begun.set()
        self.go.wait(30)
        self.ended.set()
        point = next_point(request.space, request.rng(request.index), set(), set())
        return Found([Suggested(point)] * request.count)


@pytest.fixture
def slow() -> Iterator[Slow]:
    found = Slow()
    yield found
    found.go.set()


@pytest.fixture
def stub(slow: Slow) -> Iterator[Stub]:
    with serving({**ALGORITHMS, "slow": slow}) as address, suggestion_stub(address) as found:
        yield found


def ask(stub: Stub, experiment: pb.Experiment, count: int = 1, timeout: float = 30, **more: Any) -> Any:
    request = pb.GetSuggestionsRequest(experiment=experiment, current_request_number=count, **more)
    return stub.GetSuggestions(request, timeout=timeout)


def test_what_does_not_come_in_time_is_replaced_and_the_reply_says_so(
    stub: Stub, slow: Slow, caplog: pytest.LogCaptureFixture
) -> None:
    parameters = [X, integer("n", 1, 3)]
    constraints = ["x < 0.5"]
    request = pb.GetSuggestionsRequest(
        experiment=experiment_message("slow", parameters, constraints=constraints), current_request_number=4
    )
    with caplog.at_level(logging.WARNING):
        reply, call = stub.GetSuggestions.with_call(request, timeout=1)
    points = values_of(reply)
    assert len({tuple(point.items()) for point in points}) == 4
    assert all(float(point["x"]) < 0.5 for point in points)
    assert "algorithm slow needs longer than the 0." in reply.note
    assert dict(call.trailing_metadata())[NOTE_KEY] == reply.note
    assert reply.note in caplog.text
    assert not slow.ended.is_set()


def test_what_comes_in_time_has_no_note(stub: Stub, slow: Slow) -> None:
    slow.go.set()
    assert not ask(stub, experiment_message("slow"), timeout=1).note


def test_a_replacement_is_not_a_point_that_was_made(stub: Stub) -> None:
    experiment = experiment_message("slow", [integer("n", 1, 6)])
    trials = [trial_message(f"t-{n}", {"n": str(n)}, "0", start=n) for n in (1, 2, 3)]
    pending = [{"assignments": assignments({"n": "4"})}]
    points = values_of(ask(stub, experiment, 2, 0.5, trials=trials, pending=pending))
    assert sorted(point["n"] for point in points) == ["5", "6"]


def test_a_replacement_begins_with_the_points_to_begin_with(stub: Stub) -> None:
    experiment = experiment_message("slow", initial_points=[{"assignments": assignments({"x": "0.125"})}])
    assert values_of(ask(stub, experiment, 2, timeout=0.5))[0] == {"x": "0.125"}


def test_the_slow_answer_goes_on_and_the_next_question_finds_it_done(stub: Stub, slow: Slow) -> None:
    experiment = experiment_message("slow")
    assert ask(stub, experiment, timeout=0.5).note
    slow.go.set()
    assert slow.ended.wait(10)
    assert not ask(stub, experiment).note


def test_a_slow_experiment_holds_up_no_other(stub: Stub, slow: Slow) -> None:
    with ThreadPoolExecutor(20) as pool:
        waiting = [
            pool.submit(ask, stub, experiment_message("slow", name=f"slow-{n % 10}"), timeout=20) for n in range(20)
        ]
        assert slow.begun.wait(10)
        for n in range(20):
            assert not ask(stub, experiment_message(name=f"fast-{n}"), timeout=5).note
        slow.go.set()
        assert [future.result().note for future in waiting] == [""] * 20


def test_questions_that_pile_up_for_one_experiment_are_answered_at_once(stub: Stub, slow: Slow) -> None:
    with ThreadPoolExecutor(30) as pool:
        asked = [pool.submit(ask, stub, experiment_message("slow"), timeout=60) for _ in range(30)]
        at_once = list(islice(as_completed(asked, timeout=20), 26))
        assert all("still busy" in future.result().note for future in at_once)
        assert not slow.ended.is_set()
        slow.go.set()
        assert sum(not future.result().note for future in asked) == 4


POPULATION = {"suggestion_trial_dir": "/checkpoints", "n_population": "5", "truncation_threshold": "0.2"}


def population(parallel: int) -> pb.Experiment:
    return experiment_message("pbt", settings=POPULATION, parallel_trial_count=parallel)


def test_what_katibs_controller_would_wait_for_without_end_is_filled_up_and_the_reply_says_so(stub: Stub) -> None:
    reply = ask(stub, population(8), 8, total_request_number=8)
    assert len({point["x"] for point in values_of(reply)}) == 8
    assert [bool(point.labels) for point in reply.parameter_assignments] == [True] * 5 + [False] * 3
    assert "algorithm pbt has only 5 of 8 points until these have ended; the others are random ones" in reply.note


def test_it_is_filled_up_also_after_trials_that_have_ended(stub: Stub) -> None:
    ended = [trial_message(f"t-{n}", {"x": f"0.{n}"}, state=pb.TrialStatus.KILLED, start=n) for n in range(3)]
    assert len(ask(stub, population(8), 8, trials=ended).parameter_assignments) == 8


@pytest.mark.parametrize(
    ("parallel", "more"),
    [
        pytest.param(8, {"trials": [trial_message("t", {"x": "0.5"})]}, id="a trial runs"),
        pytest.param(8, {"ordered": True}, id="our own client takes fewer"),
        pytest.param(7, {}, id="more than may run at once"),
        pytest.param(0, {}, id="nothing said of how many may run at once"),
    ],
)
def test_otherwise_fewer_points_are_an_answer(stub: Stub, parallel: int, more: dict[str, Any]) -> None:
    reply = ask(stub, population(parallel), 8, **more)
    assert (len(reply.parameter_assignments), reply.note) == (5, "")
