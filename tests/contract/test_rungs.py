"""Searches in rungs, run as the controllers run them: several trials at a time, failures, restarts. None may hang."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import ExperimentBuilder, experiment, trial
from katib_control.api.experiment import Experiment
from katib_control.api.trial import Trial
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.schedules.brackets import Brackets, ladder
from searching import Search, pairs

SYNCHRONOUS = ["hyperband", "bohb"]
NAMES = [*SYNCHRONOUS, "asha"]
ENDINGS = ["failed", "killed", "metrics_unavailable", "early_stopped"]


def owner(name: str, r_l: int = 9, **options: Any) -> ExperimentBuilder:
    built = experiment().double("x", 0, 1).categorical("c", "a", "b").int("epochs", 1, r_l)
    return built.algorithm(name, **{"r_l": r_l, "resource_name": "epochs", "random_state": 1, **options})


def loss(values: dict[str, str]) -> float:
    return abs(float(values["x"]) - 0.3) + (values["c"] == "b") / 4 + 1 / float(values["epochs"])


@dataclass
class Cluster:
    """Keeps ``parallel`` trials running; the one that ends next, and how, is up to ``rng``."""

    owner: Experiment
    parallel: int
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    failing: float = 0.0
    forgetful: bool = False
    judge: Callable[[dict[str, str]], float] = loss

    def run(self, most: int = 5000) -> Search:
        """Run until the search is exhausted, or so many trials were made."""
        search, running = Search(self.owner), []
        while True:
            if self.forgetful:
                search.engine = Engine()
            wanted = min(self.parallel - len(running), most - search.index)
            start = len(search.trials)
            answer = search.ask(wanted)
            search.run(search.name(answer))
            running += range(start, len(search.trials))
            if not running:
                assert answer.exhausted or wanted == 0, "nothing runs, nothing is suggested, and there is no end"
                return search
            assert not (answer.exhausted and answer.assignments)
            self.end(search, running.pop(self.rng.randrange(len(running))))

    def end(self, search: Search, position: int) -> None:
        old = search.trials[position]
        body = trial(old.metadata.name).of(self.owner).assign(**old.spec.assignments).spec(labels=old.spec.labels)
        value = self.judge(old.spec.assignments)
        ending = self.rng.choice(ENDINGS) if self.rng.random() < self.failing else "succeeded"
        metrics = {"loss": value} if ending in ("succeeded", "early_stopped") else {}
        search.trials[position] = getattr(body, ending)(**metrics).build()


def seat(item: Trial) -> tuple[int, int, int]:
    """Bracket, rung and configuration."""
    values = {key.rsplit("/")[-1]: int(value) for key, value in item.spec.labels.items()}
    return values["bracket"], values["rung"], values["config"]


def configuration(item: Trial) -> tuple[str, str]:
    values = item.spec.assignments
    return values["x"], values["c"]


def value(item: Trial) -> float | None:
    """What the trial is worth: none where it failed, was killed or has no metrics."""
    return float(item.status.observation.metrics[0].latest) if item.status.observation else None


def shape(trials: Sequence[Trial]) -> dict[tuple[int, int], tuple[int, str]]:
    """How many trials each rung had, and with which budget."""
    counted = Counter((*seat(item)[:2], item.spec.assignments["epochs"]) for item in trials)
    return {(bracket, rung): (count, budget) for (bracket, rung, budget), count in counted.items()}


@pytest.mark.parametrize("name", SYNCHRONOUS)
@pytest.mark.parametrize("parallel", [1, 3, 9, 100])
@pytest.mark.parametrize("r_l", [81, 243])
def test_all_brackets_of_the_paper_run_however_many_trials_run_at_a_time(name: str, parallel: int, r_l: int) -> None:
    search = Cluster(owner(name, r_l).build(), parallel).run()
    steps = ladder(r_l, 3)
    assert shape(search.trials) == {
        (bracket, position): (rung.size, str(int(steps.budget(rung.level))))
        for bracket in range(steps.rungs)
        for position, rung in enumerate(Brackets(steps).rungs(bracket))
    }


@pytest.mark.parametrize("name", SYNCHRONOUS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_each_rung_gets_the_best_of_the_one_below_whatever_fails(name: str, data: st.DataObject) -> None:
    eta = data.draw(st.sampled_from([2, 2.5, 3, 4, 9]))
    r_l = data.draw(st.integers(1, 30))
    cluster = Cluster(
        owner(name, r_l, eta=eta).build(),
        parallel=data.draw(st.integers(1, 40)),
        rng=random.Random(data.draw(st.integers(0, 999))),
        failing=data.draw(st.sampled_from([0, 0.2, 0.7, 1])),
    )
    rungs: dict[tuple[int, int], dict[int, Trial]] = defaultdict(dict)
    for item in cluster.run().trials:
        bracket, rung, config = seat(item)
        assert config not in rungs[bracket, rung], "a configuration runs once in a rung"
        rungs[bracket, rung][config] = item
    brackets = Brackets(ladder(r_l, eta))
    for bracket in range(brackets.ladder.rungs):
        first, *others = brackets.rungs(bracket)
        assert len(rungs[bracket, 0]) == first.size
        assert len(set(map(configuration, rungs[bracket, 0].values()))) == first.size
        for position, rung in enumerate(others, 1):
            below, here = rungs[bracket, position - 1], rungs[bracket, position]
            values = sorted((got, config) for config, item in below.items() if (got := value(item)) is not None)
            assert sorted(here) == sorted(config for _, config in values[: rung.size])
            for config, item in here.items():
                assert configuration(item) == configuration(below[config])
                assert item.spec.assignments["epochs"] == str(int(brackets.ladder.budget(rung.level)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("parallel", [1, 3, 9, 100])
def test_an_engine_that_is_killed_before_every_question_finds_the_same(name: str, parallel: int) -> None:
    built = owner(name).max_trials(60).build()
    kept, killed = (
        Cluster(built, parallel, random.Random(7), failing=0.3, forgetful=forgetful).run(60)
        for forgetful in (False, True)
    )
    assert [item.spec for item in kept.trials] == [item.spec for item in killed.trials]
    assert len(kept.trials) > 20


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_small_spaces_are_used_up_and_no_point_runs_twice(name: str, data: st.DataObject) -> None:
    choices = data.draw(st.integers(1, 4))
    built = experiment().categorical("c", *"abcd"[:choices]).int("n", 1, data.draw(st.integers(1, 3)))
    built = built.int("epochs", 1, 9).max_trials(500)
    built = built.algorithm(name, r_l=9, resource_name="epochs", eta=data.draw(st.sampled_from([2, 3])))
    cluster = Cluster(
        built.build(),
        parallel=data.draw(st.integers(1, 12)),
        rng=random.Random(data.draw(st.integers(0, 99))),
        failing=data.draw(st.sampled_from([0, 0.3])),
        forgetful=data.draw(st.booleans()),
        judge=lambda values: math.sin(sum(map(ord, values["c"])) + int(values["n"])),
    )
    points = [tuple(point.items()) for point in cluster.run().points]
    assert len(points) == len(set(points))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 999), parallel=st.integers(1, 9))
def test_trials_whose_labels_were_lost_take_the_places_they_had(name: str, seed: int, parallel: int) -> None:
    labelled = Cluster(owner(name).build(), parallel, random.Random(seed)).run(20)
    bare = Search(labelled.owner)
    bare.index = labelled.index
    bare.trials = [item.but(spec=item.spec.but(labels={})) for item in labelled.trials]
    assert bare.ask(3) == labelled.ask(3)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_in_which_trials_are_listed_does_not_matter(name: str) -> None:
    search = Cluster(owner(name).build(), 4, random.Random(3)).run(18)
    shuffled = Search(search.owner)
    shuffled.index = search.index
    shuffled.trials = random.Random(1).sample(search.trials, len(search.trials))
    assert shuffled.ask(3) == search.ask(3)


@pytest.mark.parametrize("name", NAMES)
def test_points_that_are_not_trials_yet_have_their_places(name: str) -> None:
    search = Search(owner(name).build())
    pending = search.name(search.ask(4))
    fresh = search.ask(4, pending).assignments
    assert not {str(item.labels) for item in pending} & {str(item.labels) for item in fresh}
    assert search.ask(4, pending).assignments == fresh


@pytest.mark.parametrize("name", NAMES)
def test_a_trial_that_somebody_deleted_leaves_its_place_to_another_configuration(name: str) -> None:
    search = Search(owner(name).build())
    search.run(search.name(search.ask(5)))
    gone = search.trials.pop(2)
    again = search.ask(1).assignments[0]
    assert again.labels == gone.spec.labels
    assert pairs(again)["x"] not in [gone.spec.assignments["x"], *(point["x"] for point in search.points)]


@pytest.mark.parametrize("name", NAMES)
def test_a_trial_that_is_lost_again_and_again_does_not_stop_the_search(name: str) -> None:
    search, lost = Search(owner(name).max_trials(200).build()), set()
    for _ in range(60):
        search.run(search.name(search.ask(1)))
        point = search.points[-1]
        # Katib does not send trials without metrics: nothing is known of them but that they were counted.
        if point["c"] == "b":
            lost.add(point["x"])
            search.trials.pop()
        else:
            search.end(len(search.trials) - 1, loss(point))
    assert len(lost) > 5
    assert len(search.trials) > 10


@pytest.mark.parametrize("name", NAMES)
def test_a_trial_with_another_budget_is_no_member_of_a_rung(name: str) -> None:
    search = Search(owner(name).build())
    search.run(search.name(search.ask(2)))
    for position in range(2):
        search.end(position, 1.0)
    other = search.trials[0].spec.assignments | {"epochs": "7"}
    made = trial("by-hand").of(search.owner).assign(**other).spec(labels=search.trials[0].spec.labels)
    before = search.ask(3).assignments
    search.trials.append(made.succeeded(loss=-100.0).build())
    assert search.ask(3).assignments == before


@pytest.mark.parametrize("name", NAMES)
def test_initial_points_are_the_first_configurations_with_the_lowest_budget(name: str) -> None:
    pairs = [{"name": "x", "value": "0.25"}, {"name": "c", "value": "a"}]
    built = owner(name).spec(initialPoints=[{"parameterAssignments": pairs}, {"parameterAssignments": pairs[:1]}])
    cluster = Cluster(built.build(), 3, judge=lambda values: abs(float(values["x"]) - 0.25))
    search = cluster.run(22)
    first, second, third = search.trials[:3]
    assert first.spec.assignments == {"x": "0.25", "c": "a", "epochs": "1"}
    assert second.spec.assignments["x"] == "0.25"
    assert third.spec.assignments["x"] != "0.25"
    assert [seat(item) for item in (first, second, third)] == [(0, 0, 0), (0, 0, 1), (0, 0, 2)]
    # They are the best there are, and so they are promoted.
    assert any(item.spec.assignments["x"] == "0.25" and seat(item)[1] for item in search.trials)


@pytest.mark.parametrize("name", NAMES)
def test_constraints_between_the_other_parameters_are_kept(name: str) -> None:
    built = experiment().double("x", 0, 1).double("y", 0, 1).int("epochs", 1, 9).spec(constraints=["x + y <= 0.5"])
    search = Cluster(
        built.algorithm(name, r_l=9, resource_name="epochs").build(), 3, judge=lambda values: float(values["x"])
    ).run(40)
    assert all(float(point["x"]) + float(point["y"]) <= 0.5 for point in search.points)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_resource_spent_is_worth_more_than_in_random_search(name: str) -> None:
    def far(values: dict[str, str]) -> float:
        return sum((float(values[axis]) - 0.3) ** 2 for axis in "xyz")

    def curve(values: dict[str, str]) -> float:
        return far(values) + 0.2 / float(values["epochs"])

    def best(algorithm: str, seed: int) -> float:
        built = experiment().double("x", 0, 1).double("y", 0, 1).double("z", 0, 1)
        if algorithm == "random":
            # One iteration of Hyperband costs as much as 13 trainings with all 27 epochs.
            search = Search(built.algorithm("random", random_state=seed).build())
            return min(map(far, search.tune(far, 16)))
        built = built.int("epochs", 1, 27).algorithm(algorithm, r_l=27, resource_name="epochs", random_state=seed)
        search, spent = Search(built.build()), 0
        while spent < 16 * 27 and not (answer := search.ask(1)).exhausted:
            search.run(search.name(answer))
            spent += int(search.points[-1]["epochs"])
            search.end(len(search.trials) - 1, curve(search.points[-1]))
        return min(map(far, search.points))

    seeds = range(8)
    assert sum(best(name, seed) for seed in seeds) < 0.7 * sum(best("random", seed) for seed in seeds)
