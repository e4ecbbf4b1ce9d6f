"""TPE: its settings reach Optuna, its start is random search, and Optuna's own state is left alone."""

from __future__ import annotations

import logging
import math
import random

import optuna
import pytest

from builders import experiment, trial
from katib_control.api.errors import InvalidObject
from katib_control.suggestion.algorithms.tpe import good_trials
from katib_control.suggestion.models.parzen import SHOWN
from katib_control.suggestion.space import search_space
from searching import Search, pairs


def loss(values: dict[str, str]) -> float:
    return (float(values["x"]) - 0.7) ** 2 + abs(math.log10(float(values["y"])) + 2)


def search(distribution: str = "logUniform", algorithm: str = "tpe", **options: object) -> Search:
    built = experiment().double("x", -3, 3).double("y", 1e-4, 1, None, distribution)
    return Search(built.algorithm(algorithm, **{"random_state": 1, **options}).build())


def at_random() -> Search:
    return search(algorithm="random")


def test_it_starts_as_random_search() -> None:
    chance = at_random()
    assert search().tune(loss, 10, 2) == chance.tune(loss, 10, 2)


def test_after_the_start_it_goes_by_the_trials() -> None:
    chance = at_random()
    assert search().tune(loss, 12, 2)[10:] != chance.tune(loss, 12, 2)[10:]


def test_failed_trials_do_not_count_as_start() -> None:
    one = search(n_startup_trials=3)
    one.tune(lambda _: None, 6)
    chance = at_random()
    chance.tune(loss, 6)
    assert one.ask().assignments == chance.ask().assignments


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"gamma": 0.9}, id="gamma"),
        pytest.param({"prior_weight": 20}, id="prior_weight"),
        pytest.param({"n_ei_candidates": 2}, id="n_ei_candidates"),
        pytest.param({"n_EI_candidates": 2}, id="n_EI_candidates, as hyperopt spells it"),
        pytest.param({"n_startup_trials": 4}, id="n_startup_trials"),
        pytest.param({"random_state": 2}, id="random_state"),
    ],
)
def test_a_setting_changes_the_points(options: dict[str, object]) -> None:
    # The same start, then the model: 10 random points, unless the setting says otherwise.
    assert search(**options).tune(loss, 16) != search().tune(loss, 16)


def test_both_spellings_of_candidates_mean_the_same() -> None:
    assert search(n_ei_candidates=5).tune(loss, 14) == search(n_EI_candidates=5).tune(loss, 14)


def test_gamma_is_hyperopts_share_of_good_trials() -> None:
    assert [good_trials(0.25, count) for count in (1, 16, 100, 1_000_000)] == [1, 1, 3, 25]


def test_without_gamma_a_fifth_of_the_trials_is_good() -> None:
    assert [good_trials(None, count) for count in (1, 16, 100, 1_000_000)] == [1, 4, 20, 25]


def test_multivariate_tpe_is_the_same_search_with_the_settings_of_katibs_other_service() -> None:
    one, other = search(n_ei_candidates=12), search(algorithm="multivariate-tpe", n_ei_candidates=12)
    assert one.tune(loss, 16, 2) == other.tune(loss, 16, 2)
    with pytest.raises(InvalidObject, match="no such setting"):
        search(algorithm="multivariate-tpe", gamma=0.5).ask()


def test_while_all_trials_are_alike_it_stays_random() -> None:
    chance = at_random()
    assert search().tune(lambda _: 1.0, 14, 2) == chance.tune(lambda _: 1.0, 14, 2)


def test_a_failed_point_is_not_tried_again() -> None:
    built = experiment().int("n", 1, 12).categorical("c", "a", "b").algorithm("tpe", random_state=1, n_startup_trials=2)
    one = Search(built.build())
    points = one.tune(lambda values: None if int(values["n"]) % 2 else float(values["n"]), 20, 2)
    assert len({tuple(item.items()) for item in points}) == 20


def test_points_keep_the_constraints_and_still_get_better() -> None:
    built = experiment().double("x", 0, 1).double("y", 0, 1).spec(constraints=["x + y <= 0.5"])
    one = Search(built.algorithm("tpe", random_state=1).build())
    points = one.tune(lambda values: -float(values["x"]), 50, 4)
    assert all(float(item["x"]) + float(item["y"]) <= 0.5 for item in points)
    assert max(float(item["x"]) for item in points) > 0.48


