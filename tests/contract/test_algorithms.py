"""What every algorithm of the registry must do; a new one is tested unasked."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import ExperimentBuilder, experiment
from katib_control.api.settings import Setting
from katib_control.api.suggestion import Question
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.registry import ALGORITHMS
from katib_control.suggestion.space import search_space
from searching import (
    Search,
    assert_inside,
    pairs,
    parameters,
    required_settings,
    start_up,
    with_algorithm,
    with_parameters,
)

NAMES = sorted(ALGORITHMS)
FINITE = {"grid"}
"""Algorithms that count through the space, and so need one that can be counted."""

RUNGS = {name for name in NAMES if "resource_name" in {item.name for item in ALGORITHMS[name].settings}}
"""Algorithms that give most points a low budget: what they are worth is seen where budgets matter (test_rungs.py)."""

SCHEDULES = {name for name in NAMES if "n_population" in {item.name for item in ALGORITHMS[name].settings}}
"""Algorithms whose trials go on where others have stopped: a function of the parameters alone gives them nothing."""

HEURISTIC = sorted(set(NAMES) - {"random", "grid", "sobol"} - RUNGS - SCHEDULES)
"""Algorithms that must be better than chance."""

few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def small(name: str, **options: Any) -> ExperimentBuilder:
    built = experiment().int("x", 0, 20).double("y", 0, 1, "0.05").discrete("d", 1, 2, 4).categorical("c", "a", "b")
    return with_algorithm(built.max_trials(1000), name, **options)


def objective(values: dict[str, str]) -> float:
    return (float(values["x"]) - 7) ** 2 + 10 * (float(values["y"]) - 0.3) ** 2 + (values["c"] == "b")


@pytest.mark.parametrize("name", NAMES)
@few
@given(data=st.data())
def test_every_value_is_in_bounds_and_exactly_on_its_lattice(name: str, data: st.DataObject) -> None:
    space = data.draw(parameters(finite=name in FINITE))
    options = {"random_state": data.draw(st.integers(0, 9)), **start_up(name)}
    search = Search(with_algorithm(with_parameters(space), name, **options).build())
    rng = random.Random(0)
    for values in search.tune(lambda _: rng.random(), trials=12, parallel=3):
        assert_inside(space, values)


@pytest.mark.parametrize("name", NAMES)
@few
@given(data=st.data())
def test_a_batch_has_distinct_points_as_far_as_the_space_allows(name: str, data: st.DataObject) -> None:
    space = data.draw(parameters(finite=name in FINITE))
    search = Search(with_algorithm(with_parameters(space), name, **start_up(name)).build())
    search.tune(lambda values: float(len(str(values))), trials=data.draw(st.integers(0, 5)))
    search.run(search.name(search.ask(2)))
    running = [tuple(item.items()) for item in search.points if item]
    size = search_space(search.owner.spec.parameters).size
    batch = [tuple(pairs(item).items()) for item in search.ask(4).assignments]
    room = 4 if size is None else max(0, min(4, size - len(set(running))))
    assert len(set(batch)) >= min(room, len(batch))


@pytest.mark.parametrize("name", NAMES)
def test_points_that_are_running_or_pending_are_not_suggested_again(name: str) -> None:
    search = Search(small(name, **start_up(name)).build())
    search.tune(objective, trials=12, parallel=3)
    search.run(search.name(search.ask(3)))
    pending = search.name(search.ask(3))
    fresh = [pairs(item) for item in search.ask(4, pending).assignments]
    # One that must know how earlier points turned out gives fewer: it is asked again when a trial ends.
    assert len(fresh) == 4 or required_settings(name).settings
    busy = [*search.points[-3:], *map(pairs, pending)]
    assert not [point for point in fresh if point in busy]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_answers_come_from_an_engine_that_lost_its_cache_before_every_question(name: str) -> None:
    kept = Search(small(name, random_state=3, **start_up(name)).build())
    lost = Search(kept.owner)
    for batch in (1, 4, 2, 3, 1, 1, 5, 2):
        for search in (kept, lost):
            lost.engine = Engine()
            search.run(search.name(search.ask(batch)))
            for position, item in enumerate(search.trials):
                # Some of them end: the rest keeps running over the next questions, and every fifth one fails.
                if "Running" in str(item.status.conditions[-1].type) and position % 3 != 2:
                    search.end(position, None if position % 5 == 4 else objective(item.spec.assignments))
    assert kept.points == lost.points


@pytest.mark.parametrize("name", NAMES)
def test_asking_the_same_question_twice_gives_the_same_answer(name: str) -> None:
    search = Search(small(name, **start_up(name)).build())
    search.tune(objective, trials=8, parallel=2)
    assert search.ask(3) == search.ask(3)


@pytest.mark.parametrize("name", NAMES)
def test_a_random_state_decides_whatever_the_experiment_is_called(name: str) -> None:
    one, other = (Search(small(name, random_state=5).uid(uid).build()) for uid in ("a", "b"))
    assert one.tune(objective, 12, 2) == other.tune(objective, 12, 2)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"grid"}))
def test_without_a_random_state_the_uid_decides(name: str) -> None:
    one, again, other = (Search(small(name).uid(uid).build()).tune(objective, 6) for uid in ("a", "a", "b"))
    assert one == again
    assert one != other


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("name", HEURISTIC)
def test_it_finds_better_points_than_chance_in_both_directions(name: str, direction: str) -> None:
    sign = 1.0 if direction == "minimize" else -1.0

    def best(algorithm: str, seed: int) -> float:
        built = experiment().objective("loss", direction).double("x", -5, 5).double("y", 1e-5, 1, None, "logUniform")
        owner = with_algorithm(built.int("n", 0, 30), algorithm, random_state=seed).build()

        def loss(values: dict[str, str]) -> float:
            distance = (float(values["x"]) - 1) ** 2 + (float(values["y"]) - 0.01) ** 2 * 1e3
            return sign * (distance + abs(int(values["n"]) - 20) / 5)

        return min(sign * loss(values) for values in Search(owner).tune(loss, 60, 2))

    seeds = range(3)
    assert sum(best(name, seed) for seed in seeds) < 0.5 * sum(best("random", seed) for seed in seeds)


@pytest.mark.parametrize("name", NAMES)
def test_trials_whose_values_are_not_in_the_space_are_left_out(name: str) -> None:
    search = Search(small(name, **start_up(name)).build())
    search.tune(objective, trials=4)
    stranger = search.trials[0].spec.parameter_assignments[0].but(value="1000000")
    foreign = search.trials[0].but(spec=search.trials[0].spec.but(parameter_assignments=[stranger]))
    search.trials.append(foreign)
    assert len(search.ask(2).assignments) == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_finished_int_that_reads_5_point_0_counts_as_5(name: str) -> None:
    plain, dotted = (Search(small(name, random_state=1, **start_up(name)).build()) for _ in range(2))
    for search in (plain, dotted):
        search.tune(objective, trials=6)
    for position, item in enumerate(dotted.trials):
        values = [
            pair.but(value=f"{pair.value}.0") if pair.name == "x" else pair for pair in item.spec.parameter_assignments
        ]
        dotted.trials[position] = item.but(spec=item.spec.but(parameter_assignments=values))
    assert plain.ask(3) == dotted.ask(3)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_asked_is_nothing_answered(name: str) -> None:
    owner = small(name).build()
    assert not Engine().ask(Question(experiment=owner, trials=(), index=0, count=0)).assignments


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_explained(name: str) -> None:
    for setting in ALGORITHMS[name].settings:
        assert len(setting.help) > 15
        assert setting.default is None or setting.read(str(setting.default)) == setting.default


@pytest.mark.parametrize("name", NAMES)
def test_each_invalid_setting_is_refused_with_its_field(name: str) -> None:
    for setting in ALGORITHMS[name].settings:
        for value in wrong_values(setting):
            given = {**start_up(name), setting.name: value}
            owner = small(name, **given).build()
            position = [item.name for item in owner.spec.algorithm.algorithm_settings].index(setting.name)
            fields = [error.field for error in Engine().validate(owner)]
            assert f"spec.algorithm.algorithmSettings[{position}].value" in fields, (setting.name, value)


def wrong_values(setting: Setting) -> list[str]:
    if setting.written:
        return []
    below, above = (str(limit) for limit in (setting.low - 1, setting.high + 1))
    bounds = [text for text, limit in ((below, setting.low), (above, setting.high)) if math.isfinite(limit)]
    return [""] if setting.type == "text" else ["nonsense", "", "nan", *bounds]


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_that_must_be_there_or_is_unknown_is_told(name: str) -> None:
    errors = Engine().validate(experiment().int("x", 0, 20).algorithm(name, colour="red").build())
    told = " ".join(map(str, errors))
    assert "spec.algorithm.algorithmSettings[0].name" in told
    assert all(item in told for item in required_settings(name).settings)


@pytest.mark.parametrize("name", NAMES)
def test_two_experiments_of_one_name_in_two_namespaces_never_meet(name: str) -> None:
    def search(namespace: str, engine: Engine) -> Search:
        built = small(name, **start_up(name)).namespace(namespace).uid("")
        return Search(built.build(), engine)

    shared = Engine()
    together = {namespace: search(namespace, shared) for namespace in ("a", "b")}
    for step in range(1, 5):
        for sign, tuned in zip((1, -1), together.values(), strict=True):
            tuned.tune(lambda values, sign=sign: sign * objective(values), 3 * step, 3)
    for sign, (namespace, tuned) in zip((1, -1), together.items(), strict=True):
        alone = search(namespace, Engine())
        for step in range(1, 5):
            alone.tune(lambda values, sign=sign: sign * objective(values), 3 * step, 3)
        assert tuned.points == alone.points
