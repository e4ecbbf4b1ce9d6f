"""SMAC: its forest finds good points, leaves nothing behind, and is asked for by name where it is missing."""

from __future__ import annotations

import importlib.util
import logging
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import ExperimentBuilder, experiment
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.models.smac_forest import logarithmic
from searching import Search, pairs, parameters, with_parameters


def loss(values: dict[str, str]) -> float:
    return (float(values["x"]) - 0.7) ** 2 + abs(math.log10(float(values["y"])) + 2) + (values["c"] == "b")


def built(**options: object) -> ExperimentBuilder:
    space = experiment().double("x", -3, 3).double("y", 1e-4, 1, None, "logUniform").categorical("c", "a", "b", "c")
    return space.algorithm("smac", **{"random_state": 1, "n_initial_points": 4, **options})


def search(**options: object) -> Search:
    return Search(built(**options).build())


def test_it_starts_with_sobols_sequence() -> None:
    sobol = Search(built().algorithm("sobol", random_state=1).build())
    assert search().tune(loss, 4, 2) == sobol.tune(loss, 4, 2)


def test_it_finds_better_points_than_its_start() -> None:
    points = search(n_initial_points=8).tune(loss, 40, 2)
    assert min(map(loss, points[8:])) < 0.5 * min(map(loss, points[:8]))


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"n_initial_points": 6}, id="n_initial_points"),
        pytest.param({"n_trees": 3}, id="n_trees"),
        pytest.param({"random_probability": 1}, id="random_probability"),
        pytest.param({"random_state": 2}, id="random_state"),
    ],
)
def test_a_setting_changes_the_points(options: dict[str, object]) -> None:
    assert search(**options).tune(loss, 10) != search().tune(loss, 10)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(space=parameters(), constant=st.booleans())
def test_it_works_on_any_space(space: list, constant: bool) -> None:
    owner = with_parameters(space).algorithm("smac", n_initial_points=0, random_state=1).build()
    points = Search(owner).tune(lambda values: 1.0 if constant else float(len(str(values))), 7, 3)
    assert len(points) == 7


def test_a_batch_keeps_off_points_that_run() -> None:
    one = search()
    one.tune(loss, 12)
    one.run(one.name(one.ask(3)))
    batch = [pairs(item) for item in one.ask(4).assignments]
    assert len({tuple(point.values()) for point in [*one.points[-3:], *batch]}) == 7


def test_without_the_package_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "smac" else find(name))
    (error,) = Engine().validate(built().build())
    assert error.field == "spec.algorithm.algorithmName"
    assert error.rule == "algorithm smac needs the package smac: install katib-kfp[smac]"


def test_no_files_and_no_logging_are_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    before = list(root.handlers), root.level, logging.getLogger("smac").level
    search().tune(loss, 6)
    assert list(tmp_path.iterdir()) == []
    assert (list(root.handlers), root.level, logging.getLogger("smac").level) == before


def test_logarithms_set_good_losses_apart_and_keep_the_order() -> None:
    found = logarithmic(np.array([0.0, 0.1, 1.0, 1.1]))
    assert list(np.argsort(found)) == [0, 1, 2, 3]
    assert found[1] - found[0] > found[3] - found[2]
