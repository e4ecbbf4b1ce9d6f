from typing import Any

import pytest

from katib_control.api.experiment import ParameterSpec
from katib_kfp.report.axis import Axis, cut, label, objective_axis, parameter_axis


def axis(type: str, seen: tuple[Any, ...] = (), **space: Any) -> Axis:
    return parameter_axis(ParameterSpec.decode({"name": "p", "parameterType": type, "feasibleSpace": space}), seen)


DOUBLE = axis("double", min="0", max="10")
LOG = axis("double", min="0.01", max="1", distribution="logUniform")
WORDS = axis("categorical", list=["a", "b", "c"])


@pytest.mark.parametrize(
    ("given", "value", "place"),
    [
        pytest.param(DOUBLE, 2.5, 0.25, id="a quarter of the way"),
        pytest.param(LOG, 0.1, 0.5, id="half of the way on a log scale"),
        pytest.param(LOG, 0, None, id="0 is on no log scale"),
        pytest.param(WORDS, "b", 0.5, id="the second of three words"),
        pytest.param(WORDS, "d", None, id="a word that is not there"),
        pytest.param(axis("categorical", list=["a"]), "a", 0.5, id="the only word"),
        pytest.param(axis("double", min="3", max="3"), 3, 0.5, id="the only number"),
        pytest.param(DOUBLE, None, None, id="nothing"),
        pytest.param(DOUBLE, "high", None, id="a word among numbers"),
        pytest.param(DOUBLE, True, None, id="a boolean is no number"),
    ],
)
def test_place(given: Axis, value: Any, place: float | None) -> None:
    assert given.place(value) == (None if place is None else pytest.approx(place))


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        pytest.param(DOUBLE, ["0", "2.5", "5", "7.5", "10"], id="five numbers"),
        pytest.param(axis("int", min="1", max="10"), ["1", "3", "6", "8", "10"], id="whole numbers"),
        pytest.param(axis("int", min="1", max="3"), ["1", "2", "3"], id="no number twice"),
        pytest.param(
            axis("double", min="0.0001", max="1", distribution="logNormal"),
            ["0.0001", "0.001", "0.01", "0.1", "1"],
            id="powers of ten",
        ),
        pytest.param(axis("discrete", list=["128", "16", "32"]), ["16", "32", "128"], id="the values of a discrete"),
        pytest.param(axis("discrete", list=list("012345678")), ["0", "2", "4", "6", "8"], id="but not many"),
        pytest.param(WORDS, ["a", "b", "c"], id="all words"),
        pytest.param(axis("double", min="3", max="3"), ["3"], id="the only number"),
    ],
)
def test_ticks(given: Axis, texts: list[str]) -> None:
    assert [text for _, text in given.ticks] == texts
    places = [place for place, _ in given.ticks]
    assert places == sorted(places)


def test_many_words_have_few_ticks() -> None:
    assert len(axis("categorical", list=[f"w{index}" for index in range(100)]).ticks) <= 20


def test_values_outside_of_the_space_widen_the_axis() -> None:
    assert (axis("double", (0.5, 12), min="1", max="10").low, axis("double", (0.5, 12), min="1", max="10").high) == (
        0.5,
        12,
    )
    assert axis("categorical", ("z",), list=["a"]).categories == ("a", "z")
    assert not axis("double", (-1.0,), min="1", max="10", distribution="logUniform").log


def test_a_space_without_numbers_is_a_unit() -> None:
    assert (axis("double").low, axis("double", min="low", max="nan").high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("values", "log"),
    [([0.1, 0.2], False), ([0.001, 100.0], True), ([-1.0, 1e6], False), ([0.0, 1e6], False), ([], False)],
)
def test_an_objective_over_many_decades_is_drawn_on_a_log_scale(values: list[float], log: bool) -> None:
    assert objective_axis("loss", values).log is log


@pytest.mark.parametrize(
    ("given", "layout"),
    [
        pytest.param(DOUBLE, {"type": "linear", "range": [-0.5, 10.5]}, id="numbers"),
        pytest.param(LOG, {"type": "log", "range": [-2.1, 0.1]}, id="a log scale counts in powers of ten"),
        pytest.param(
            axis("discrete", list=["1", "2"]),
            {"type": "linear", "range": [0.95, 2.05], "tickvals": [1.0, 2.0], "ticktext": ["1", "2"]},
            id="ticks at the values of a discrete",
        ),
    ],
)
def test_layout(given: Axis, layout: dict[str, Any]) -> None:
    found = given.layout
    assert found.pop("range") == pytest.approx(layout.pop("range"))
    assert found == layout


def test_words_that_look_like_markup_are_shown_as_they_are() -> None:
    found = axis("categorical", list=["<b>x</b>"]).layout
    assert (found["tickvals"], found["ticktext"]) == (["<b>x</b>"], ["&lt;b&gt;x&lt;/b&gt;"])


def test_texts() -> None:
    assert [label(item) for item in (3, 0.123456, 1e-07, 16.0, True, "adam")] == [
        "3", "0.1235", "1e-07", "16", "True", "adam",
    ]  # fmt: skip
    assert cut("x" * 30) == "x" * 23 + "…"
