"""What spec.earlyStopping asks for."""

from __future__ import annotations

from typing import Any

import pytest

from builders import experiment
from katib_control.api.errors import InvalidObject
from katib_control.earlystopping.asked import asked
from katib_control.earlystopping.registry import RULES


def wanted(name: str, **settings: Any) -> Any:
    return asked(experiment().early_stopping(name, **settings).build().spec.early_stopping, RULES)


def test_settings_have_their_defaults() -> None:
    assert wanted("medianstop").settings == {"min_trials_required": 3, "start_step": 4}
    assert wanted("asha").settings == {"eta": 3, "start_step": 4, "max_step": None}
    assert wanted("percentile", percentile="12.5").settings["percentile"] == 12.5


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        pytest.param("", {}, "spec.earlyStopping.algorithmName: must not be empty", id="no name"),
        pytest.param(
            "medianstopp", {},
            "spec.earlyStopping.algorithmName: no such early stopping rule; did you mean medianstop?"
            " (known: asha, medianstop, percentile) (got 'medianstopp')",
            id="an unknown name",
        ),
        pytest.param(
            "medianstop", {"min_trials_required": 0},
            "spec.earlyStopping.algorithmSettings[0].value: min_trials_required must be a whole number, greater than 0"
            " (got '0')",
            id="no trials",
        ),
        pytest.param(
            "medianstop", {"min_trials_required": 3, "start_step": 0},
            "spec.earlyStopping.algorithmSettings[1].value: start_step must be a whole number, at least 1 (got '0')",
            id="step 0",
        ),
        pytest.param(
            "asha", {"max_step": 4},
            "spec.earlyStopping.algorithmSettings[0].value: max_step must be greater than start_step, 4:"
            " else there is no rung to stop at (got '4')",
            id="asha without a rung",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_name(name: str, settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidObject) as caught:
        wanted(name, **settings)
    assert str(caught.value) == expected


def test_all_errors_come_together() -> None:
    with pytest.raises(InvalidObject) as caught:
        wanted("medianstop", start_step="x", warmup=3, min_trials_required=-1)
    assert [item.field.rpartition("[")[2] for item in caught.value.errors] == ["0].value", "1].name", "2].value"]
