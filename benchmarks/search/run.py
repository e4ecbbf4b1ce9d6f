"""Many searches over the processors.

A contender is a registered algorithm ("tpe"), one with settings ("tpe:gamma=1+n_startup_trials=5") or a peer.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from benchmarks.search.heldout_set import HELD_OUT
from benchmarks.search.loop import Plan, Searcher, normalised, search
from benchmarks.search.ours import Ours, divides, experiment
from benchmarks.search.peers import PEERS
from benchmarks.search.problem import Instance, Problem
from benchmarks.search.tuning_set import TUNING

SETS: dict[str, tuple[Problem, ...]] = {"tuning": TUNING, "heldout": HELD_OUT}
BY_NAME = {problem.name: problem for problems in SETS.values() for problem in problems}


# Two searches side by side are faster than one whose linear algebra fights for both processors. Warnings are peers'.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Task:
    """One search."""

    problem: str
    contender: str
    seed: int
    plan: Plan


@dataclass(frozen=True)
class Score:
    """Normalised regret of one search and the seconds it took; ``error`` says why there is none."""

    task: Task
    regret: float
    seconds: float
    error: str = ""


@dataclass
class Cell:
    """All seeds of an algorithm on a problem."""

    regrets: list[float] = field(default_factory=list)
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """The mean regret."""
        return sum(self.regrets) / len(self.regrets) if self.regrets else math.nan

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        count = len(self.regrets)
        if count < 2:
            return math.nan
        spread = sum((item - self.mean) ** 2 for item in self.regrets) / (count - 1)
        return math.sqrt(spread / count)


Cells = dict[tuple[str, str], Cell]


def read(contender: str) -> tuple[str, dict[str, str]]:
    """Return a contender's algorithm and settings."""
    name, _, settings = contender.partition(":")
    return name, dict(item.split("=", 1) for item in settings.split("+") if item)


def one(task: Task) -> Score:
    """Run one search; what an algorithm raises is its result."""
    since = time.perf_counter()
    try:
        instance = BY_NAME[task.problem].instance(task.seed)
        outcome = search(instance, _searcher(instance, task), task.plan, task.seed)
        return Score(task, normalised(instance, outcome, task.seed), time.perf_counter() - since)
    except Exception as error:
        return Score(task, math.nan, time.perf_counter() - since, f"{type(error).__name__}: {error}")


def _searcher(instance: Instance, task: Task) -> Searcher:
    name, settings = read(task.contender)
    if name in PEERS:
        return PEERS[name](instance, task.seed)
    return Ours(instance, experiment(instance, name, settings, seed=task.seed, plan=task.plan))


def suits(problem: Problem, contender: str) -> bool:
    """Whether an algorithm is asked at all: those that divide a resource need a problem that has one."""
    name, _ = read(contender)
    return name in PEERS or not divides(name) or problem.kind == "multi-fidelity"


def tasks(problems: Iterable[Problem], contenders: Sequence[str], seeds: Sequence[int], plan: Plan) -> list[Task]:
    """Return every search of a comparison."""
    return [
        Task(problem=problem.name, contender=contender, seed=seed, plan=plan)
        for problem in problems
        for contender in contenders
        for seed in seeds
        if suits(problem, contender)
    ]


def run(work: Sequence[Task], processes: int = 2) -> Cells:
    """Run the searches, each with seeds of its own, so that the order does not matter."""
    cells: Cells = {}
    os.environ.update(_ENVIRONMENT)  # for the processes that are started here: libraries read it when they load
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for score in pool.map(one, work):
            cell = cells.setdefault((score.task.problem, score.task.contender), Cell())
            cell.seconds += score.seconds
            if score.error:
                cell.errors.append(score.error)
            else:
                cell.regrets.append(score.regret)
    return cells


def overall(cells: Cells, contender: str, kinds: Iterable[str] | None = None) -> float:
    """Return the mean over problems, each counting once; of these kinds only, where some are named."""
    wanted = None if kinds is None else set(kinds)
    means = [
        cell.mean for (problem, name), cell in cells.items()
        if name == contender and (wanted is None or BY_NAME[problem].kind in wanted)
    ]  # fmt: skip
    return sum(means) / len(means) if means else math.nan


def table(cells: Cells) -> str:
    """Return problem x algorithm as text: the mean normalised regret and its standard error, the mean last."""
    problems = list(dict.fromkeys(problem for problem, _ in cells))
    algorithms = list(dict.fromkeys(name for _, name in cells))
    width = max(14, max((len(name) + 2 for name in algorithms), default=0))
    lines = ["problem".ljust(17) + "".join(name.rjust(width) for name in algorithms)]
    for problem in problems:
        row = [_figure(cells.get((problem, name))) for name in algorithms]
        lines.append(problem.ljust(17) + "".join(item.rjust(width) for item in row))
    means = [f"{overall(cells, name):.3f}" for name in algorithms]
    lines.append("mean".ljust(17) + "".join(item.rjust(width) for item in means))
    spent = [f"{sum(cell.seconds for (_, item), cell in cells.items() if item == name):.0f} s" for name in algorithms]
    lines.append("time".ljust(17) + "".join(item.rjust(width) for item in spent))
    for (problem, name), cell in cells.items():
        lines += [f"! {name} on {problem}: {len(cell.errors)} failed, first {cell.errors[0]}"] if cell.errors else []
    return "\n".join(lines)


def _figure(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    return f"{cell.mean:.2f} ±{cell.error:.2f}" if cell.regrets else "failed"
