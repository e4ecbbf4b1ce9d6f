"""Tabulated trainings: real models cross-validated once on data that scikit-learn ships; see data/make_tables.py."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search.parameters import Array, Listed, Named, Parameter
from benchmarks.search.problem import Instance

DATA = Path(__file__).parent / "data"


def svr_diabetes(rng: np.random.Generator) -> Instance:
    """Return a support vector regression on the diabetes data: mean squared error."""
    return _tabulated("svr_diabetes", rng)


def forest_wine(rng: np.random.Generator) -> Instance:
    """Return a random forest on the wine data: log loss."""
    return _tabulated("forest_wine", rng)


def boosting_cancer(rng: np.random.Generator) -> Instance:
    """Return gradient boosting on the breast cancer data: log loss."""
    return _tabulated("boosting_cancer", rng)


def ridge_digits(rng: np.random.Generator) -> Instance:
    """Return kernel ridge regression on the digits: mean squared error."""
    return _tabulated("ridge_digits", rng)


def network_digits(rng: np.random.Generator) -> Instance:
    """Return a neural network on the digits: log loss after each epoch."""
    return _tabulated("network_digits", rng)


@lru_cache
def _read(name: str) -> tuple[list[dict[str, Any]], Array]:
    head = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    values: Array = np.load(DATA / f"{name}.npz")["loss"].astype(float)
    return head["parameters"], values


def _parameter(axis: dict[str, Any], rng: np.random.Generator) -> Parameter:
    """Return an axis of a table: categories in random order, numbers as they are listed."""
    if axis["kind"] == "named":
        return Named(axis["name"], tuple(str(item) for item in rng.permutation(axis["values"])))
    return Listed(axis["name"], tuple(float(item) for item in axis["values"]))


def _tabulated(name: str, rng: np.random.Generator) -> Instance:
    axes, values = _read(name)
    parameters = tuple(_parameter(axis, rng) for axis in axes)
    orders = [
        np.array([axis["values"].index(item) for item in parameter.values])
        if isinstance(parameter, Named)
        else np.arange(len(axis["values"]))
        for axis, parameter in zip(axes, parameters, strict=True)
    ]
    numbers = [np.asarray(axis["values"], dtype=float) if axis["kind"] != "named" else None for axis in axes]

    def cells(points: Array) -> tuple[Array, ...]:
        found = []
        for column, (order, listed) in enumerate(zip(orders, numbers, strict=True)):
            at = points[:, column] if listed is None else np.searchsorted(listed, points[:, column])
            found.append(order[at.astype(int)])
        return tuple(found)

    curves = values if values.ndim > len(axes) else values[..., None]
    last = curves.shape[-1]

    def curve(points: Array, epochs: Array) -> Array:
        place = (*cells(points), np.asarray(epochs, dtype=int) - 1)
        return np.asarray(curves[place])

    return Instance(
        parameters=parameters,
        loss=lambda points: curve(points, np.full(len(points), last)),
        optimum=float(curves.min()),
        resource=last if last > 1 else 0,
        curve=curve if last > 1 else None,
    )
