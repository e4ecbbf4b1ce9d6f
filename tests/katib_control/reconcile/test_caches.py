"""What the reconcilers know of the cluster."""

from __future__ import annotations

from builders import experiment, trial
from katib_control.reconcile.caches import Rollups, decode_experiment


def test_an_experiment_is_known_with_its_defaults() -> None:
    known = decode_experiment(experiment("x").to_dict())
    assert known.experiment.spec.parallel_trial_count == 3
    assert known.errors == ()


def test_an_experiment_of_wrong_types_is_known_with_its_errors() -> None:
    """Without a webhook anything can be stored: it must not vanish without a word."""
    body = experiment("x").spec(parallelTrialCount="many").to_dict()
    body["spec"]["parameters"] = 7
    known = decode_experiment(body)
    assert known.experiment.metadata.name == "x"
    assert sorted(error.field for error in known.errors) == ["spec.parallelTrialCount", "spec.parameters"]


def test_same_named_experiments_have_roll_ups_of_their_own() -> None:
    """Histories of two namespaces mixed: W-16."""
    rollups = Rollups()
    here, there = experiment("x").uid("a").build(), experiment("x").uid("b").namespace("other").build()
    rollups.change(None, trial("x-1").of(here).index(0).build())
    rollups.change(None, trial("x-1").of(there).index(0).build())
    assert [rollups.of(uid).summary().total for uid in ("a", "b", "c")] == [1, 1, 0]


def test_trials_belong_by_owner_not_by_labels() -> None:
    """Editing labels hides old trials: W-17."""
    rollups = Rollups()
    owner = experiment("x").build()
    rollups.change(None, trial("x-1").of(owner).index(0).metadata(labels={}).build())
    assert rollups.of(owner.metadata.uid).summary().total == 1


def test_a_roll_up_without_trials_is_dropped() -> None:
    rollups = Rollups()
    item = trial("x-1").of(experiment("x").uid("a").build()).index(0).build()
    rollups.change(None, item)
    rollups.change(item, None)
    assert rollups.of("a") is rollups.of("nobody")
