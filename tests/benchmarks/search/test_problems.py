"""The problems themselves: optima are where they are said to be, and nothing is below them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.search import functions
from benchmarks.search.heldout_set import HELD_OUT
from benchmarks.search.parameters import Listed, Named, Real, Steps, draw, shares
from benchmarks.search.problem import Instance, Problem
from benchmarks.search.run import BY_NAME
from benchmarks.search.tables import _read
from benchmarks.search.tuning_set import TUNING

ALL = [*TUNING, *HELD_OUT]
KINDS = {
    "continuous", "log-scaled", "int with steps", "mixed", "categorical", "noisy", "maximise", "high-dimensional",
    "conditional", "tabulated", "multi-fidelity",
}  # fmt: skip
each = pytest.mark.parametrize("problem", ALL, ids=lambda item: item.name)


@pytest.mark.parametrize("problems", [TUNING, HELD_OUT], ids=["tuning", "held out"])
def test_every_kind_is_in_both_sets_and_no_problem_is(problems: tuple[Problem, ...]) -> None:
    assert {item.kind for item in problems} == KINDS
    assert len(problems) >= 14
    assert len(BY_NAME) == len(ALL)


def least(instance: Instance, rng: np.random.Generator) -> float:
    """The least loss that a patient search finds: ever smaller steps, most coordinates kept."""
    points = draw(instance.parameters, rng, 4000)
    best = points[np.argsort(instance.loss(points))[:20]]
    for width in np.geomspace(0.3, 1e-4, 40):
        parents = best[rng.integers(len(best), size=600)]
        near = shares(instance.parameters, parents) + width * rng.standard_normal(parents.shape)
        tried = parents.copy()
        for column, item in enumerate(instance.parameters):
            moved = rng.random(600) < 0.6
            if isinstance(item, Named) or (not isinstance(item, Real) and width < 0.1):
                moved = rng.random(600) < 0.2
                fresh = rng.random(600)
            else:
                fresh = np.clip(near[:, column], 0, 1 - 1e-12)
            tried[moved, column] = item.value(fresh)[moved]
        pool = np.vstack([best, tried])
        best = pool[np.argsort(instance.loss(pool))[:20]]
    return float(instance.loss(best).min())


@each
@pytest.mark.parametrize("seed", [0, 7])
def test_the_optimum_is_reached_and_never_undercut(problem: Problem, seed: int) -> None:
    instance = problem.instance(seed)
    rng = np.random.default_rng(3)
    scale = instance.random_regret(60, seed)
    found = min(least(instance, rng) for _ in range(4)) - instance.optimum
    assert -1e-6 * max(1, abs(instance.optimum)) <= found <= 0.15 * scale
    assert scale > 0


@each
def test_a_seed_always_gives_the_same_instance_and_another_seed_another(problem: Problem) -> None:
    first, again, other = (problem.instance(seed) for seed in (1, 1, 2))
    points = draw(first.parameters, np.random.default_rng(0), 50)
    assert np.array_equal(first.loss(points), again.loss(points))
    same = first.parameters == other.parameters and np.allclose(first.loss(points), other.loss(points))
    # A table is what it is; only its categories change places.
    assert not same or problem.kind == "tabulated" or problem.name == "network-digits"


@pytest.mark.parametrize(
    ("function", "place"),
    [
        pytest.param(functions.branin, [(np.pi + 5) / 15, 2.275 / 15], id="branin"),
        pytest.param(functions.hartmann3, [0.114614, 0.555649, 0.852547], id="hartmann3"),
        pytest.param(functions.hartmann6, [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573], id="hartmann6"),
        pytest.param(functions.styblinski_tang, [0.2096466] * 3, id="styblinski-tang"),
    ],
)
def test_published_optima(function: functions.Function, place: list[float]) -> None:
    assert function(np.array([place]))[0] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("name", ["svr-diabetes", "boosting-cancer"])
def test_a_table_gives_the_loss_of_the_named_training(name: str) -> None:
    axes, values = _read(name.replace("-", "_"))
    for seed in range(3):
        instance = BY_NAME[name].instance(seed)
        point = draw(instance.parameters, np.random.default_rng(seed), 1)
        cell = tuple(
            axis["values"].index(item.values[int(number)] if isinstance(item, Named) else number)
            for axis, item, number in zip(axes, instance.parameters, point[0], strict=True)
        )
        assert instance.loss(point)[0] == values[cell]


def test_a_curve_ends_at_the_loss() -> None:
    for problem in ALL:
        instance = problem.instance(4)
        assert (instance.curve is not None) == (problem.kind == "multi-fidelity")
        if instance.curve:
            points = draw(instance.parameters, np.random.default_rng(1), 30)
            assert np.allclose(instance.curve(points, np.full(30, instance.resource)), instance.loss(points))
            assert np.median(instance.curve(points, np.ones(30)) - instance.loss(points)) > 0


@pytest.mark.parametrize(
    "parameter",
    [
        pytest.param(Real("x", -1.0, 3.0), id="a double"),
        pytest.param(Real("x", 1e-6, 10.0, log=True), id="a double over decades"),
        pytest.param(Steps("x", 16, 512, 16), id="an int with a step"),
        pytest.param(Listed("x", (1.0, 10.0, 100.0)), id="a list"),
    ],
)
def test_numbers_and_shares(parameter: Real | Steps | Listed) -> None:
    ends = parameter.value(np.array([0.0, 1 - 1e-12]))
    assert np.allclose(parameter.share(ends), [0, 1])
    values = parameter.value(np.linspace(0, 1 - 1e-12, 30))
    assert (np.diff(parameter.share(values)) >= 0).all()
    text = str(int(values[3])) if isinstance(parameter, Steps) else repr(float(values[3]))
    assert parameter.number(text) == values[3]
