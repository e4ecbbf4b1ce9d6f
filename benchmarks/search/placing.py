"""Building blocks of problems: targets on the lattice, offsets from them, optima that differ between categories."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.search.parameters import Array, Named, Parameter, Real, shares
from benchmarks.search.problem import Instance, centre, rotation

Shape = Callable[[Array], Array]
"""A function of offsets whose least value, 0, is at 0."""


def cube(count: int) -> tuple[Real, ...]:
    """Return so many uniform doubles. Their ranges differ, so that nothing is won by assuming [0, 1]."""
    return tuple(Real(f"x{axis}", -1.0 - axis, 2.0 + axis) for axis in range(count))


def target(parameters: Sequence[Parameter], rng: np.random.Generator) -> Array:
    """Return the shares of a point of the space, away from ends and middle; categories as positions."""
    places = centre(rng, len(parameters))
    row = [item.value(places[axis : axis + 1]) for axis, item in enumerate(parameters)]
    found: Array = shares(tuple(parameters), np.column_stack(row))[0]
    return found


def numeric(parameters: Sequence[Parameter]) -> list[int]:
    """Return the columns that are no categories."""
    return [column for column, item in enumerate(parameters) if not isinstance(item, Named)]


def moved(parameters: tuple[Parameter, ...], rng: np.random.Generator, shape: Shape, turned: bool = False) -> Instance:
    """Return a function of numeric parameters with its optimum at a random target, its axes turned if wanted."""
    goal = target(parameters, rng)
    matrix = rotation(rng, len(parameters)) if turned else np.eye(len(parameters))
    return Instance(
        parameters=parameters, loss=lambda points: shape((shares(parameters, points) - goal) @ matrix), optimum=0.0
    )


def flipped(parameters: tuple[Parameter, ...], rng: np.random.Generator, function: Shape) -> Instance:
    """Return a function of the unit cube: a part of it, its axes in another order and some of them reversed.

    Optima nearer than 0.09 to an end may be cut off.
    """
    order = rng.permutation(len(parameters))
    reverse = rng.random(len(parameters)) < 0.5
    low, high = rng.uniform(0, 0.09, len(parameters)), rng.uniform(0.91, 1, len(parameters))

    def loss(points: Array) -> Array:
        unit = shares(parameters, points)[:, order]
        return function(low + (high - low) * np.where(reverse, 1 - unit, unit))

    return Instance(parameters=parameters, loss=loss, optimum=0.0)


def by_category(
    parameters: tuple[Parameter, ...], rng: np.random.Generator, shape: Shape, *, gap: float, spread: float = 0.15
) -> Instance:
    """Return a function whose optimum moves with each category, and where only one combination of them is best.

    ``gap`` is how much the second-best category of each parameter costs at its own optimum; ``spread`` how far
    targets differ between categories.
    """
    numbers = numeric(parameters)
    goal = target(parameters, rng)[numbers]
    tables = []
    for column, item in enumerate(parameters):
        if isinstance(item, Named):
            cost = np.concatenate([[0.0], gap * (1 + np.arange(item.size - 1) * 0.7)])
            shift = rng.uniform(-spread, spread, (item.size, len(numbers)))
            shift[0] = 0
            order = rng.permutation(item.size)
            tables.append((column, cost[order], shift[order]))

    def loss(points: Array) -> Array:
        offset = shares(parameters, points)[:, numbers] - goal
        extra = np.zeros(len(points))
        for column, cost, shift in tables:
            chosen = points[:, column].astype(int)
            extra += cost[chosen]
            offset = offset - shift[chosen]
        return shape(offset) + extra

    return Instance(parameters=parameters, loss=loss, optimum=0.0)


def branching(parameters: tuple[Parameter, ...], rng: np.random.Generator, *, gap: float) -> Instance:
    """Return a function whose first parameter, a category, says which one of the others matter besides the second.

    The other parameters are dealt out to the categories in turn; those of another branch change nothing.
    """
    first = parameters[0]
    if not isinstance(first, Named):
        raise TypeError("the first parameter names the branch")
    goal = target(parameters, rng)
    order = rng.permutation(first.size)
    owner = np.array([column % first.size for column in range(len(parameters))])

    def loss(points: Array) -> Array:
        branch = order[points[:, 0].astype(int)]
        squares = (shares(parameters, points) - goal) ** 2
        squares[:, 0] = 0
        counts = owner[None, :] == branch[:, None]
        counts[:, 1] = True
        return np.asarray(np.sqrt(np.sum(squares * counts, axis=1)) + gap * branch)

    return Instance(parameters=parameters, loss=loss, optimum=0.0)


def learning(parameters: tuple[Parameter, ...], rng: np.random.Generator, resource: int) -> Instance:
    """Return curves of training: the loss falls to a value of the point's own, at a rate of the point's own.

    The rate depends on the first parameter (a learning rate) alone, so early ranks mislead a little, as in life.
    """
    goal = target(parameters, rng)

    def parts(points: Array) -> tuple[Array, Array]:
        offset = shares(parameters, points) - goal
        final = 0.1 + ellipsoid_root(offset)
        rate = 0.5 + 0.7 * np.exp(-8 * np.abs(offset[:, 0] - 0.1))
        return final, rate

    def curve(points: Array, epochs: Array) -> Array:
        final, rate = parts(points)
        return np.asarray(final + (2.3 - final) * (1.0 + np.asarray(epochs)) ** -rate)

    def loss(points: Array) -> Array:
        return curve(points, np.full(len(points), resource))

    best = minimum_near(loss, parameters, goal, rng)
    return Instance(parameters=parameters, loss=loss, optimum=best, resource=resource, curve=curve)


def ellipsoid_root(offset: Array) -> Array:
    """Return a cone: the loss grows with the distance, faster along later axes."""
    weights = 1.0 + np.arange(offset.shape[1])
    return np.asarray(np.sqrt((offset**2) @ weights))


def minimum_near(loss: Shape, parameters: tuple[Parameter, ...], goal: Array, rng: np.random.Generator) -> float:
    """Return the least loss around a place: random search in a box that shrinks to its best point."""
    best, least, width = goal, np.inf, 0.25
    for _ in range(40):
        near = np.clip(best + width * rng.uniform(-1, 1, (400, len(goal))), 0, 1 - 1e-12)
        near[0] = np.clip(best, 0, 1 - 1e-12)
        points = np.column_stack([item.value(near[:, axis]) for axis, item in enumerate(parameters)])
        losses = loss(points)
        if losses.min() < least:
            least, best = float(losses.min()), near[losses.argmin()]
        width *= 0.75
    return least
