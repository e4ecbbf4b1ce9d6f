"""The latency benchmark serves every algorithm."""

from __future__ import annotations

import pytest

from benchmarks import suggestion
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.registry import ALGORITHMS


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_gets_a_history_it_can_answer_to(name: str) -> None:
    labelled = "ownStart" in ALGORITHMS[name].supports
    history = suggestion.History(name)
    history.trials = suggestion.History(name if labelled else "random").grown(12).trials
    for item in history.ask(Engine()):
        history.finish(item)
    assert len(history.trials) == 13
    assert all(trial.status.observation for trial in history.trials)


def test_figures_stand_beside_their_goals() -> None:
    figures = suggestion._algorithm("random", (100,))
    assert figures.keys() == {"random_100_ms"}
    figure = figures["random_100_ms"]
    assert figure["goal"] == 2
    assert 0 < figure["later"] < 100
    assert set(suggestion.GOALS) <= {*ALGORITHMS, "multivariate-tpe", "bohb", "cmaes"}