def test_of_a_long_history_the_answer_is_the_same_with_and_without_a_cache() -> None:
    rng = random.Random(1)
    kept = search()
    space = search_space(kept.owner.spec.parameters)
    for place in range(SHOWN + 150):
        values = dict(zip("xy", space.point([rng.random(), rng.random()]), strict=True))
        body = trial(f"x-{place}").of(kept.owner).assign(**values)
        kept.trials.append((body.running() if place % 97 == 5 else body.succeeded(loss=loss(values))).build())
    kept.index = len(kept.trials)
    for position in (*range(5, SHOWN, 97), None):
        answer = kept.ask(2)
        fresh = Search(kept.owner)
        fresh.trials, fresh.index = list(kept.trials), kept.index
        assert answer == fresh.ask(2)
        if position is not None:
            kept.end(position, loss(kept.trials[position].spec.assignments))


def several(values: dict[str, str]) -> dict[str, float]:
    """Two objectives that pull apart along y; x = 1 is best for both."""
    x, y = float(values["x"]), float(values["y"])
    return {"loss": (x - 1) ** 2 + y, "score": y - (x - 1) ** 2}


def front(algorithm: str, share_without: float = 0.0) -> Search:
    objective = {"type": "minimize", "objectiveMetricName": "loss",
                 "additionalObjectives": [{"type": "maximize", "objectiveMetricName": "score"}]}  # fmt: skip
    built = experiment().double("x", -3, 3).double("y", 0, 1).spec(objective=objective)
    found, rng = Search(built.algorithm(algorithm, random_state=3).build()), random.Random(5)
    while found.index < 60:
        found.run(found.name(found.ask(3)))
        for position in range(len(found.trials) - 3, len(found.trials)):
            values = found.trials[position].spec.assignments
            metrics = several(values)
            if rng.random() < share_without:
                del metrics["score"]
            body = trial(found.trials[position].metadata.name).of(found.owner).assign(**values)
            found.trials[position] = body.succeeded(**metrics).build()
    return found


@pytest.mark.parametrize("algorithm", ["tpe", "multivariate-tpe"])
def test_with_several_objectives_the_points_gather_along_the_front(algorithm: str) -> None:
    points = front(algorithm).points[-30:]
    assert sum(abs(float(item["x"]) - 1) < 0.5 for item in points) > 15
    assert len({round(float(item["y"]), 1) for item in points}) > 5


def test_a_trial_without_one_of_the_objectives_counts_as_failed() -> None:
    one, other = front("tpe", 1.0), front("random")
    assert one.points == other.points


@pytest.mark.parametrize("distribution", ["uniform", "logUniform", "normal", "logNormal"])
def test_every_distribution_is_searched(distribution: str) -> None:
    def far(values: dict[str, str]) -> float:
        y = float(values["y"])
        return (float(values["x"]) - 0.7) ** 2 + (abs(math.log10(y) + 2) if "log" in distribution else 4 * abs(y - 0.3))

    found = search(distribution)
    points = found.tune(far, 60, 3)
    assert min(map(far, points[10:])) < 0.5 * min(map(far, points[:10]))
    assert all(1e-4 <= float(point["y"]) <= 1 for point in points)


def test_running_trials_push_new_points_away() -> None:
    one = search()
    one.tune(loss, 30)
    batch = [pairs(item) for item in one.ask(8).assignments]
    spread = {round(float(point["x"]), 2) for point in batch}
    assert len(spread) > 4


def test_a_small_space_is_used_up_before_points_are_repeated() -> None:
    built = experiment().int("n", 1, 6).categorical("c", "a", "b").algorithm("tpe", random_state=1, n_startup_trials=3)
    one = Search(built.build())
    points = [tuple(item.values()) for item in one.tune(lambda values: float(values["n"]), 20, 2)]
    assert len(set(points[:12])) == 12
    assert len(points) == 20


def test_the_past_may_change_under_a_cached_model() -> None:
    one = search(n_startup_trials=2)
    one.tune(loss, 8)
    one.ask()
    one.trials = [*one.trials[:3], *one.trials[4:]]
    kept = one.ask(2)
    fresh = Search(one.owner)
    fresh.trials, fresh.index = one.trials, one.index
    assert kept == fresh.ask(2)


def test_the_users_own_optuna_keeps_its_settings_and_its_log(caplog: pytest.LogCaptureFixture) -> None:
    found = optuna.logging.get_verbosity()  # others in this process may have made it quiet
    optuna.logging.set_verbosity(optuna.logging.INFO)
    logger = logging.getLogger("optuna")
    before = list(logger.handlers), logger.propagate
    optuna.logging.enable_propagation()
    try:
        with caplog.at_level(logging.INFO):
            search(n_startup_trials=1).tune(loss, 4)
            assert [record.getMessage() for record in caplog.records if record.name.startswith("optuna")] == []
            optuna.create_study()
        assert {record.name for record in caplog.records} == {"optuna.storages._in_memory"}
        assert (optuna.logging.get_verbosity(), logger.handlers) == (optuna.logging.INFO, before[0])
    finally:
        logger.propagate = before[1]
        optuna.logging.set_verbosity(found)
