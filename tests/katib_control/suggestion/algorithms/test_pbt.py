"""Population-based training: who copies whom, who goes on, and that it does not matter what happens in between."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from builders import ExperimentBuilder, experiment, trial
from katib_control.api.names import GENERATION_LABEL, MEMBER_LABEL, PARENT_LABEL
from katib_control.api.trial import Trial
from katib_control.suggestion.engine import Engine
from searching import Search, pairs

Values = dict[str, str]
ASKED = {"n_population": 6, "truncation_threshold": 0.34, "suggestion_trial_dir": "/opt/checkpoints", "random_state": 1}


def built(**options: Any) -> ExperimentBuilder:
    space = experiment().objective("loss", "minimize").double("lr", 1e-4, 1, None, "logUniform").int("units", 1, 64)
    return space.algorithm("pbt", **{**ASKED, **options})


def loss(values: Values) -> float:
    return abs(float(values["lr"]) - 0.1) + abs(int(values["units"]) - 20)


def search(**options: Any) -> Search:
    return Search(built(**options).build())


def played(trials: int, parallel: int = 6, function: Callable[[Values], float | None] = loss, **options: Any) -> Search:
    found = search(**options)
    found.tune(function, trials, parallel)
    return found


def label(item: Trial, name: str) -> str:
    return item.spec.labels.get(name, "")


def generation(found: Search, number: int) -> list[Trial]:
    members = [item for item in found.trials if label(item, GENERATION_LABEL) == str(number)]
    return sorted(members, key=lambda item: int(label(item, MEMBER_LABEL)))


def by_name(found: Search) -> dict[str, Trial]:
    return {item.metadata.name: item for item in found.trials}


def tree(found: Search) -> dict[tuple[str, str], tuple[str, Values]]:
    """What became of each member, whatever the names: its parent's member, and its parameters."""
    named = by_name(found)
    return {
        (label(item, GENERATION_LABEL), label(item, MEMBER_LABEL)): (
            label(named[parent], MEMBER_LABEL) if (parent := label(item, PARENT_LABEL)) else "",
            item.spec.assignments,
        )
        for item in found.trials
    }


def test_generation_0_has_as_many_distinct_points_as_the_population_has_members() -> None:
    found = played(6)
    assert [item.spec.labels for item in found.trials] == [
        {GENERATION_LABEL: "0", MEMBER_LABEL: str(member)} for member in range(6)
    ]
    assert len({tuple(item.items()) for item in found.points}) == 6


def test_every_trial_of_a_later_generation_has_one_parent_in_the_generation_before() -> None:
    found = played(30)
    named = by_name(found)
    for number in range(1, 5):
        for item in generation(found, number):
            assert label(named[label(item, PARENT_LABEL)], GENERATION_LABEL) == str(number - 1)


def test_the_worst_third_copies_one_of_the_best_and_all_others_go_on_by_themselves() -> None:
    found = played(12)
    first, second = generation(found, 0), generation(found, 1)
    ranked = [item.metadata.name for item in sorted(first, key=lambda item: loss(item.spec.assignments))]
    for before, after in zip(first, second, strict=True):
        parent = label(after, PARENT_LABEL)
        if before.metadata.name in ranked[-2:]:
            assert parent in ranked[:2]
        else:
            assert (parent, after.spec.assignments) == (before.metadata.name, before.spec.assignments)


def test_who_copies_has_the_parameters_of_the_winner_times_four_or_six_fifths() -> None:
    found = played(30)
    named, copies = by_name(found), 0
    for item in found.trials[6:]:
        before, after = named[label(item, PARENT_LABEL)].spec.assignments, item.spec.assignments
        if before != after:
            copies += 1
            factor = float(after["lr"]) / float(before["lr"])
            assert factor == pytest.approx(0.8) or factor == pytest.approx(1.2) or float(after["lr"]) in (1e-4, 1)
            assert int(after["units"]) != int(before["units"]) or int(after["units"]) in (1, 64)
    assert copies == 2 * 4


