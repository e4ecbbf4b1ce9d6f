"""The figures of ``scripts/bench search``: every algorithm on the held-out problems, beside its goal and its peers."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping

from benchmarks.search.heldout_set import HELD_OUT
from benchmarks.search.loop import Plan
from benchmarks.search.peers import PEERS
from benchmarks.search.run import Cells, overall, read, run, table, tasks
from katib_control.suggestion.registry import ALGORITHMS

Goals = Mapping[str, tuple[float, float | None]]

GOALS: Goals = {
    "tpe": (0.42, 0.45),
    "multivariate-tpe": (0.42, 0.45),
    "bayesianoptimization": (0.25, None),
    "bayesianoptimization:base_estimator=GP": (0.35, None),
    "cmaes": (0.55, None),
    "sobol": (1.0, None),
    "hyperband": (0.70, None),
    "bohb": (0.50, None),
    "asha": (0.50, None),
}
"""Mean normalised regret at most, one trial at a time and in batches of 4."""

LEFT_OUT = {
    "grid": "needs a step for every double",
    "pbt": "finds a schedule over checkpoints, not a point",
}
DEAR = {"bayesianoptimization", "smac", "auto", "optuna-gp", "skopt-gp"}
"""Those whose every point costs a tenth of a second or more: fewer searches."""

SEEDS, DEAR_SEEDS = 10, 3
ONE_SEED = {"skopt-gp", "optuna-gp"}
"""Peers that take about a minute for a search."""


def contenders() -> list[str]:
    """Return ours, then the peers."""
    ours = [name for name in ALGORITHMS if name not in LEFT_OUT]
    return [*ours, *(name for name in GOALS if ":" in name), *PEERS]


def measure(*, quick: bool) -> dict[str, object]:
    """Return each contender's mean over the held-out problems after 60 trials, and each problem's."""
    figures: dict[str, object] = {"left_out": LEFT_OUT}
    cells: dict[str, Cells] = {}
    names = [name for name in contenders() if not quick or read(name)[0] not in DEAR]
    for mode, batch in (("sequential", 1), ("batch_of_4", 4)):
        plan = Plan(budget=15 if quick else 60, batch=batch)
        found: Cells = {}
        for name in names:
            found |= run(tasks(HELD_OUT, [name], range(1 if quick else seeds(name)), plan))
            print(f"   {mode} {name}: {overall(found, name):.3f}", file=sys.stderr, flush=True)
        print(f"{mode}\n{table(found)}", flush=True)
        cells[mode] = found
    for name in names:
        figures[name] = _figures(cells, name, {} if quick else GOALS)  # goals are for 60 trials
    return figures


def seeds(contender: str) -> int:
    """Return how many searches of each problem a contender is given."""
    if contender in ONE_SEED:
        return 1
    return DEAR_SEEDS if read(contender)[0] in DEAR else SEEDS


def _figures(cells: Mapping[str, Cells], name: str, goals: Goals) -> dict[str, object]:
    figures: dict[str, object] = {}
    for place, (mode, found) in enumerate(cells.items()):
        figures[mode] = _rounded(overall(found, name))
        goal = goals[name][place] if name in goals else None
        if goal is not None:
            figures[f"{mode}_goal"] = goal
        figures[f"{mode}_by_problem"] = {
            problem: _rounded(cell.mean) for (problem, other), cell in found.items() if other == name
        }
        if errors := [cell.errors[0] for (_, other), cell in found.items() if other == name and cell.errors]:
            figures[f"{mode}_errors"] = errors
    return figures


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
