"""Test functions of global optimisation over the unit cube, each moved so that its least value, 0, is at a given place.

The standard forms are in Surjanovic and Bingham's Virtual Library of Simulation Experiments. Rows are points.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from benchmarks.search.parameters import Array

Function = Callable[[Array], Array]
"""Of points, one a row."""


def ellipsoid(offset: Array, condition: float) -> Array:
    """Return the sum of squares, the last axis being weighted ``condition`` times the first."""
    count = offset.shape[1]
    weights = condition ** (np.arange(count) / max(1, count - 1))
    return np.asarray((offset**2) @ weights)


def ackley(offset: Array, width: float) -> Array:
    """Return Ackley's function at ``width`` times the offsets: a funnel with dents."""
    z = offset * width
    near = -20 * np.exp(-0.2 * np.sqrt(np.mean(z**2, axis=1)))
    return np.asarray(near - np.exp(np.mean(np.cos(2 * math.pi * z), axis=1)) + 20 + math.e)


def rastrigin(offset: Array, waves: float) -> Array:
    """Return Rastrigin's function with about so many dents along each axis."""
    z = offset * waves
    return np.asarray(np.sum(z**2 + 4 * (1 - np.cos(2 * math.pi * z)), axis=1))


def rosenbrock(offset: Array, width: float) -> Array:
    """Return Rosenbrock's bent valley with its least value at offset 0."""
    z = 1 + offset * width
    return np.asarray(np.sum(100 * (z[:, 1:] - z[:, :-1] ** 2) ** 2 + (1 - z[:, :-1]) ** 2, axis=1))


def levy(offset: Array, width: float) -> Array:
    """Return Levy's function with its least value at offset 0."""
    w = 1 + offset * width / 4
    first = np.sin(math.pi * w[:, 0]) ** 2
    middle = np.sum((w[:, :-1] - 1) ** 2 * (1 + 10 * np.sin(math.pi * w[:, :-1] + 1) ** 2), axis=1)
    last = (w[:, -1] - 1) ** 2 * (1 + np.sin(2 * math.pi * w[:, -1]) ** 2)
    return np.asarray(first + middle + last)


def griewank(offset: Array, width: float) -> Array:
    """Return Griewank's function at ``width`` times the offsets."""
    z = offset * width
    waves = np.cos(z / np.sqrt(np.arange(1, z.shape[1] + 1)))
    return np.asarray(np.sum(z**2, axis=1) / 4000 - np.prod(waves, axis=1) + 1)


def styblinski_tang(unit: Array) -> Array:
    """Return Styblinski and Tang's function over [-5, 5]; its least value is at -2.9035 on each axis."""
    z = unit * 10 - 5
    least = -39.16616570377142
    return np.asarray(np.sum(z**4 - 16 * z**2 + 5 * z, axis=1) / 2 - least * z.shape[1])


def branin(unit: Array) -> Array:
    """Return Branin's function over its usual rectangle: three least values."""
    x, y = unit[:, 0] * 15 - 5, unit[:, 1] * 15
    bend = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return np.asarray(bend**2 + 10 * (1 - 1 / (8 * math.pi)) * np.cos(x) + 10 - 0.39788735772973816)


_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_A3 = np.array([[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]])
_P3 = 1e-4 * np.array([[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]])
_A6 = np.array([
    [10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14],
])  # fmt: skip
_P6 = 1e-4 * np.array([
    [1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
    [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381],
])  # fmt: skip


def hartmann3(unit: Array) -> Array:
    """Return Hartmann's function of three variables: four dents of different depth."""
    return _hartmann(unit, _A3, _P3) + 3.862782147820755


def hartmann6(unit: Array) -> Array:
    """Return Hartmann's function of six variables."""
    return _hartmann(unit, _A6, _P6) + 3.322368011415515


def _hartmann(unit: Array, a: Array, p: Array) -> Array:
    distance = np.sum(a * (unit[:, None, :] - p) ** 2, axis=2)
    return np.asarray(-np.exp(-distance) @ _ALPHA)


def peaks(unit: Array, places: Array, heights: Array, widths: Array) -> Array:
    """Return how much lower than the highest peak it is here: Gaussian peaks, of which one counts at each point."""
    distance = np.sum((unit[:, None, :] - places) ** 2, axis=2)
    return np.asarray(heights.max() - np.max(heights * np.exp(-distance / (2 * widths**2)), axis=1))