@pytest.mark.parametrize("parallel", [1, 4, 6, 25])
def test_it_goes_on_with_fewer_and_with_more_trials_at_a_time_than_members(parallel: int) -> None:
    found = played(60, parallel)
    assert len(found.trials) == 60
    assert all(len(generation(found, number)) == 6 for number in range(9))


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.2, 0.5, 0.8, 1.0])
def test_ints_stay_ints_and_inside_for_twenty_generations(threshold: float) -> None:
    owner = experiment().int("n", 1, 9).int("m", -20, 20, 3).double("x", 0, 1, "0.05")
    found = Search(owner.algorithm("pbt", **{**ASKED, "truncation_threshold": threshold}).build())
    rng = random.Random(1)
    found.tune(lambda _: rng.random(), 6 * 21, 4)
    assert {label(item, GENERATION_LABEL) for item in found.trials} >= {str(number) for number in range(20)}
    for values in found.points:
        assert values["n"] in map(str, range(1, 10))
        assert values["m"] in map(str, range(-20, 21, 3))
        assert values["x"] in [repr(step * 5 / 100) for step in range(21)]


def test_who_is_certain_not_to_be_among_the_worst_goes_on_before_the_others_have_ended() -> None:
    found = search()
    found.run(found.name(found.ask(6)))
    assert not found.ask(6).assignments, "nobody has ended"
    for position, value in enumerate((5.0, 3.0, 4.0)):
        found.end(position, value)
    answer = found.ask(6).assignments
    assert [item.labels[MEMBER_LABEL] for item in answer] == ["1"], "two of the three are worse"


def test_it_does_not_matter_in_which_order_trials_end() -> None:
    def shuffled(seed: int) -> Search:
        found, rng = search(), random.Random(seed)
        while found.index < 48:
            found.run(found.name(found.ask(rng.randint(1, 6))))
            running = [place for place, item in enumerate(found.trials) if item.status.completion_time is None]
            for place in rng.sample(running, rng.randint(1, len(running))):
                found.end(place, loss(found.trials[place].spec.assignments))
        return found

    one, other = tree(shuffled(1)), tree(shuffled(2))
    common = one.keys() & other.keys()
    assert len(common) > 40
    assert {key: one[key] for key in common} == {key: other[key] for key in common}


def test_a_failed_member_is_tried_once_more_with_the_same_parameters_and_parent() -> None:
    found = played(12)
    broken = Counter[str]()

    def once(values: Values) -> float | None:
        broken["all"] += 1
        return None if broken["all"] == 1 else loss(values)

    found.tune(once, 19)
    failed = next(item for item in found.trials if item.status.conditions[-1].type == "Failed")
    again = [item for item in found.trials if item.spec.labels == failed.spec.labels]
    assert len(again) == 2
    assert again[0].spec.assignments == again[1].spec.assignments
    assert label(again[1], PARENT_LABEL)
    assert len(generation(found, 2)) == 7


def test_a_member_that_fails_twice_copies_a_winner() -> None:
    found = search()
    found.run(found.name(found.ask(6)))
    for position in range(6):
        # The fifth would have been the best.
        found.end(position, None if position == 4 else float(position))
    found.run(found.name(found.ask(1)))
    assert found.trials[6].spec.labels == found.trials[4].spec.labels
    found.end(6, None)
    found.run(found.name(found.ask(6)))
    parents = {label(item, MEMBER_LABEL): label(item, PARENT_LABEL) for item in generation(found, 1)}
    best = {item.metadata.name for item in found.trials[:2]}
    assert {parents["4"], parents["5"]} <= best
    assert parents["3"] == found.trials[3].metadata.name


def test_a_generation_that_nobody_survives_is_made_once_more() -> None:
    found = played(18)
    copied = {label(item, PARENT_LABEL) for item in generation(found, 2)}
    found.tune(lambda _: None, 18 + 12)
    assert {label(item, GENERATION_LABEL) for item in found.trials[18:]} == {"3"}
    found.tune(loss, 30 + 12)
    fresh = found.trials[30:36]
    assert {label(item, GENERATION_LABEL) for item in fresh} == {"3"}
    assert not {label(item, MEMBER_LABEL) for item in fresh} & {str(member) for member in range(6)}
    assert {label(item, GENERATION_LABEL) for item in found.trials[36:]} == {"4"}
    assert copied


def test_when_nothing_ever_succeeds_fresh_points_are_drawn() -> None:
    found = played(36, function=lambda _: None)
    assert len({tuple(item.items()) for item in found.points}) == 18


