"""Which algorithm answers, and how a space that can be counted ends."""

from __future__ import annotations

import pytest

from builders import ExperimentBuilder, experiment
from katib_control.suggestion.algorithms import auto
from katib_control.suggestion.algorithms.tpe import TreeParzen
from searching import Search


def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write down who answers; all answer as TPE does, which is fast."""
    seen: list[str] = []

    class Answering(TreeParzen):
        def __init__(self, name: str) -> None:
            self.name = name

        def ask(self, request):
            seen.append(self.name)
            return super().ask(request)

    for name in auto.ANSWERING:
        monkeypatch.setitem(auto.ANSWERING, name, Answering(name))
    return seen


def loss(values: dict[str, str]) -> float:
    return sum(float(value) for value in values.values() if value.lstrip("-")[:1].isdigit())


NUMBERS = experiment().algorithm("auto", random_state=1).double("x", 0, 1).int("n", 1, 90)
ONE_CATEGORY = NUMBERS.categorical("c", "a", "b")


@pytest.mark.parametrize(
    ("built", "count", "name"),
    [
        pytest.param(NUMBERS, 1, "bayesianoptimization", id="few trials of numbers are worth a Gaussian process"),
        pytest.param(NUMBERS, auto.WIDE, "bayesianoptimization", id="a batch that it makes in time"),
        pytest.param(NUMBERS, auto.WIDE + 1, "tpe", id="a batch that it would not make in time"),
        pytest.param(ONE_CATEGORY, 1, "bayesianoptimization", id="a category among numbers"),
    ],
)
def test_the_space_and_the_batch_decide(
    built: ExperimentBuilder, count: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = asked(monkeypatch)
    assert len(Search(built.build()).ask(count).assignments) == count
    assert seen == [name]


def test_many_parameters_but_those_with_one_value_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, built = asked(monkeypatch), experiment().algorithm("auto").categorical("fixed", "a")
    for place in range(auto.MANY):
        built = built.double(f"x{place}", 0, 1)
    Search(built.build()).ask()
    Search(built.double("one_more", 0, 1).build()).ask()
    assert seen == ["bayesianoptimization", "tpe"]


def test_a_long_history_is_answered_by_a_cheaper_one_that_goes_on_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "LONG", 12)
    seen = asked(monkeypatch)
    Search(NUMBERS.build()).tune(loss, 16)
    assert seen == ["bayesianoptimization"] * 13 + ["tpe"] * 3


def test_several_objectives(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = asked(monkeypatch)
    body = NUMBERS.to_dict()
    body["spec"]["objective"]["additionalObjectives"] = [{"type": "minimize", "objectiveMetricName": "size"}]
    Search(ExperimentBuilder(body).build()).ask()
    assert seen == ["tpe"]


def small() -> Search:
    return Search(experiment().algorithm("auto", random_state=1).int("n", 0, 4).categorical("c", "a", "b").build())


@pytest.mark.parametrize("parallel", [1, 3, 10, 40])
def test_a_small_space_is_searched_once_and_then_used_up(parallel: int) -> None:
    search = small()
    points = search.tune(loss, 40, parallel)
    assert sorted(map(str, points)) == sorted({str(point) for point in points})
    assert len(points) == 10
    assert search.ask().exhausted


def test_the_end_waits_for_running_trials_and_gives_failed_ones_a_second_chance() -> None:
    search = small()
    search.run(search.name(search.ask(10)))
    assert len(search.points) == 10
    waiting = search.ask()
    assert not waiting.assignments
    assert not waiting.exhausted
    for position in range(10):
        search.end(position, None if position == 3 else 1.0)
    again = search.ask(5)
    assert [{item.name: item.value for item in found.parameter_assignments} for found in again.assignments] == [
        search.points[3]
    ]
    search.run(search.name(again))
    # However it ends, nothing follows.
    assert search.ask().exhausted


def test_constraints_are_kept_to_the_end() -> None:
    body = experiment().algorithm("auto").int("n", 0, 4).int("m", 0, 4).to_dict()
    body["spec"]["constraints"] = ["n + m <= 3"]
    points = Search(ExperimentBuilder(body).build()).tune(loss, 50, 2)
    assert len(points) == 10
    assert all(int(point["n"]) + int(point["m"]) <= 3 for point in points)
