"""Problems that the goals are measured on. Nobody looks here while an algorithm is tuned."""

from __future__ import annotations

import numpy as np

from benchmarks.search import functions
from benchmarks.search.parameters import Array, Listed, Named, Real, Steps, shares
from benchmarks.search.placing import branching, by_category, cube, flipped, learning, moved, target
from benchmarks.search.problem import Instance, Problem, centre
from benchmarks.search.tables import boosting_cancer, network_digits, ridge_digits


def _decades(rng: np.random.Generator) -> Instance:
    space = (
        Real("c", 1e-4, 1e5, log=True), Real("gamma", 1e-7, 1e2, log=True), Real("tolerance", 1e-6, 1e-1, log=True),
        Real("weight", 0.1, 10.0, log=True),
    )  # fmt: skip

    def shape(offset: Array) -> Array:
        # A trough along which c and gamma make up for each other, as they do in a support vector machine.
        c, gamma, tolerance, weight = offset.T
        trough = np.abs(c + gamma) * 2 + 0.5 * (c - gamma) ** 2
        return np.asarray(trough + 0.2 * np.maximum(tolerance, 0) + weight**2)

    return moved(space, rng, shape)


def _steps(rng: np.random.Generator) -> Instance:
    space = (
        Steps("trees", 50, 1000, 50), Steps("leaves", 7, 127, 4), Steps("depth", 2, 16), Steps("bins", 31, 255, 8),
        Steps("sample", 20, 100, 5),
    )  # fmt: skip
    return moved(space, rng, lambda offset: functions.ellipsoid(offset, 8.0), turned=True)


def _mixed(rng: np.random.Generator) -> Instance:
    space = (
        Named("kernel", ("rbf", "poly", "sigmoid", "linear", "laplace")), Real("alpha", 1e-7, 1e1, log=True),
        Steps("rank", 4, 64, 4), Real("dropout", 0.0, 0.9), Listed("batch", (8.0, 16.0, 32.0, 64.0, 128.0)),
        Named("schedule", ("constant", "cosine", "step")), Named("bias", ("yes", "no")),
    )  # fmt: skip
    return by_category(
        space, rng, lambda offset: np.sqrt(functions.ellipsoid(offset, 3.0) + 1e-4) - 1e-2, gap=0.1, spread=0.1
    )


def _categories(rng: np.random.Generator) -> Instance:
    space = tuple(Named(f"op{axis}", ("conv", "pool", "skip", "none")[: 4 - axis % 2]) for axis in range(7))
    cost = [np.concatenate([[0.0], np.sort(rng.uniform(0.3, 1.5, item.size - 1))]) for item in space]
    order = [rng.permutation(item.size) for item in space]

    def loss(points: Array) -> Array:
        each = np.stack([cost[axis][order[axis][points[:, axis].astype(int)]] for axis in range(len(space))], axis=1)
        # What is wrong in two neighbours at once costs more than both.
        return np.asarray(each.sum(axis=1) + 0.5 * np.sum(each[:, 1:] * each[:, :-1], axis=1))

    return Instance(parameters=space, loss=loss, optimum=0.0)


def _noisy(rng: np.random.Generator) -> Instance:
    calm = flipped(cube(2), rng, lambda unit: np.log1p(functions.branin(unit)))
    return Instance(parameters=calm.parameters, loss=calm.loss, optimum=0.0, noise=0.3)


def _shekel(rng: np.random.Generator) -> Instance:
    space = cube(4)
    places = np.stack([centre(rng, 4, 0.1, 0.45) for _ in range(7)])
    heights, widths = np.array([10.0, 7.0, 6.0, 5.5, 5.0, 4.5, 4.0]), np.array([0.2, 0.2, 0.3, 0.3, 0.25, 0.3, 0.3])
    found = flipped(space, rng, lambda unit: functions.peaks(unit, places, heights, widths))
    return Instance(parameters=space, loss=found.loss, optimum=0.0, maximise=True)


def _many(rng: np.random.Generator) -> Instance:
    return moved(cube(12), rng, lambda offset: functions.levy(offset, 6.0))


def _irrelevant(rng: np.random.Generator) -> Instance:
    space = (
        Real("a", 1e-4, 1e2, log=True), Steps("b", 1, 50), Real("c", -3.0, 4.0), Real("d", 0.0, 1.0),
        Steps("e", 0, 90, 10), Real("f", 1.0, 9.0), Named("g", ("p", "q", "r", "s")), Real("h", 1e-3, 1.0, log=True),
    )  # fmt: skip
    goal, used = target(space, rng), rng.permutation([0, 1, 2, 3, 5, 7])[:3]

    def loss(points: Array) -> Array:
        offset = (shares(space, points) - goal)[:, used]
        return functions.ellipsoid(offset, 4.0) + 0.3 * functions.ackley(offset, 5.0)

    return Instance(parameters=space, loss=loss, optimum=0.0)


def _branches(rng: np.random.Generator) -> Instance:
    space = (
        Named("solver", ("newton", "gradient")), Real("penalty", 1e-5, 1e3, log=True),
        Real("rate", 1e-4, 1.0, log=True), Steps("restarts", 1, 20), Real("momentum", 0.0, 0.99),
        Steps("memory", 2, 40, 2),
    )  # fmt: skip
    return branching(space, rng, gap=0.1)


def _curves(rng: np.random.Generator) -> Instance:
    space = (
        Real("lr", 1e-4, 1.0, log=True),
        Steps("units", 16, 256, 16),
        Real("decay", 1e-7, 1e-2, log=True),
        Real("dropout", 0.0, 0.8),
    )
    return learning(space, rng, 81)


HELD_OUT: tuple[Problem, ...] = (
    Problem("levy4", "continuous", lambda rng: moved(cube(4), rng, lambda z: functions.levy(z, 20))),
    Problem("hartmann3", "continuous", lambda rng: flipped(cube(3), rng, functions.hartmann3)),
    Problem("turned6", "continuous", lambda rng: moved(cube(6), rng, lambda z: functions.ellipsoid(z, 30), True)),
    Problem("styblinski3", "continuous", lambda rng: flipped(cube(3), rng, functions.styblinski_tang)),
    Problem("rastrigin2", "continuous", lambda rng: moved(cube(2), rng, lambda z: functions.rastrigin(z, 4))),
    Problem("decades4", "log-scaled", _decades),
    Problem("steps5", "int with steps", _steps),
    Problem("mixed7", "mixed", _mixed),
    Problem("categories7", "categorical", _categories),
    Problem("noisy2", "noisy", _noisy),
    Problem("peaks4", "maximise", _shekel),
    Problem("levy12", "high-dimensional", _many),
    Problem("irrelevant8", "conditional", _irrelevant),
    Problem("branches6", "conditional", _branches),
    Problem("boosting-cancer", "tabulated", boosting_cancer),
    Problem("ridge-digits", "tabulated", ridge_digits),
    Problem("network-digits", "multi-fidelity", network_digits),
    Problem("curves4b", "multi-fidelity", _curves),
)
