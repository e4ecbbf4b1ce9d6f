"""5,000 random search spaces, each put to every algorithm: no exception, no value outside, no hang."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from builders import ExperimentBuilder
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.registry import ALGORITHMS
from searching import Search, assert_inside, parameters, start_up, with_algorithm, with_parameters

SPACES, PARTS = 5000, 20


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
def test_every_algorithm_copes_with_any_search_space(part: int) -> None:
    @seed(part)
    @settings(max_examples=SPACES // PARTS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(space=parameters() | parameters(finite=True), number=st.integers(0, 2**32))
    def all_of_them(space: list[dict[str, Any]], number: int) -> None:
        for name in ALGORITHMS:
            tries_a_few(name, space, with_parameters(space), random.Random(number))

    all_of_them()


def tries_a_few(name: str, space: list[dict[str, Any]], built: ExperimentBuilder, rng: random.Random) -> None:
    """Four points at random, of which some may fail; then one or two from what was learned while one still runs."""
    search = Search(with_algorithm(built, name, **start_up(name)).max_trials(6).build())
    if errors := Engine().validate(search.owner):
        assert all(error.field.startswith("spec.") for error in errors), (name, space, errors)
        return
    search.run(search.name(search.ask(4)))
    for position in range(len(search.trials) - 1):
        search.end(position, rng.choice((None, 1.0, rng.random(), rng.gauss(0, 1e6))) if position else rng.random())
    search.run(search.name(search.ask(rng.randint(1, 2))))
    for values in search.points:
        assert_inside(space, values)
