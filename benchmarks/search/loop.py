"""One search: points are asked for, run and told, one at a time, in batches or with several always running."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from benchmarks.search.parameters import Array
from benchmarks.search.problem import Instance


@dataclass(frozen=True)
class Asked:
    """A point that a searcher wants tried, as numbers; ``epochs`` is 0 where the problem has none."""

    point: Array
    epochs: int = 0


class Searcher(Protocol):
    """An algorithm at work on one instance. Points are counted from 0 in the order they were asked for."""

    def ask(self, count: int) -> Sequence[Asked]:
        """Return at most so many new points; fewer or none to wait for a running one."""

    def tell(self, index: int, loss: float) -> None:
        """Take in the observed loss of a point."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how wide a search is. ``batch`` points run side by side.

    In a batch the next ones are asked for when all have ended; ``asynchronous``: one is asked for as one ends.
    """

    budget: int = 60
    batch: int = 1
    asynchronous: bool = False


@dataclass(frozen=True)
class Outcome:
    """The true loss of the point with the least observed one, and how many trials it took (whole trainings)."""

    loss: float
    trials: float


@dataclass
class _Running:
    index: int
    asked: Asked


def search(instance: Instance, searcher: Searcher, plan: Plan, seed: int) -> Outcome:
    """Run one search. Trials end in random order; noise depends on the seed and the point's number alone."""
    rng = np.random.default_rng([seed, 0xE4D])
    noise = np.random.default_rng([seed, 0x401]).standard_normal(20 * plan.budget * max(1, instance.resource))
    running: list[_Running] = []
    seen: list[tuple[float, float]] = []
    made, spent = 0, 0.0
    while True:
        wanted = plan.batch - len(running) if plan.asynchronous or not running else 0
        if wanted and spent < plan.budget:
            room = wanted if instance.resource else min(wanted, plan.budget - made)
            for asked in searcher.ask(room):
                running.append(_Running(made, asked))
                made += 1
                spent += asked.epochs / instance.resource if asked.epochs else 1.0
        if not running:
            break
        ended = running.pop(int(rng.integers(len(running))) if plan.asynchronous else 0)
        true = _loss(instance, ended.asked)
        observed = true + instance.noise * float(noise[ended.index])
        seen.append((observed, true))
        searcher.tell(ended.index, observed)
    if not seen:
        raise RuntimeError("the searcher made no point at all")
    return Outcome(min(seen)[1], spent)


def _loss(instance: Instance, asked: Asked) -> float:
    point = asked.point[None, :]
    if asked.epochs and instance.curve:
        return float(instance.curve(point, np.array([asked.epochs]))[0])
    return float(instance.loss(point)[0])


def normalised(instance: Instance, outcome: Outcome, seed: int) -> float:
    """Return the regret over the median of random search that trains as many points to the end."""
    scale = instance.random_regret(max(1, round(outcome.trials)), seed)
    return (outcome.loss - instance.optimum) / scale
