"""The committed tables are what the trainings give: one cell of each is trained again."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn")

from benchmarks.search.data import make_tables
from benchmarks.search.tables import _read


@pytest.mark.filterwarnings("ignore")  # corners of the grids do not converge
@pytest.mark.parametrize("name", make_tables.GRIDS)
def test_a_cell_trained_again(name: str) -> None:
    axes, losses = _read(name)
    assert [item["name"] for item in axes] == list(make_tables.GRIDS[name])
    assert losses.shape[: len(axes)] == tuple(map(len, make_tables.GRIDS[name].values()))
    place = tuple(len(values) // 2 for values in make_tables.GRIDS[name].values())
    chosen = {axis: values[at] for at, (axis, values) in zip(place, make_tables.GRIDS[name].items(), strict=True)}
    assert make_tables.train((name, chosen)) == pytest.approx(losses[place], rel=0.02)
