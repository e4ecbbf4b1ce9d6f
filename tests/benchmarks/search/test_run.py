"""Comparisons: contenders, cells, the table, the command line."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from benchmarks.search.loop import Plan, search
from benchmarks.search.peers import PEERS
from benchmarks.search.run import BY_NAME, Cell, Task, one, overall, read, suits, table, tasks


def test_a_contender_may_have_settings() -> None:
    assert read("tpe") == ("tpe", {})
    assert read("tpe:gamma=1+n_startup_trials=5") == ("tpe", {"gamma": "1", "n_startup_trials": "5"})


def test_those_that_divide_a_resource_take_part_where_there_is_one() -> None:
    asked = tasks([BY_NAME["branin"], BY_NAME["curves4"]], ["tpe", "hyperband", "optuna-tpe"], range(2), Plan())
    assert {(task.problem, task.contender) for task in asked} == {
        ("branin", "tpe"), ("branin", "optuna-tpe"), ("curves4", "tpe"), ("curves4", "hyperband"),
        ("curves4", "optuna-tpe"),
    }  # fmt: skip
    assert len(asked) == 10
    assert suits(BY_NAME["curves4"], "asha:eta=2")


def test_what_an_algorithm_raises_is_its_result() -> None:
    score = one(Task(problem="branin", contender="grid", seed=0, plan=Plan(budget=4)))
    assert math.isnan(score.regret)
    assert "step" in score.error
    cells = {("branin", "grid"): Cell(errors=[score.error]), ("branin", "tpe"): Cell([0.5, 0.7], 2.0)}
    shown = table(cells).splitlines()
    assert shown[1].split() == ["branin", "failed", "0.60", "±0.10"]
    assert shown[-1].startswith("! grid on branin: 1 failed")


def test_each_problem_counts_once_in_the_mean() -> None:
    cells = {("branin", "a"): Cell([0.2, 0.4]), ("mixed6", "a"): Cell([0.9]), ("mixed6", "b"): Cell([0.1])}
    assert overall(cells, "a") == pytest.approx(0.6)
    assert overall(cells, "a", {"mixed"}) == pytest.approx(0.9)
    assert math.isnan(overall(cells, "c"))


@pytest.mark.filterwarnings("ignore")  # peers' own
@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("batch", [1, 3])
def test_a_peer_stays_in_the_space(name: str, batch: int) -> None:
    pytest.importorskip({"h": "hyperopt", "s": "skopt", "o": "optuna"}[name[0]])
    if name == "optuna-gp":
        pytest.importorskip("torch")
    instance = BY_NAME["mixed6"].instance(2)
    outcome = search(instance, PEERS[name](instance, 2), Plan(budget=12, batch=batch), 2)
    assert outcome.trials == 12
    assert outcome.loss >= 0


def test_the_command_line() -> None:
    words = "--algorithms random,sobol --problems branin,steps4 --seeds 2 --budget 4 --processes 1"
    command = [sys.executable, "-m", "benchmarks.search", *words.split()]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    assert [line.split()[0] for line in run.stdout.splitlines()] == ["problem", "branin", "steps4", "mean", "time"]
    assert "nan" not in run.stdout
