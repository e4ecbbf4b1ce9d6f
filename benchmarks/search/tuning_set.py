"""Problems to tune algorithms on. Nothing is to be decided by looking at the other set."""

from __future__ import annotations

import numpy as np

from benchmarks.search import functions
from benchmarks.search.parameters import Array, Listed, Named, Real, Steps
from benchmarks.search.placing import branching, by_category, cube, flipped, learning, moved
from benchmarks.search.problem import Instance, Problem, centre
from benchmarks.search.tables import forest_wine, svr_diabetes


def _decades(rng: np.random.Generator) -> Instance:
    space = (Real("lr", 1e-6, 1.0, log=True), Real("decay", 1e-8, 1e-2, log=True), Real("dropout", 0.0, 0.6))

    def shape(offset: Array) -> Array:
        # A learning rate too high diverges, one too low only learns slowly.
        lr, decay, dropout = (6 * offset).T
        return np.asarray(np.where(lr > 0, 3 * lr**2, np.abs(lr)) + 0.3 * np.abs(decay + lr / 2) + 0.1 * dropout**2)

    return moved(space, rng, shape)


def _steps(rng: np.random.Generator) -> Instance:
    space = (Steps("units", 16, 512, 16), Steps("layers", 1, 8), Steps("batch", 8, 256, 8), Steps("window", 3, 31, 2))
    return moved(space, rng, lambda offset: functions.ellipsoid(offset, 20.0) + np.abs(offset).max(axis=1))


def _mixed(rng: np.random.Generator) -> Instance:
    space = (
        Real("lr", 1e-5, 1e-1, log=True), Real("momentum", 0.5, 0.99), Steps("depth", 2, 12),
        Listed("batch", (16.0, 32.0, 64.0, 128.0, 256.0, 512.0)),
        Named("optimizer", ("sgd", "adam", "rmsprop", "adagrad")), Named("augment", ("none", "flip", "crop")),
    )  # fmt: skip
    return by_category(space, rng, lambda offset: functions.ellipsoid(offset, 4.0), gap=0.08)


def _categories(rng: np.random.Generator) -> Instance:
    space = tuple(Named(f"c{axis}", ("a", "b", "c", "d", "e")) for axis in range(5))
    alone = rng.gamma(1.0, 1.0, (5, 5))
    alone -= alone.min(axis=1, keepdims=True)
    pair = rng.gamma(1.0, 0.5, (5, 5, 5))
    grid = np.stack(np.meshgrid(*[np.arange(5)] * 5, indexing="ij"), axis=-1).reshape(-1, 5).astype(float)

    def loss(points: Array) -> Array:
        at = points.astype(int)
        single = sum(alone[axis, at[:, axis]] for axis in range(5))
        return np.asarray(single + sum(pair[axis, at[:, axis], at[:, (axis + 1) % 5]] for axis in range(5)))

    return Instance(parameters=space, loss=loss, optimum=float(loss(grid).min()))


def _noisy(rng: np.random.Generator) -> Instance:
    calm = moved(cube(3), rng, lambda offset: functions.ellipsoid(offset, 5.0), turned=True)
    return Instance(parameters=calm.parameters, loss=calm.loss, optimum=0.0, noise=0.05)


def _hills(rng: np.random.Generator) -> Instance:
    space = cube(3)
    places = np.stack([centre(rng, 3, 0.1, 0.45) for _ in range(6)])
    heights, widths = np.array([3.0, 2.4, 2.2, 2.0, 1.8, 1.6]), np.array([0.16, 0.25, 0.2, 0.3, 0.2, 0.25])
    found = flipped(space, rng, lambda unit: functions.peaks(unit, places, heights, widths))
    return Instance(parameters=space, loss=found.loss, optimum=0.0, maximise=True)


def _branches(rng: np.random.Generator) -> Instance:
    space = (
        Named("model", ("linear", "forest", "network")), Real("scale", 1e-3, 1e3, log=True),
        Real("penalty", 1e-6, 1e2, log=True), Steps("trees", 10, 500, 10), Real("lr", 1e-5, 1.0, log=True),
        Real("mix", 0.0, 1.0), Steps("leaf", 1, 40), Steps("units", 8, 256, 8),
    )  # fmt: skip
    return branching(space, rng, gap=0.06)


def _curves(rng: np.random.Generator) -> Instance:
    return learning((Real("lr", 1e-5, 1.0, log=True), Real("decay", 1e-6, 1e-1, log=True), *cube(2)), rng, 81)


TUNING: tuple[Problem, ...] = (
    Problem("ellipsoid4", "continuous", lambda rng: moved(cube(4), rng, lambda z: functions.ellipsoid(z, 100), True)),
    Problem("branin", "continuous", lambda rng: flipped(cube(2), rng, functions.branin)),
    Problem("hartmann6", "continuous", lambda rng: flipped(cube(6), rng, functions.hartmann6)),
    Problem("ackley5", "continuous", lambda rng: moved(cube(5), rng, lambda z: functions.ackley(z, 10))),
    Problem("rosenbrock3", "continuous", lambda rng: moved(cube(3), rng, lambda z: functions.rosenbrock(z, 3))),
    Problem("decades3", "log-scaled", _decades),
    Problem("steps4", "int with steps", _steps),
    Problem("mixed6", "mixed", _mixed),
    Problem("categories5", "categorical", _categories),
    Problem("noisy3", "noisy", _noisy),
    Problem("hills3", "maximise", _hills),
    Problem("ellipsoid10", "high-dimensional", lambda rng: moved(cube(10), rng, lambda z: functions.ellipsoid(z, 10))),
    Problem("branches8", "conditional", _branches),
    Problem("svr-diabetes", "tabulated", svr_diabetes),
    Problem("forest-wine", "tabulated", forest_wine),
    Problem("curves4", "multi-fidelity", _curves),
)
