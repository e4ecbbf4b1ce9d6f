from typing import Any

import pytest

from katib_control.api.experiment import ObjectiveSpec
from katib_control.api.validation.objective import check_objective

GOOD: dict[str, Any] = {"type": "minimize", "objectiveMetricName": "loss"}


def errors(**changes: Any) -> list[tuple[str, str]]:
    found = check_objective(ObjectiveSpec.decode({**GOOD, **changes}))
    return [(item.field.removeprefix("spec.objective."), item.reason.removeprefix("FieldValue")) for item in found]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, [], id="type and metric"),
        pytest.param({"goal": 0.0, "additionalMetricNames": ["acc"]}, [], id="goal and additional metrics"),
        pytest.param({"metricStrategies": [{"name": "loss", "value": "latest"}]}, [], id="a strategy"),
        pytest.param({"type": ""}, [("type", "Required")], id="no type"),
        pytest.param({"type": "minimise"}, [("type", "NotSupported")], id="an unknown type"),
        pytest.param({"objectiveMetricName": " "}, [("objectiveMetricName", "Required")], id="no metric"),
        pytest.param({"goal": float("nan")}, [("goal", "Invalid")], id="a goal that no trial can reach"),
        pytest.param(
            {"additionalMetricNames": ["loss", "", "acc", "acc"]},
            [
                ("additionalMetricNames[0]", "Invalid"),
                ("additionalMetricNames[1]", "Required"),
                ("additionalMetricNames[3]", "Duplicate"),
            ],
            id="odd additional metrics",
        ),
        pytest.param(
            {"metricStrategies": [{"name": "acc", "value": "mean"}, {"name": "loss", "value": ""}]},
            [
                ("metricStrategies[0].value", "NotSupported"),
                ("metricStrategies[0].name", "NotFound"),
                ("metricStrategies[1].value", "Required"),
            ],
            id="odd strategies",
        ),
        pytest.param(
            {"metricStrategies": [{"name": "loss", "value": "min"}, {"name": "loss", "value": "max"}]},
            [("metricStrategies[0].name", "Duplicate")],
            id="two strategies for one metric",
        ),
        pytest.param(
            {"additionalObjectives": [{"type": "maximize", "objectiveMetricName": "acc"}]}, [], id="a second objective"
        ),
        pytest.param(
            {
                "additionalObjectives": [
                    {"type": "most", "objectiveMetricName": "acc"},
                    {"type": "minimize"},
                    {"type": "minimize", "objectiveMetricName": "loss"},
                    {"type": "minimize", "objectiveMetricName": "acc"},
                ]
            },
            [
                ("additionalObjectives[0].type", "NotSupported"),
                ("additionalObjectives[1].objectiveMetricName", "Required"),
                ("additionalObjectives[2].objectiveMetricName", "Duplicate"),
                ("additionalObjectives[3].objectiveMetricName", "Duplicate"),
            ],
            id="odd further objectives",
        ),
        pytest.param(
            {
                "additionalObjectives": [{"type": "maximize", "objectiveMetricName": "acc"}],
                "metricStrategies": [{"name": "acc", "value": "latest"}],
            },
            [],
            id="a strategy for a further objective",
        ),
    ],
)
def test_objective(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert errors(**changes) == expected


def test_there_must_be_one() -> None:
    assert [item.field for item in check_objective(None)] == ["spec.objective"]
