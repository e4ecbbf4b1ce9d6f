"""Hyperband: what is served when, how long it goes on, and what it writes back. Its rungs: contract/test_rungs.py."""

from __future__ import annotations

import pytest

from builders import ExperimentBuilder, experiment
from katib_control.suggestion.engine import Engine
from searching import Search, pairs


def owner(**options: object) -> ExperimentBuilder:
    built = experiment().double("x", 0, 1).int("epochs", 1, 9)
    return built.algorithm("hyperband", **{"r_l": 9, "resource_name": "epochs", "random_state": 1, **options})


def loss(values: dict[str, str]) -> float:
    return float(values["x"]) + 1 / float(values["epochs"])


def epochs(search: Search, count: int) -> list[str]:
    return [pairs(item)["epochs"] for item in search.ask(count).assignments]


def test_a_rung_smaller_than_parallel_trial_count_leaves_room_for_the_next_brackets() -> None:
    search = Search(owner().build())
    assert epochs(search, 12) == ["1"] * 9 + ["3"] * 3
    assert epochs(search, 100) == ["1"] * 9 + ["3"] * 5 + ["9"] * 3, "then it waits for the rungs to end"


def test_a_rung_larger_than_parallel_trial_count_is_served_in_parts() -> None:
    search = Search(owner().build())
    search.tune(loss, 6, parallel=2)
    assert epochs(search, 4) == ["1", "1", "1", "3"], "the last one starts the next bracket"
    search.run(search.name(search.ask(3)))
    search.end(6, 0.5)
    assert epochs(search, 1) == ["3"]


def test_promoted_configurations_go_before_new_ones() -> None:
    search = Search(owner().build())
    search.tune(loss, 9, parallel=9)
    best = sorted(search.points, key=loss)[:3]
    served = [pairs(item) for item in search.ask(4).assignments]
    assert served[:3] == [{**point, "epochs": "3"} for point in best]
    assert served[3]["x"] not in [point["x"] for point in search.points]


def test_of_equal_losses_the_earlier_configuration_is_promoted() -> None:
    search = Search(owner().build())
    search.tune(lambda _: 1.0, 9, parallel=9)
    assert [pairs(item)["x"] for item in search.ask(3).assignments] == [point["x"] for point in search.points[:3]]


def test_a_rung_in_which_all_failed_ends_its_bracket() -> None:
    search = Search(owner().build())
    points = search.tune(lambda values: None if values["epochs"] == "1" else loss(values), 100, parallel=3)
    assert [point["epochs"] for point in points] == ["1"] * 9 + ["3"] * 5 + ["9"] + ["9"] * 3
    assert search.ask(1).exhausted


@pytest.mark.parametrize(("most", "made"), [(None, 22), (10, 22), (22, 22), (23, 44), (44, 44), (60, 66)])
def test_max_trial_count_asks_for_further_iterations(most: int | None, made: int) -> None:
    built = owner() if most is None else owner().max_trials(most)
    search = Search(built.build())
    assert len(search.tune(loss, 1000, parallel=4)) == made
    assert search.ask(1).exhausted
    assert len({point["x"] for point in search.points}) == made // 22 * (9 + 5 + 3), "iterations have new points"


def test_failed_rungs_do_not_end_the_search_before_max_trial_count() -> None:
    search = Search(owner().max_trials(60).build())
    assert len(search.tune(lambda _: None, 60, parallel=3)) == 60


def test_configurations_do_not_depend_on_how_many_trials_run_at_a_time() -> None:
    started = []
    for parallel in (1, 2, 9, 17):
        search = Search(owner().build())
        search.tune(loss, 100, parallel)
        started.append({point["x"] for point in search.points})
    assert started[0] == started[1] == started[2] == started[3]


def test_settings_are_written_back_as_katib_formats_them() -> None:
    search = Search(owner(eta=3).build())
    assert search.ask(4).settings == {
        "eta": "3.0", "s_max": "2", "r_l": "9.0", "b_l": "27.0", "n": "9", "r": "1.0", "current_s": "2",
        "current_i": "0", "resource_name": "epochs", "evaluating_trials": "4",
    }  # fmt: skip
    search.tune(loss, 9)
    middle = search.ask(2).settings
    assert [middle[name] for name in ("n", "r", "current_s", "current_i", "evaluating_trials")] == [
        "9", "1.0", "2", "1", "2",
    ]  # fmt: skip
    search.tune(loss, 15)
    second = search.ask(1).settings
    assert [second[name] for name in ("n", "r", "current_s", "current_i", "evaluating_trials")] == [
        "5", "3.0", "1", "0", "3",
    ]  # fmt: skip
    search.tune(loss, 100)
    last = search.ask(1).settings
    assert (last["current_s"], last["evaluating_trials"]) == ("-1", "0")


def test_what_was_written_back_changes_nothing() -> None:
    search = Search(owner().build())
    search.tune(loss, 11, parallel=2)
    plain = search.ask(3)
    search.owner = owner(**plain.settings | {"current_s": "0", "n": "1", "evaluating_trials": "7"}).build()
    assert search.ask(3) == plain


def test_katibs_own_example_is_accepted_and_runs() -> None:
    built = experiment("hyperband").objective("Validation-accuracy", "maximize", 0.99, ["Train-accuracy"])
    built = built.parallel(2).max_trials(2).max_failed(2).double("lr", "0.01", "0.03").int("num-layers", 2, 5)
    built = built.categorical("optimizer", "sgd", "adam", "ftrl").int("num-epochs", 1, 1)
    built = built.algorithm("hyperband", resource_name="num-epochs", eta=2, r_l=2)
    assert not Engine().validate(built.build())
    search = Search(built.build())
    assert [pairs(item)["num-epochs"] for item in search.ask(2).assignments] == ["1", "1"]
    search.run(search.name(search.ask(2)))
    assert pairs(search.ask(1).assignments[0])["num-epochs"] == "2", "the next bracket"


def test_a_trial_made_by_hand_is_known_and_its_configuration_not_drawn_again() -> None:
    search = Search(owner().build())
    search.run(search.name(search.ask(1)))
    search.end(0, 0.5)
    by_hand = search.trials[0].spec.but(labels={})
    other = Search(owner().build())
    other.trials = [search.trials[0].but(spec=by_hand)]
    other.index = 1
    assert search.trials[0].spec.assignments["x"] not in [pairs(item)["x"] for item in other.ask(8).assignments]
