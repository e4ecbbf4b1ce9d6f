"""The Pareto front in an Experiment's status."""

from __future__ import annotations

from builders import experiment, trial
from katib_control.reconcile.experiment_status import status_of
from katib_control.reconcile.rollup import Rollup

OWNER = (
    experiment("x")
    .double("lr", 0, 1)
    .spec(
        objective={
            "type": "maximize",
            "objectiveMetricName": "accuracy",
            "additionalObjectives": [{"type": "minimize", "objectiveMetricName": "seconds"}],
        }
    )
)
RESULTS = {0: (0.9, 30), 1: (0.8, 10), 2: (0.7, 20), 3: (0.95, 90), 4: (0.95, 80)}


def rollup(results=RESULTS, owner=OWNER):
    found = Rollup()
    for index, (accuracy, seconds) in results.items():
        made = trial(f"x-{index}").of(owner.build()).index(index).assign(lr=index / 10)
        found.apply(None, made.succeeded(accuracy=accuracy, seconds=seconds).build())
    return found


def front(owner, summary):
    return [item.best_trial_name for item in status_of(owner.build(), summary).pareto_front or ()]


def test_the_front_has_what_no_other_trial_betters_best_in_the_first_objective_first():
    assert front(OWNER, rollup().summary()) == ["x-4", "x-0", "x-1"]


def test_a_member_carries_its_parameters_and_metrics():
    first = status_of(OWNER.build(), rollup().summary()).pareto_front[0].to_dict()
    assert first["parameterAssignments"] == [{"name": "lr", "value": "0.4"}]
    assert [item["name"] for item in first["observation"]["metrics"]] == ["accuracy", "seconds"]


def test_a_trial_without_one_of_the_values_is_not_in_it_and_a_removed_one_makes_room():
    found = rollup()
    bare = trial("x-9").of(OWNER.build()).index(9).succeeded(accuracy=0.99).build()
    found.apply(None, bare)
    best = found.summary().front[0]
    assert best.metadata.name == "x-4"
    found.apply(best, None)
    assert front(OWNER, found.summary()) == ["x-3", "x-0", "x-1"]


def test_with_one_objective_there_is_no_front():
    owner = experiment("x").double("lr", 0, 1).objective("accuracy", "maximize")
    status = status_of(owner.build(), rollup(owner=owner).summary())
    assert "paretoFront" not in status.to_dict()


def test_the_front_of_a_finished_experiment_stays_on_record_when_its_trials_are_deleted():
    ended = OWNER.condition("Succeeded").status(
        paretoFront=[item.to_dict() for item in status_of(OWNER.build(), rollup().summary()).pareto_front]
    )
    assert front(ended.condition("Succeeded"), rollup({2: (0.7, 20)}).summary()) == ["x-4", "x-0", "x-1"]
    assert front(ended.condition("Succeeded"), rollup({7: (0.96, 5)}).summary()) == ["x-7"]