def test_an_early_stopped_member_counts_with_what_it_reached() -> None:
    found = search()
    found.run(found.name(found.ask(6)))
    for position in range(6):
        found.end(position, float(position))
    old = found.trials[0]
    stopped = trial(old.metadata.name).of(found.owner).assign(**old.spec.assignments).spec(labels=old.spec.labels)
    found.trials[0] = stopped.early_stopped(loss=99).build()
    parents = {item.labels[MEMBER_LABEL]: item.labels[PARENT_LABEL] for item in found.ask(6).assignments}
    assert parents["0"] in {found.trials[1].metadata.name, found.trials[2].metadata.name}


@pytest.mark.parametrize(
    ("threshold", "copying", "copied"), [(0.0, 0, 0), (0.01, 1, 1), (0.5, 3, 3), (0.7, 4, 2), (1.0, 5, 1)]
)
def test_how_many_copy(threshold: float, copying: int, copied: int) -> None:
    found = played(6 * 20, function=loss, truncation_threshold=threshold)
    second = generation(found, 1)
    own = [
        item
        for item in second
        if label(item, PARENT_LABEL) == found.trials[int(label(item, MEMBER_LABEL))].metadata.name
    ]
    assert len(second) - len(own) == copying
    ranked = sorted(generation(found, 0), key=lambda item: loss(item.spec.assignments))
    best = {item.metadata.name for item in ranked[:copied]}
    assert {label(item, PARENT_LABEL) for item in second if item not in own} <= best


def test_resampling_draws_some_parameters_anew_and_keeps_the_others() -> None:
    found = played(6 * 40, resample_probability=0.5)
    named = by_name(found)
    kept = Counter[tuple[bool, bool]]()
    for item in found.trials[6:]:
        before, after = named[label(item, PARENT_LABEL)].spec.assignments, item.spec.assignments
        if before != after:
            kept[before["lr"] == after["lr"], before["units"] == after["units"]] += 1
    assert kept[True, True] == 0
    assert all(kept[case] > 5 for case in [(True, False), (False, True), (False, False)])


def test_with_a_resample_probability_of_0_copies_are_exact() -> None:
    found = played(60, resample_probability=0)
    named = by_name(found)
    assert all(named[label(item, PARENT_LABEL)].spec.assignments == item.spec.assignments for item in found.trials[6:])


def test_copies_of_one_winner_differ_while_the_space_has_other_points() -> None:
    owner = experiment().int("n", 1, 40).algorithm("pbt", **{**ASKED, "n_population": 10, "truncation_threshold": 1})
    found = Search(owner.build())
    found.tune(lambda values: float(values["n"]), 100, 10)
    for number in range(10):
        assert len({item.spec.assignments["n"] for item in generation(found, number)}) == 10


def test_points_to_begin_with_open_generation_0() -> None:
    values = [{"lr": "0.5", "units": "3"}, {"lr": "0.25", "units": "4"}]
    points = [{"parameterAssignments": [{"name": key, "value": text} for key, text in item.items()]} for item in values]
    found = Search(built().spec(initialPoints=points).build())
    found.tune(loss, 12, 5)
    assert [item.spec.assignments for item in generation(found, 0)][:2] == values
    assert len(generation(found, 0)) == 6


def test_constraints_hold_in_every_generation() -> None:
    found = Search(built().spec(constraints=["lr * units <= 4"]).build())
    for values in found.tune(lambda values: -float(values["lr"]), 90, 6):
        assert float(values["lr"]) * int(values["units"]) <= 4


@pytest.mark.parametrize("left", [(), (GENERATION_LABEL, PARENT_LABEL)], ids=["all of them", "those that Katib lacks"])
def test_a_search_whose_labels_were_lost_goes_on_by_the_points(left: tuple[str, ...]) -> None:
    kept, lost = search(), search()
    for _ in range(40):
        for found in (kept, lost):
            found.run(found.name(found.ask(2)))
            if found is lost:
                for place, item in list(enumerate(found.trials))[-2:]:
                    labels = {key: value for key, value in item.spec.labels.items() if key in left}
                    found.trials[place] = item.but(spec=item.spec.but(labels=labels))
            for place in range(len(found.trials) - 2, len(found.trials)):
                found.end(place, loss(found.trials[place].spec.assignments))
    assert kept.points == lost.points


