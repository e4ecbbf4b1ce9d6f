"""Rules that a Trial carries itself."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from katib_control.api.experiment import ObjectiveSpec
from katib_control.api.observation import MetricLog
from katib_control.api.trial import EarlyStoppingRule
from katib_control.earlystopping.fixed import why_stopped

ACCURACY = ObjectiveSpec(type="maximize", objective_metric_name="accuracy", additional_metric_names=["loss"])
LOSS = ObjectiveSpec(type="minimize", objective_metric_name="loss")


def rule(name: str, comparison: str, value: str, start: int | None = None) -> EarlyStoppingRule:
    return EarlyStoppingRule(name=name, value=value, comparison=comparison, start_step=start)


def why(rules: Sequence[EarlyStoppingRule], objective: ObjectiveSpec = ACCURACY, **curves: Sequence[object]) -> str:
    def read(metric: str) -> list[MetricLog]:
        return [MetricLog("2026-01-31T12:00:00Z", metric, str(value)) for value in curves.get(metric, ())]

    return why_stopped(rules, objective, read)


@pytest.mark.parametrize(
    ("comparison", "value", "reported", "stopped"),
    [
        pytest.param("less", "0.5", [0.4], True, id="less"),
        pytest.param("less", "0.5", [0.5], False, id="equal is not less"),
        pytest.param("greater", "0.5", [0.6], True, id="greater"),
        pytest.param("greater", "0.5", [0.5], False, id="equal is not greater"),
        pytest.param("equal", "0.5", ["0.50"], True, id="equal as numbers"),
        pytest.param("equal", "0.5", [0.51], False, id="not equal"),
        pytest.param("LESS", "0.5", [0.4], True, id="in capitals, as on the wire of Katib's services"),
        pytest.param("between", "0.5", [0.4], False, id="an unknown comparison is never true"),
        pytest.param("less", "half", [0.4], False, id="nor is one with a value that is no number"),
        pytest.param("less", "0.5", [], False, id="nothing reported"),
        pytest.param("less", "0.5", ["nan", "unavailable"], False, id="nothing but what is no number reported"),
    ],
)
def test_comparisons(comparison: str, value: str, reported: list[object], stopped: bool) -> None:
    assert bool(why([rule("accuracy", comparison, value)], accuracy=reported)) == stopped


def test_every_report_from_the_first_step_on_is_compared() -> None:
    """Katib compares at one report alone, and never again."""
    rules = [rule("loss", "greater", "5", 3)]
    assert why(rules, loss=[9, 9]) == ""
    assert why(rules, loss=[9, 9, 1, 1, 6]) == "loss 6 at step 5 is greater than 5"


def test_of_the_objective_the_best_value_so_far_is_compared() -> None:
    rules = [rule("accuracy", "less", "0.5", 2)]
    assert why(rules, accuracy=[0.6, 0.1, 0.1]) == ""
    assert why(rules, accuracy=[0.4, 0.1]) == "best accuracy 0.4 at step 2 is less than 0.5"
    assert why([rule("loss", "greater", "0.5", 2)], LOSS, loss=[0.4, 0.9]) == ""


def test_of_another_metric_the_last_value_is_compared() -> None:
    assert why([rule("loss", "greater", "0.5", 2)], loss=[0.4, 0.9]) == "loss 0.9 at step 2 is greater than 0.5"


def test_all_rules_must_have_been_true_not_all_at_once() -> None:
    rules = [rule("accuracy", "less", "0.5", 4), rule("loss", "greater", "2")]
    assert why(rules, accuracy=[0.4] * 4, loss=[1] * 4) == ""
    assert why(rules, accuracy=[0.4] * 3, loss=[3] * 3) == ""
    told = why(rules, accuracy=[0.4] * 4, loss=[1, 3, 1, 1])
    assert told == "best accuracy 0.4 at step 4 is less than 0.5; loss 3 at step 2 is greater than 2"


def test_a_metric_that_is_not_reported_is_never_true() -> None:
    assert why([rule("accuracy", "less", "0.5"), rule("loss", "greater", "2")], accuracy=[0.4]) == ""


def test_no_rules_stop_nothing() -> None:
    assert why([], accuracy=[0.0]) == ""
