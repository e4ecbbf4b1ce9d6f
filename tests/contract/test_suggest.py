"""What every implementation of the ``Suggest`` port must do, whoever calls it and however often it restarts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from builders import experiment
from katib_control.api.errors import KatibError
from katib_control.api.suggestion import Answer, Question
from katib_control.reconcile.ports import Suggest
from katib_control.suggestion.engine import Engine
from searching import Search, pairs

BACK_ENDS: dict[str, Callable[[], Suggest]] = {"in process": Engine}


@pytest.fixture(params=BACK_ENDS)
def service(request: pytest.FixtureRequest) -> Suggest:
    return BACK_ENDS[request.param]()


OWNER = experiment().int("n", 1, 9).categorical("c", "a", "b").algorithm("random", random_state=1).build()


def ask(service: Suggest, count: int, index: int = 0) -> Answer:
    return service.ask(Question(experiment=OWNER, trials=(), index=index, count=count))


def test_a_valid_experiment_has_no_errors(service: Suggest) -> None:
    assert not service.validate(OWNER)


def test_an_unknown_algorithm_is_a_field_error(service: Suggest) -> None:
    (error,) = service.validate(experiment().algorithm("magic").build())
    assert error.field == "spec.algorithm.algorithmName"
    assert error.value == "magic"


def test_asking_an_unknown_algorithm_raises_with_the_reason(service: Suggest) -> None:
    with pytest.raises(KatibError, match="no such algorithm"):
        service.ask(Question(experiment=experiment().algorithm("magic").build(), trials=(), index=0, count=1))


def test_as_many_points_as_wanted_come_with_every_parameter_in_order(service: Suggest) -> None:
    answer = ask(service, 3)
    assert [list(pairs(item)) for item in answer.assignments] == [["n", "c"]] * 3
    assert not answer.exhausted


def test_values_are_text_of_their_type(service: Suggest) -> None:
    for item in ask(service, 5).assignments:
        values = pairs(item)
        assert values["n"] == str(int(values["n"]))
        assert values["c"] in ("a", "b")


def test_the_same_question_has_the_same_answer_also_after_forgetting(service: Suggest) -> None:
    first = ask(service, 3)
    service.forget(OWNER.metadata.uid)
    assert ask(service, 3) == first


def test_forgetting_what_was_never_asked_is_fine(service: Suggest) -> None:
    service.forget("nobody")


def test_one_batch_or_many_give_the_same_points_when_results_do_not_matter(service: Suggest) -> None:
    at_once = [pairs(item) for item in ask(service, 4).assignments]
    search = Search(OWNER)
    search.engine = service  # type: ignore[assignment]  # any implementation of the port will do
    assert search.tune(lambda _: 0.0, trials=4) == at_once


def test_experiments_of_the_same_name_do_not_mix(service: Suggest) -> None:
    built = experiment().double("x", 0, 1)
    answers = [
        service.ask(Question(experiment=built.uid(uid).build(), trials=(), index=0, count=2)) for uid in ("1", "2", "1")
    ]
    assert answers[0] == answers[2] != answers[1]


def test_the_end_of_a_grid_is_announced(service: Suggest) -> None:
    owner = experiment().int("n", 1, 2).algorithm("grid").build()
    search = Search(owner)
    search.engine = service  # type: ignore[assignment]  # any implementation of the port will do
    search.tune(lambda _: 0.0, trials=5)
    assert search.points == [{"n": "1"}, {"n": "2"}]
    assert search.ask(3) == Answer(assignments=[], exhausted=True)