def test_trials_it_never_suggested_are_served() -> None:
    found = played(9)
    expected = [pairs(item) for item in found.ask(3).assignments]
    stranger = trial("by-hand").of(found.owner).assign(lr=0.5, units=7)
    found.trials += [stranger.running().build(), stranger.succeeded(loss=0).build(), stranger.killed().build()]
    found.trials.append(stranger.spec(labels={GENERATION_LABEL: "x", MEMBER_LABEL: "-1"}).succeeded(loss=0).build())
    found.trials.append(stranger.spec(labels={GENERATION_LABEL: "7", MEMBER_LABEL: "99"}).succeeded(loss=0).build())
    assert [pairs(item) for item in found.ask(3).assignments] == expected


def test_a_trial_that_somebody_has_deleted_is_run_again() -> None:
    found = played(30)
    gone = found.trials.pop(2)
    (answer,) = found.ask(1).assignments
    assert (pairs(answer), answer.labels) == (gone.spec.assignments, gone.spec.labels)
    found.run(found.name(found.ask(1)))
    found.end(len(found.trials) - 1, loss(gone.spec.assignments))
    assert {item.labels[GENERATION_LABEL] for item in found.ask(6).assignments} == {"5"}


def test_an_engine_that_lost_its_cache_answers_the_same_in_the_midst_of_failures() -> None:
    kept, lost, rng = search(), search(), random.Random(3)
    for _ in range(60):
        lost.engine = Engine()
        ends = rng.random()
        for found in (kept, lost):
            found.run(found.name(found.ask(3)))
            running = [place for place, item in enumerate(found.trials) if item.status.completion_time is None]
            place = running[int(ends * len(running))]
            found.end(place, None if ends < 0.3 else loss(found.trials[place].spec.assignments))
    assert kept.points == lost.points
    assert [item.spec.labels for item in kept.trials] == [item.spec.labels for item in lost.trials]


@pytest.mark.parametrize(
    ("options", "field", "word"),
    [
        pytest.param({"n_population": 4}, "[0].value", "at least 5", id="few members"),
        pytest.param({"truncation_threshold": 1.1}, "[1].value", "at most 1", id="more than all"),
        pytest.param({"resample_probability": -1}, "[4].value", "at least 0", id="a chance below 0"),
        pytest.param({"suggestion_trial_dir": "data"}, "[2].value", "absolute", id="a relative path"),
        pytest.param({"suggestion_trial_dir": "/a/../b"}, "[2].value", "absolute", id="a path that goes up"),
        pytest.param({"suggestion_trial_dir": "/"}, "[2].value", "absolute", id="the root"),
        pytest.param({"suggestion_trial_dir": "://x"}, "[2].value", "URI", id="a URI without a scheme"),
        pytest.param({"n_poulation": 7}, "[4].name", "did you mean n_pop", id="a slip of the pen"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_field(options: dict[str, Any], field: str, word: str) -> None:
    (error,) = Engine().validate(built(**options).build())
    assert error.field == f"spec.algorithm.algorithmSettings{field}"
    assert word in error.rule


@pytest.mark.parametrize("place", ["/opt/checkpoints/", "s3://bucket/prefix", "file:///tmp/x", "gs://b"])
def test_a_directory_or_a_uri_is_accepted(place: str) -> None:
    assert not Engine().validate(built(suggestion_trial_dir=place).build())


def test_what_is_required_is_asked_for_by_name() -> None:
    errors = Engine().validate(experiment().algorithm("pbt").build())
    told = " ".join(error.rule for error in errors)
    assert all(name in told for name in ("suggestion_trial_dir", "n_population", "truncation_threshold"))


def test_more_points_to_begin_with_than_members_are_refused() -> None:
    point = {"parameterAssignments": [{"name": "lr", "value": "0.5"}]}
    (error,) = Engine().validate(built().spec(initialPoints=[point] * 7).build())
    assert (error.field, "n_population" in error.rule) == ("spec.initialPoints", True)


def test_several_objectives_are_refused_by_name() -> None:
    several = {
        "type": "minimize", "objectiveMetricName": "loss",
        "additionalObjectives": [{"type": "maximize", "objectiveMetricName": "gain"}],
    }  # fmt: skip
    (error,) = Engine().validate(built().spec(objective=several).build())
    assert error.field == "spec.objective.additionalObjectives"
    assert "pbt" in error.rule


def test_a_run_object_that_cannot_carry_a_checkpoint_is_refused() -> None:
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "spec": {"lr": "${trialParameters.lr}"}}
    (error,) = Engine().validate(built().template(thing).build())
    assert error.field == "spec.trialTemplate.trialSpec"
    assert "Thing" in error.rule
