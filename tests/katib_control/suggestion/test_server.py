"""The Suggestion service as Katib's controller and other clients meet it, through the generated stubs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import grpc
import pytest

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import Setting, Settings
from katib_control.pb import api_pb2 as pb
from katib_control.pb import api_pb2_grpc
from katib_control.suggestion.algorithm import ANY_OBJECTIVE, Feature, Found, Request, Suggested
from katib_control.suggestion.registry import ALGORITHMS
from katib_control.suggestion.space import SearchSpace
from serving import (
    X,
    assignments,
    categorical,
    experiment_message,
    integer,
    serving,
    suggestion_stub,
    trial_message,
    values_of,
)

Stub = api_pb2_grpc.SuggestionStub
STATES = pb.TrialStatus


class Labelling:
    """Answers with the space's first point, a label, and a setting to write back."""

    settings: ClassVar[tuple[Setting, ...]] = (Setting(name="told", type="text", help="", written=True),)
    supports: ClassVar[frozenset[Feature]] = ANY_OBJECTIVE

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        return ()

    def ask(self, request: Request) -> Found:
        return Found([Suggested(request.space.at(0), {"rung": "1"})], settings={"told": "yes"})


class Broken(Labelling):
    """Has a defect."""

    def ask(self, request: Request) -> Found:
        raise ZeroDivisionError("a defect")


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with serving() as address, suggestion_stub(address) as found:
        yield found


def ask(stub: Stub, experiment: pb.Experiment, count: int = 1, trials: Sequence[pb.Trial] = (), **more: Any) -> Any:
    timeout, metadata = more.pop("timeout", 30), more.pop("metadata", None)
    request = pb.GetSuggestionsRequest(experiment=experiment, trials=trials, current_request_number=count, **more)
    return stub.GetSuggestions(request, timeout=timeout, metadata=metadata)


def validate(stub: Stub, experiment: pb.Experiment) -> None:
    stub.ValidateAlgorithmSettings(pb.ValidateAlgorithmSettingsRequest(experiment=experiment), timeout=30)


def finished(points: Sequence[Mapping[str, str]]) -> list[pb.Trial]:
    return [trial_message(f"t-{n}", values, str(n), start=n) for n, values in enumerate(points)]


# What comes back


def test_as_many_points_as_asked_for_with_the_parameters_in_order(stub: Stub) -> None:
    experiment = experiment_message(parameters=[X, integer("n", 1, 9), categorical("c", "a", "b")])
    reply = ask(stub, experiment, 3)
    assert [[item.name for item in point.assignments] for point in reply.parameter_assignments] == [["x", "n", "c"]] * 3
    assert not reply.exhausted
    assert not reply.HasField("algorithm")
    assert not any(point.trial_name for point in reply.parameter_assignments)


def test_the_end_of_a_space_is_an_empty_reply_that_says_so(stub: Stub) -> None:
    experiment = experiment_message("grid", [integer("n", 1, 2)])
    reply = ask(stub, experiment, 3, finished([{"n": "1"}, {"n": "2"}]))
    assert (list(reply.parameter_assignments), reply.exhausted) == ([], True)


def test_labels_and_settings_come_back() -> None:
    with serving({"labelling": Labelling()}) as address, suggestion_stub(address) as stub:
        reply = ask(stub, experiment_message("labelling", [integer("n", 1, 2)]))
    assert dict(reply.parameter_assignments[0].labels) == {"rung": "1"}
    assert [(item.name, item.value) for item in reply.algorithm.algorithm_settings] == [("told", "yes")]


@pytest.mark.parametrize("count", [0, -1])
def test_no_points_asked_for_are_none(stub: Stub, count: int) -> None:
    assert not ask(stub, experiment_message(), count).parameter_assignments


# Which point is the first

GRID = experiment_message("grid", [integer("n", 0, 99)])
INDICES = [
    pytest.param({}, 0, "0", id="nothing said, nothing made"),
    pytest.param({"total_request_number": 7}, 4, "5", id="what is wanted in all, less what is wanted now"),
    pytest.param({"total_request_number": 70}, 4, "4", id="a total that is a budget"),
    pytest.param({}, 4, "4", id="nothing said: as many as there are trials"),
    pytest.param({"total_request_number": 2}, 4, "4", id="a total that has lost count of the trials"),
    pytest.param({"total_request_number": 9}, 4, "7", id="points whose trials are not sent count too"),
    pytest.param({"total_request_number": 9, "index": 3}, 4, "3", id="our own clients say it"),
    pytest.param({"index": 0}, 4, "0", id="also if it is 0"),
    pytest.param({"pending": [{"assignments": assignments({"n": "4"})}]}, 4, "5", id="pending points count"),
]


