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
from katib_control.suggestion.algorithm import Found, Request, Suggested
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.space import SearchSpace
from searching import Search


class Recorder:
    """An algorithm that notes its requests and answers with the first point of the space."""

    settings: ClassVar[tuple[Setting, ...]] = (RANDOM_STATE,)

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


def test_other_settings_start_a_new_memo_but_keep_the_records() -> None:
    algorithm = Recorder()
    engine = Engine({"a": algorithm})
    built = experiment().int("n", 3, 9)
    for seed in (1, 2):
        Search(built.algorithm("a", random_state=seed).build(), engine).ask()
    first, second = algorithm.requests
    assert second.memo is not first.memo
    assert second.history() is first.history()


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
