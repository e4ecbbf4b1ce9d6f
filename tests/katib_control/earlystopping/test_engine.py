"""Judging report by report: what is read, what is kept, what a restart changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from builders import experiment
from katib_control.api.errors import InvalidObject
from katib_control.api.observation import MetricLog, TrialKey
from katib_control.earlystopping.engine import StoppingEngine
from katib_control.observations.store import ObservationStore
from racing import Race, owner_of


class Counting(ObservationStore):
    """Notes which logs are read, and how many reports of them."""

    def __init__(self) -> None:
        super().__init__()
        self.whole: Counter[str] = Counter()
        self.handed_out = 0

    def read(self, trial: TrialKey, metric: str | None = None) -> Sequence[MetricLog]:
        self.whole[trial.name] += 1
        return super().read(trial, metric)

    def read_after(self, trial: TrialKey, metric: str, mark: int) -> tuple[Sequence[MetricLog], int, int]:
        found = super().read_after(trial, metric, mark)
        self.handed_out += len(found[0])
        return found


def race(rule: str = "medianstop", direction: str = "maximize", **settings: int) -> Race:
    made = Race(owner_of(rule, direction, **(settings or {"start_step": 2, "min_trials_required": 2})).build())
    made.log = Counting()
    made.restart()
    return made


def test_curves_of_ended_trials_are_read_once_and_running_ones_bit_by_bit() -> None:
    made = race()
    for _ in range(3):
        made.run(0.5, 0.5, 0.5)
    assert isinstance(made.log, Counting)
    made.log.handed_out = 0
    made.report(made.start(), *[0.6] * 50)
    assert made.log.whole == {"race-0": 1, "race-1": 1, "race-2": 1}
    assert made.log.handed_out == 50


def test_a_trial_that_is_gone_counts_no_more() -> None:
    made = race()
    for value in (0.1, 0.9, 0.9):
        made.run(value, value)
    place = made.start()
    made.report(place, 0.05)
    del made.trials[1]
    assert "median 0.5 of 2 trials" in made.report(place - 1, 0.2)


def test_deleting_one_trial_reads_no_other_again() -> None:
    made = race()
    for _ in range(4):
        made.run(0.5, 0.5)
    place = made.start()
    made.report(place, 0.6)
    del made.trials[0]
    made.report(place - 1, 0.6)
    assert isinstance(made.log, Counting)
    assert set(made.log.whole.values()) == {1}


def test_a_trial_of_the_same_name_is_another_one() -> None:
    made = race(start_step=1, min_trials_required=1)
    made.run(0.9)
    made.judge(made.start())
    again = made.trials[0].metadata.but(uid="another")
    made.trials[0] = made.trials[0].but(metadata=again)
    assert made.report(1, 0.5) == "", "the new one has reported nothing"


def test_changed_settings_are_honoured() -> None:
    made = race()
    for _ in range(3):
        made.run(0.5, 0.5)
    place = made.start()
    assert made.report(place, 0.1) == ""
    made.owner = owner_of("medianstop", start_step=1, min_trials_required=3).build()
    assert "of 3 trials" in made.report(place, 0.1)


def test_experiments_do_not_meet() -> None:
    made = race(start_step=1, min_trials_required=1)
    made.run(0.9)
    other = Race(made.owner.but(metadata=made.owner.metadata.but(uid="other", namespace="elsewhere")))
    other.log, other.engine = made.log, made.engine
    other.start()
    other.trials[0] = other.trials[0].but(metadata=other.trials[0].metadata.but(uid="elsewhere"))
    assert other.report(0, 0.1) == ""


def test_a_forgotten_or_crowded_out_experiment_is_judged_the_same() -> None:
    made = race(start_step=1, min_trials_required=1)
    made.engine = StoppingEngine(made.log, capacity=1)
    made.run(0.9)
    place = made.start()
    made.report(place, 0.95)
    other = made.owner.but(metadata=made.owner.metadata.but(uid="other"))
    assert made.engine.judge(other, made.trials[place], lambda: [made.trials[place]]) == ""
    assert "0.2" in made.report(made.start(), 0.2)
    made.engine.forget(made.owner.metadata.uid)
    assert "0.3" in made.report(made.start(), 0.3)


def test_a_new_report_is_compared_with_what_is_known_now_even_if_clocks_disagree() -> None:
    made = race(start_step=1, min_trials_required=1)
    place = made.start()
    made.report(place, 0.2)
    made.run(0.9, 0.9, 0.9)
    entry = MetricLog("2026-01-31T11:00:00.5Z", "accuracy", "0.1")
    assert made.judge(place) == ""
    made.log.report(made.key(place), [entry])
    assert "step 2" in made.judge(place)


def test_after_a_restart_old_reports_are_compared_with_what_was_known_then() -> None:
    made = race(start_step=1, min_trials_required=1)
    place = made.start()
    assert made.report(place, 0.2, 0.2) == ""
    made.run(0.9, 0.9, 0.9)
    made.restart()
    assert made.judge(place) == ""
    assert "step 3" in made.report(place, 0.3)


def test_a_judgement_that_was_lost_is_made_again() -> None:
    made = race(start_step=1, min_trials_required=1)
    made.run(0.9, 0.9, 0.9)
    place = made.start()
    made.write(place, 0.1)
    told = made.engine.judge(made.owner, made.trials[place], lambda: made.trials)
    assert made.engine.judge(made.owner, made.trials[place], lambda: made.trials) == told
    made.write(place, 0.95)
    made.restart()
    assert made.engine.judge(made.owner, made.trials[place], lambda: made.trials) == told


def test_a_second_attempt_begins_at_step_1() -> None:
    made = race(start_step=3, min_trials_required=1)
    made.run(0.9, 0.9, 0.9, 0.9)
    place = made.start()
    assert made.report(place, 0.1, 0.1) == ""
    made.log.delete(made.key(place))
    assert made.report(place, 0.2, 0.2) == ""
    assert made.report(place, 0.3) == "medianstop: best accuracy 0.3 at step 3 is below the median 0.9 of 1 trials"


def test_a_trial_that_is_being_stopped_by_others_has_not_ended_yet() -> None:
    """Its condition comes first, its last reports and its end after it."""
    made = race(start_step=1, min_trials_required=1)
    place = made.start()
    made.write(place, 0.9)
    conditions = [*made.trials[place].status.conditions]
    conditions.append(conditions[-1].but(type="EarlyStopped", status="True"))
    made.trials[place] = made.trials[place].but(status=made.trials[place].status.but(conditions=conditions))
    assert made.report(made.start(), 0.1) == ""


def test_rules_of_the_trial_and_of_its_experiment_both_count() -> None:
    made = race(start_step=1, min_trials_required=1)
    made.run(0.5)
    carried = [{"name": "accuracy", "value": "0.8", "comparison": "less", "startStep": 2}]
    assert "median" in made.report(made.start(earlyStoppingRules=carried), 0.4)
    told = made.report(made.start(earlyStoppingRules=carried), 0.7, 0.7)
    assert told == "best accuracy 0.7 at step 2 is less than 0.8"


def test_a_trial_of_no_experiment_is_judged_by_its_own_rules() -> None:
    made = race()
    place = made.start(earlyStoppingRules=[{"name": "accuracy", "value": "0.8", "comparison": "less"}])
    made.write(place, 0.1)
    assert made.engine.judge(None, made.trials[place], list) == "best accuracy 0.1 at step 1 is less than 0.8"


def test_no_early_stopping_asked_reads_nothing() -> None:
    made = race()
    made.owner = experiment("race").objective("accuracy", "maximize").build()
    assert made.report(made.start(), 0.0, 0.0) == ""
    assert isinstance(made.log, Counting)
    assert (made.log.whole, made.log.handed_out) == ({}, 0)
    assert made.engine.validate(made.owner) == ()


def test_wrong_settings_that_came_past_validation_are_told() -> None:
    made = race(start_step=0)
    with pytest.raises(InvalidObject, match="start_step"):
        made.report(made.start(), 0.1)