@pytest.mark.parametrize(("said", "trials", "first"), INDICES)
def test_the_index_of_the_first_point(stub: Stub, said: dict[str, Any], trials: int, first: str) -> None:
    made = finished([{"n": str(n)} for n in range(trials)])
    assert values_of(ask(stub, GRID, 2, made, **said))[0] == {"n": first}


# Histories as they come

MIXED = experiment_message("tpe", [X, integer("n", 1, 9)], {"random_state": "1", "n_startup_trials": "2"})


def history() -> list[pb.Trial]:
    return [
        trial_message(f"t-{n}", {"x": str(n / 40), "n": str(n % 9 + 1)}, str(n), start=n // 3) for n in range(20)
    ]  # fmt: skip


def test_the_order_of_the_trials_does_not_matter(stub: Stub) -> None:
    expected = ask(stub, MIXED, 3, history())
    for seed in range(5):
        trials = history()
        random.Random(seed).shuffle(trials)
        assert ask(stub, MIXED, 3, trials) == expected


ODD = [
    pytest.param(trial_message("t", {"x": "0.5", "n": "5"}, "nan"), id="a metric that is nan"),
    pytest.param(trial_message("t", {"x": "0.5", "n": "5"}, "unavailable"), id="a metric that is unavailable"),
    pytest.param(trial_message("t", {"x": "0.5", "n": "5"}, ""), id="an empty metric"),
    pytest.param(trial_message("t", {"x": "0.5", "n": "5"}, state=STATES.SUCCEEDED), id="success without a metric"),
    pytest.param(trial_message("t", {"x": "0.5", "n": "5.0"}, "1"), id="an int with a point"),
    pytest.param(trial_message("t", {"x": "7", "n": "5"}, "1"), id="a value outside the space"),
    pytest.param(trial_message("t", {"x": "word", "n": ""}, "1"), id="values that are no numbers"),
    pytest.param(trial_message("t", {"x": "0.5"}, "1"), id="a value that is missing"),
    pytest.param(trial_message("t", {"x": "0.5", "n": "5", "more": "1"}, "1"), id="a value too many"),
    pytest.param(trial_message("t", {}, "1"), id="no values at all"),
    pytest.param(trial_message("", {"x": "0.5", "n": "5"}, "1"), id="no name"),
    pytest.param(trial_message("t-3", {"x": "0.5", "n": "5"}, "1"), id="the name of another"),
    pytest.param(pb.Trial(), id="nothing at all"),
    *(
        pytest.param(trial_message("t", {"x": "0.5", "n": "5"}, "1", state=number), id=f"state {number}")
        for number in (*range(8), 42)
    ),
]


@pytest.mark.parametrize("name", sorted({"random", "grid", "tpe", "sobol"} & set(ALGORITHMS)))
@pytest.mark.parametrize("odd", ODD)
def test_odd_trials_are_served(stub: Stub, name: str, odd: pb.Trial) -> None:
    experiment = experiment_message(name, [{**X, "feasible_space": {"min": "0", "max": "1", "step": "0.001"}},
                                           integer("n", 1, 9)])  # fmt: skip
    reply = ask(stub, experiment, 2, [*history(), odd, odd])
    assert len(values_of(reply)) == 2


def test_a_metric_that_only_the_trials_name_is_learned_from(stub: Stub) -> None:
    parameters = [X]
    unnamed = experiment_message("tpe", parameters, {"random_state": "1"}, objective={"type": pb.MINIMIZE})
    named = experiment_message("tpe", parameters, {"random_state": "1"})
    trials = [trial_message(f"t-{n}", {"x": str(n / 20)}, str(abs(n - 10)), start=n) for n in range(20)]
    assert values_of(ask(stub, unnamed, 2, trials)) == values_of(ask(stub, named, 2, trials))


def test_a_direction_that_is_not_said_is_minimize(stub: Stub) -> None:
    trials = [trial_message(f"t-{n}", {"x": str(n / 20)}, str(n), start=n) for n in range(20)]
    said, unsaid = (
        experiment_message("tpe", [X], {"random_state": "1"}, objective={**kind, "objective_metric_name": "loss"})
        for kind in ({"type": pb.MINIMIZE}, {})
    )
    assert values_of(ask(stub, said, 2, trials)) == values_of(ask(stub, unsaid, 2, trials))


# The same answers


@pytest.mark.parametrize("name", ["random", "tpe"])
def test_another_process_gives_the_same_answers(stub: Stub, name: str) -> None:
    experiment = experiment_message(name, [X, integer("n", 1, 9)])
    points: list[dict[str, str]] = []
    for _ in range(15):
        trials = finished(points)
        here = ask(stub, experiment, 2, trials)
        with serving() as address, suggestion_stub(address) as fresh:
            assert ask(fresh, experiment, 2, trials) == here
        points += values_of(here)


def test_the_seed_is_the_name_where_nothing_else_is_said(stub: Stub) -> None:
    first, again, other = (ask(stub, experiment_message(name=name), 3) for name in ("x", "x", "y"))
    assert first == again != other


WHERE = [
    pytest.param({"namespace": "a"}, {}, id="namespaces in the message"),
    pytest.param({"uid": "a"}, {}, id="uids in the message"),
    pytest.param({}, {"namespace": "a"}, id="namespaces in the metadata"),
    pytest.param({}, {"uid": "a"}, id="uids in the metadata"),
]


@pytest.mark.parametrize(("fields", "metadata"), WHERE)
def test_experiments_of_one_name_differ_by_where_they_are(
    stub: Stub, fields: dict[str, str], metadata: dict[str, str]
) -> None:
    def answer(which: str) -> Any:
        message = experiment_message()
        for key, value in fields.items():
            setattr(message, key, value + which)
        return ask(stub, message, 2, metadata=[(key, value + which) for key, value in metadata.items()])

    assert answer("1") == answer("1") != answer("2")


def test_histories_and_specs_under_one_name_never_meet(stub: Stub) -> None:
    """Two clients, call by call, get what each would get alone."""

    def trials(shift: float, count: int) -> list[pb.Trial]:
        return [
            trial_message(f"{shift}-{n}", {"x": str((n * 0.37 + shift) % 1)}, str(n * shift), start=n)
            for n in range(count)
        ]  # fmt: skip

    def alone(client: float, settings: dict[str, str]) -> list[Any]:
        with serving() as address, suggestion_stub(address) as fresh:
            return [
                ask(fresh, experiment_message("tpe", [X], settings), 1, trials(client, count)) for count in range(25)
            ]

    clients = [(0.1, {"random_state": "1"}), (0.7, {"random_state": "1"}), (0.7, {"random_state": "2"})]
    expected = [alone(*client) for client in clients]
    for count in range(25):
        for (client, settings), answers in zip(clients, expected, strict=True):
            experiment = experiment_message("tpe", [X], settings)
            assert ask(stub, experiment, 1, trials(client, count)) == answers[count]


CHANGES = [
    pytest.param(lambda trials: trials[:5] + trials[6:], id="a trial vanished"),
    pytest.param(lambda trials: trials[:-1], id="the last trial vanished"),
    pytest.param(
        lambda trials: [*trials[:4], trial_message("t-4", {"x": "0.1", "n": "5"}, "-9", start=1), *trials[5:]],
        id="a value changed",
    ),
    pytest.param(lambda trials: [], id="all are gone"),
    pytest.param(
        lambda trials: [trial_message("t-0", {"x": "0.0", "n": "1"}, state=STATES.RUNNING), *trials[1:]],
        id="one that had ended runs again",
    ),
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_history_that_disagrees_with_the_last_one_is_read_anew(stub: Stub, change: Any) -> None:
    ask(stub, MIXED, 1, history())
    with serving() as address, suggestion_stub(address) as fresh:
        assert ask(stub, MIXED, 2, change(history())) == ask(fresh, MIXED, 2, change(history()))
    assert ask(stub, MIXED, 2, history()) == ask(stub, MIXED, 2, history())


# Refusals

REFUSED = [
    pytest.param(experiment_message("magic"), ["spec.algorithm.algorithmName", "magic"], id="an unknown algorithm"),
    pytest.param(experiment_message(""), ["spec.algorithm.algorithmName"], id="no algorithm"),
    pytest.param(
        experiment_message(settings={"random_state": "-1"}),
        ["spec.algorithm.algorithmSettings[0].value", "random_state", "'-1'"], id="a setting out of range",
    ),
    pytest.param(
        experiment_message(settings={"seed": "1"}), ["spec.algorithm.algorithmSettings[0].name", "seed"],
        id="an unknown setting",
    ),
    pytest.param(
        experiment_message(parameters=[{**X, "feasible_space": {"min": "2", "max": "1"}}]),
        ["spec.parameters[0].feasibleSpace.min", "'2'"], id="min above max",
    ),
    pytest.param(
        experiment_message(parameters=[X, {**X, "name": "y", "feasible_space": {"min": "one", "max": "1"}}]),
        ["spec.parameters[1].feasibleSpace.min", "'one'"], id="no number",
    ),
    pytest.param(
        experiment_message(parameters=[categorical("c")]), ["spec.parameters[0].feasibleSpace.list"], id="an empty list"
    ),
    pytest.param(
        experiment_message(parameters=[{**X, "parameter_type": pb.UNKNOWN_TYPE}]),
        ["spec.parameters[0].parameterType", "unknown"], id="an unknown type",
    ),
    pytest.param(
        experiment_message(parameters=[{**X, "parameter_type": 9}]), ["spec.parameters[0].parameterType", "'9'"],
        id="a type that does not exist",
    ),
    pytest.param(
        experiment_message(
            parameters=[{**X, "feasible_space": {"min": "0", "max": "1", "distribution": pb.LOG_UNIFORM}}]
        ),
        ["spec.parameters[0].feasibleSpace.min", "logUniform"], id="a logarithm of 0",
    ),
    pytest.param(experiment_message(parameters=[X, X]), ["spec.parameters[1].name", "'x'"], id="a name twice"),
    pytest.param(experiment_message(parameters=[]), ["spec.parameters"], id="no parameters"),
    pytest.param(
        experiment_message(
            "magic", [{**X, "feasible_space": {"min": "2", "max": "1"}}, categorical("c")]
        ),
        ["spec.algorithm.algorithmName", "spec.parameters[0].feasibleSpace.min",
         "spec.parameters[1].feasibleSpace.list"],
        id="several at once",
    ),
]  # fmt: skip


@pytest.mark.parametrize("call", ["validate", "ask"])
@pytest.mark.parametrize(("message", "told"), REFUSED)
def test_what_is_wrong_is_refused_with_its_field(
    stub: Stub, call: str, message: pb.Experiment, told: list[str]
) -> None:
    calls = {"ask": lambda: ask(stub, message, 1, history()), "validate": lambda: validate(stub, message)}
    with pytest.raises(grpc.RpcError) as caught:
        calls[call]()
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [word for word in told if word not in caught.value.details()] == []


def test_points_are_not_made_without_an_objective(stub: Stub) -> None:
    with pytest.raises(grpc.RpcError, match="say what to optimise") as caught:
        ask(stub, experiment_message(objective=None))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


VALID = [
    pytest.param(experiment_message(objective=None), id="settings and space, as some clients ask"),
    pytest.param(experiment_message(), id="the least there can be"),
    pytest.param(experiment_message(objective={"type": pb.MAXIMIZE, "goal": 0.9}), id="a metric without a name"),
    pytest.param(
        experiment_message("tpe", [], {"gamma": "0.25"}, objective=None), id="settings alone, as some clients ask"
    ),
    pytest.param(experiment_message(parameters=[integer("n", 3, 3)]), id="a space of one point"),
]  # fmt: skip


@pytest.mark.parametrize("message", VALID)
def test_what_is_right_is_accepted(stub: Stub, message: pb.Experiment) -> None:
    validate(stub, message)


def test_settings_alone_are_refused_too(stub: Stub) -> None:
    message = experiment_message("tpe", [], {"gamma": "1.5"}, objective=None)
    with pytest.raises(grpc.RpcError, match="gamma must be a number, greater than 0 and less than 1"):
        validate(stub, message)


def test_only_the_algorithms_that_are_served_are_known() -> None:
    with serving({"random": ALGORITHMS["random"]}) as address, suggestion_stub(address) as stub:
        ask(stub, experiment_message("random"))
        with pytest.raises(grpc.RpcError, match="no such algorithm") as caught:
            ask(stub, experiment_message("grid", [integer("n", 1, 3)]))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_hundred_broken_rules_are_told_or_counted(stub: Stub) -> None:
    wrong = [{**X, "name": f"parameter-{n}", "feasible_space": {"min": "2", "max": "1"}} for n in range(300)]
    with pytest.raises(grpc.RpcError, match=r"spec\.parameters\[0\].*; and [0-9]+ more") as caught:
        ask(stub, experiment_message(parameters=wrong))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_too_many_points_at_once_are_refused(stub: Stub) -> None:
    with pytest.raises(grpc.RpcError, match="current_request_number: at most 10000") as caught:
        ask(stub, experiment_message(), 2**31 - 1)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("raw", [b"\xff\xff", b"\x0a\x03\x0a\x01\xff", b"\x0a\x03\x0a\x01x\x12\x03\x0a\x01\xff"])
def test_bytes_that_are_no_request_are_refused(raw: bytes) -> None:
    with serving() as address, grpc.insecure_channel(address) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary("/api.v1.beta1.Suggestion/GetSuggestions")(raw, timeout=30)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        ask(api_pb2_grpc.SuggestionStub(channel), experiment_message())


def test_a_defect_of_an_algorithm_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with (
        serving({"broken": Broken()}) as address,
        suggestion_stub(address) as stub,
        pytest.raises(grpc.RpcError, match="ZeroDivisionError: a defect") as caught,
    ):
        ask(stub, experiment_message("broken"))
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert any(record.exc_info for record in caplog.records)
