"""The engine: what it refuses, what it passes to an algorithm, and that its cache is only a cache."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import ClassVar

import pytest

from builders import ExperimentBuilder, experiment
from katib_control.api.errors import FieldError, InvalidObject
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.algorithm import ONE_OBJECTIVE, Feature, Found, Request, Suggested
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.space import SearchSpace
from searching import Search, pairs


class Recorder:
    """An algorithm that notes its requests and answers with the first point of the space."""

    settings: ClassVar[tuple[Setting, ...]] = (
        RANDOM_STATE,
        Setting(name="state", type="text", help="what it writes back", written=True),
    )
    supports: ClassVar[frozenset[Feature]] = ONE_OBJECTIVE

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        return [FieldError("spec.parameters", "is refused")] if len(space.dimensions) > 2 else []

    def ask(self, request: Request) -> Found:
        self.requests.append(request)
        request.memo.setdefault("asked", []).append(request.index)
        return Found([Suggested(request.space.at(0), {"rung": "1"})], exhausted=True, settings={"state": "7"})


@pytest.mark.parametrize(
    ("built", "told"),
    [
        pytest.param(
            experiment().algorithm("tep"), "spec.algorithm.algorithmName: no such algorithm; did you mean tpe?",
            id="a misspelt algorithm",
        ),
        pytest.param(experiment().algorithm(""), "spec.algorithm.algorithmName: must not be empty", id="no name"),
        pytest.param(
            experiment().spec(algorithm=None), "spec.algorithm.algorithmName: must not be empty", id="no algorithm"
        ),
        pytest.param(
            experiment().algorithm("random", seed=1),
            "spec.algorithm.algorithmSettings[0].name: algorithm random has no such setting", id="an unknown setting",
        ),
        pytest.param(
            experiment().algorithm("tpe", gamma=2), "spec.algorithm.algorithmSettings[0].value: gamma must be a number",
            id="a setting out of range",
        ),
        pytest.param(
            experiment().double("x", 1, 0), "spec.parameters[0].feasibleSpace.min: must be below max",
            id="an impossible space",
        ),
        pytest.param(
            experiment().int("n", 1, 3).double("x", 0, 1).algorithm("grid"),
            "spec.parameters[1].feasibleSpace.step: algorithm grid needs a step for the double parameter x",
            id="a grid over a continuous parameter",
        ),
        pytest.param(
            experiment().double("x", 0, 1).spec(nasConfig={"graphConfig": {"numLayers": 2}}),
            "spec.nasConfig: algorithm random searches parameters, not network architectures", id="architecture search",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_is_named(built: ExperimentBuilder, told: str) -> None:
    (error,) = Engine().validate(built.build())
    assert str(error).startswith(told)


def test_asking_for_a_refused_experiment_raises_what_validate_tells() -> None:
    owner = experiment().algorithm("tep").double("x", 1, 0).build()
    with pytest.raises(InvalidObject) as caught:
        Search(owner).ask()
    assert list(caught.value.errors) == list(Engine().validate(owner))
    assert len(caught.value.errors) == 2


@pytest.mark.parametrize("name", ["random", "grid", "tpe"])
def test_a_valid_experiment_has_no_errors(name: str) -> None:
    assert not Engine().validate(experiment().double("x", 0, 1, "0.1").max_trials(1000).algorithm(name).build())


def test_labels_settings_and_the_end_reach_the_answer() -> None:
    answer = Search(experiment().int("n", 3, 9).algorithm("a").build(), Engine({"a": Recorder()})).ask()
    assert answer.exhausted
    assert answer.settings == {"state": "7"}
    assert answer.assignments[0].labels == {"rung": "1"}
    assert [(pair.name, pair.value) for pair in answer.assignments[0].parameter_assignments] == [("n", "3")]


def test_the_memo_is_kept_between_questions_and_dropped_by_forget() -> None:
    algorithm = Recorder()
    search = Search(experiment().int("n", 3, 9).algorithm("a").build(), Engine({"a": algorithm}))
    search.ask()
    search.ask()
    assert algorithm.requests[-1].memo == {"asked": [0, 0]}
    search.engine.forget(search.owner.metadata.uid)
    search.ask()
    assert algorithm.requests[-1].memo == {"asked": [0]}


def test_another_search_space_under_the_same_uid_starts_anew_but_other_fields_do_not() -> None:
    algorithm = Recorder()
    engine = Engine({"a": algorithm})
    built = experiment().int("n", 3, 9).algorithm("a")
    for owner in (built, built.max_trials(7).parallel(2), built.int("m", 1, 2)):
        Search(owner.build(), engine).ask()
    assert [request.memo["asked"] for request in algorithm.requests] == [[0, 0], [0, 0], [0]]
    assert algorithm.requests[1].spec.max_trial_count == 7


def test_other_settings_start_a_new_memo_but_those_written_back_do_not() -> None:
    algorithm = Recorder()
    engine = Engine({"a": algorithm})
    built = experiment().int("n", 3, 9)
    for given in ({"random_state": 1}, {"random_state": 1, "state": "7"}, {"random_state": 2, "state": "8"}):
        Search(built.algorithm("a", **given).build(), engine).ask()
    assert [request.memo["asked"] for request in algorithm.requests] == [[0, 0], [0, 0], [0]]


def points_to_begin_with(*points: dict[str, str]) -> list[dict[str, object]]:
    return [{"parameterAssignments": [{"name": key, "value": value} for key, value in item.items()]} for item in points]


def test_points_to_begin_with_come_first_and_the_algorithm_knows_of_them() -> None:
    algorithm = Recorder()
    given = points_to_begin_with({"n": "5"}, {"n": "7.0"})
    owner = experiment().int("n", 3, 9).algorithm("a").spec(initialPoints=given).build()
    answer = Search(owner, Engine({"a": algorithm})).ask(3)
    assert [pairs(item)["n"] for item in answer.assignments] == ["5", "7", "3"]
    (request,) = algorithm.requests
    assert (request.index, request.count) == (2, 1)
    assert request.history().points() == {("5",), ("7",)}


def test_what_a_point_to_begin_with_leaves_open_is_drawn_within_the_constraints() -> None:
    owner = experiment().int("n", 1, 9).int("m", 1, 9).algorithm("random")
    owner = owner.spec(initialPoints=points_to_begin_with({"n": "5"}), constraints=["m > n"])
    found = [pairs(Search(owner.uid(uid).build()).ask().assignments[0]) for uid in "abcdefgh"]
    assert all(item["n"] == "5" and int(item["m"]) > 5 for item in found)
    assert len({item["m"] for item in found}) > 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        pytest.param(
            {"initialPoints": points_to_begin_with({"k": "5"})},
            "spec.initialPoints[0].parameterAssignments[0].name: is no parameter; there is n (got 'k')",
            id="a point with an unknown parameter",
        ),
        pytest.param(
            {"initialPoints": points_to_begin_with({"n": "5"}, {"n": "99"})},
            "spec.initialPoints[1].parameterAssignments[0].value: is not in the search space of n",
            id="a point outside the space",
        ),
        pytest.param(
            {"initialPoints": points_to_begin_with({"n": "5"}), "constraints": ["n < 4"]},
            "spec.initialPoints[0]: breaks a constraint (n < 4)", id="a point that breaks a constraint",
        ),
        pytest.param({"constraints": ["n <"]}, "spec.constraints[0]: must be a condition", id="half a constraint"),
        pytest.param(
            {"algorithm": {"algorithmName": "b"}, "constraints": ["n < 4"]},
            "spec.constraints: algorithm b cannot work with constraints; those that can: ", id="not supported",
        ),
    ],
)  # fmt: skip
def test_points_to_begin_with_and_constraints_are_checked(fields: dict[str, object], told: str) -> None:
    bare = Recorder()
    bare.supports = frozenset()  # type: ignore[misc]  # this one alone cannot do anything special
    owner = experiment().int("n", 3, 9).algorithm("a").spec(**fields).build()
    (error,) = Engine({"a": Recorder(), "b": bare}).validate(owner)
    assert str(error).startswith(told)


def test_the_least_recently_asked_experiment_leaves_a_full_cache() -> None:
    algorithm = Recorder()
    engine = Engine({"a": algorithm}, capacity=2)
    for name in ("one", "two", "one", "three", "one", "two"):
        Search(experiment(name).int("n", 3, 9).algorithm("a").build(), engine).ask()
    assert [len(request.memo["asked"]) for request in (algorithm.requests[4], algorithm.requests[5])] == [3, 1]


def test_experiments_without_a_uid_are_told_apart_by_namespace_and_name() -> None:
    algorithm = Recorder()
    for namespace in ("a", "b"):
        built = experiment().int("n", 3, 9).algorithm("a").uid("").namespace(namespace)
        Search(built.build(), Engine({"a": algorithm})).ask()
    assert [request.seed for request in algorithm.requests] == ["a/x", "b/x"]


def test_trials_outside_the_space_are_warned_about_once(caplog: pytest.LogCaptureFixture) -> None:
    search = Search(experiment().int("n", 1, 9).algorithm("random").build())
    search.run(search.name(search.ask(2)))
    search.owner = experiment().int("n", 100, 109).algorithm("random").build()
    with caplog.at_level(logging.WARNING):
        search.ask()
        search.ask()
    (record,) = caplog.records
    assert record.getMessage().startswith("experiment x: 2 trials are not counted")


def test_many_threads_get_the_answers_of_one() -> None:
    engine = Engine()
    searches = [Search(experiment(f"x{number % 4}").double("x", 0, 1).build(), engine) for number in range(16)]
    found: list[list[dict[str, str]]] = [[] for _ in searches]

    def work(number: int) -> None:
        found[number] = searches[number].tune(lambda values: float(values["x"]), 20, 2)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found[number] == found[number % 4] and len(found[number]) == 20 for number in range(16))


def test_importing_the_engine_loads_no_numeric_library() -> None:
    code = (
        "import sys; from katib_control.suggestion.engine import Engine; "
        "sys.exit(', '.join({'numpy', 'optuna', 'scipy'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")
