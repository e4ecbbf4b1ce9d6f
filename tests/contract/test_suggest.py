"""What every implementation of the ``Suggest`` port must do, whoever calls it and however often it restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import pytest

from builders import experiment, trial
from katib_control.api.errors import KatibError
from katib_control.api.model import NameValue
from katib_control.api.suggestion import Answer, Question, TrialAssignment
from katib_control.reconcile.ports import Suggest
from katib_control.suggestion.client import SuggestionClient
from katib_control.suggestion.engine import Engine
from searching import Search, pairs
from serving import serving


@contextmanager
def over_grpc() -> Iterator[Suggest]:
    with serving() as address:
        client = SuggestionClient(address)
        yield client
        client.close()


BACK_ENDS: dict[str, Callable[[], AbstractContextManager[Suggest]]] = {
    "in process": lambda: nullcontext(Engine()),
    "over gRPC": over_grpc,
}


@pytest.fixture(params=BACK_ENDS)
def service(request: pytest.FixtureRequest) -> Iterator[Suggest]:
    with BACK_ENDS[request.param]() as found:
        yield found


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


EVERY_STATE = ("pending", "running", "succeeded", "failed", "killed", "early_stopped", "metrics_unavailable")


def test_trials_in_every_state_are_taken_in_like_in_process(service: Suggest) -> None:
    owner = experiment().double("x", 0, 1).algorithm("tpe", random_state=1, n_startup_trials=1).build()
    trials = []
    for position, state in enumerate(EVERY_STATE * 2):
        body = trial(f"x-{position}").of(owner).assign(x=position / 16)
        values = {"loss": (position, position + 1, position)} if state in ("succeeded", "early_stopped") else {}
        trials.append(getattr(body, state)(**values).build())
    question = Question(experiment=owner, trials=trials, index=len(trials), count=3)
    assert service.ask(question) == Engine().ask(question)


def test_points_that_are_not_yet_trials_are_known(service: Suggest) -> None:
    owner = experiment().int("n", 1, 4).algorithm("random", random_state=1).build()
    pending = [
        TrialAssignment(name=f"x-{n}", parameter_assignments=[NameValue(name="n", value=str(n))]) for n in (1, 2)
    ]
    answer = service.ask(Question(experiment=owner, trials=(), pending=pending, index=2, count=2))
    assert sorted(pairs(item)["n"] for item in answer.assignments) == ["3", "4"]


def test_constraints_initial_points_and_further_objectives_are_taken_in(service: Suggest) -> None:
    first = {"parameterAssignments": [{"name": "x", "value": "0.25"}, {"name": "y", "value": "0.5"}]}
    further = {"type": "maximize", "objectiveMetricName": "accuracy"}
    owner = (
        experiment().objective("loss").spec(
            constraints=["x + y < 1"], initialPoints=[first],
            objective={"type": "minimize", "objectiveMetricName": "loss", "additionalObjectives": [further]},
        ).double("x", 0, 1).double("y", 0, 1).build()
    )  # fmt: skip
    assert not service.validate(owner)
    points = [pairs(item) for item in service.ask(Question(experiment=owner, trials=(), index=0, count=20)).assignments]
    assert points[0] == {"x": "0.25", "y": "0.5"}
    assert all(float(point["x"]) + float(point["y"]) < 1 for point in points)


def test_each_broken_rule_comes_with_its_field_rule_value_and_reason(service: Suggest) -> None:
    owner = experiment().double("x", 2, 1).parameter("c", "categorical").algorithm("random", seed=3).build()
    assert list(service.validate(owner)) == list(Engine().validate(owner))
    assert len(service.validate(owner)) == 3


@pytest.mark.parametrize("name", ["random", "sobol", "tpe"])
def test_a_search_goes_the_same_way_as_in_process(service: Suggest, name: str) -> None:
    built = experiment().double("x", 0, 1).int("n", 1, 9, 2).categorical("c", "a", "b").algorithm(name)
    here, there = Search(built.build()), Search(built.build())
    there.engine = service  # type: ignore[assignment]  # any implementation of the port will do

    def loss(values: dict[str, str]) -> float | None:
        return None if values["n"] == "5" else float(values["x"]) + int(values["n"])

    assert there.tune(loss, trials=24, parallel=3) == here.tune(loss, trials=24, parallel=3)
