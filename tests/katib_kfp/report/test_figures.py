import json
from typing import Any

import pytest

from builders import experiment, trial
from katib_kfp.report.figures import MOST, drawn, figures
from katib_kfp.report.study import study
from studies import Study, finished, growing, hopeless, with_best


def of(given: Study) -> dict[str, Any]:
    return figures(study(*given))


def trace(figure: dict[str, Any], name: str) -> dict[str, Any]:
    found = [item for item in figure["data"] if item["name"] == name]
    assert len(found) == 1
    return found[0]  # type: ignore[no-any-return]  # a plain dict


def losses(*values: float | None, type: str = "minimize", goal: float | None = None) -> Study:
    """A trial per value; None is a failed one."""
    builder = experiment("x").double("lr", 0, 1).objective("loss", type, goal=goal)
    owner = builder.build()
    trials = []
    for index, value in enumerate(values):
        one = trial(f"x-{index}").of(owner).index(index).assign(lr=index / 10)
        trials.append((one.failed() if value is None else one.succeeded(loss=value)).build())
    pick = min if type == "minimize" else max
    number = pick(
        (index for index, value in enumerate(values) if value is not None), key=lambda index: values[index] or 0
    )
    return with_best(builder, trials[number]), trials


def test_there_is_a_figure_for_all_and_one_per_parameter() -> None:
    assert list(of(finished())) == ["history", "parallel", "slice:lr", "slice:layers", "slice:optimizer", "slice:batch"]


def test_without_a_value_there_is_no_figure() -> None:
    assert of(hopeless()) == {}


def test_the_same_input_gives_the_same_plain_json() -> None:
    first, second = (json.dumps(of(finished()), allow_nan=False) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        pytest.param(losses(3, 5, 2, 4), [(1, 3), (3, 2), (4, 2)], id="minimize steps down"),
        pytest.param(losses(3, 5, 2, 4, type="maximize"), [(1, 3), (2, 5), (4, 5)], id="maximize steps up"),
        pytest.param(losses(None, 3, None, 2, None), [(2, 3), (4, 2), (4, 2)], id="failed trials are no steps"),
        pytest.param(losses(3, 3), [(1, 3), (2, 3)], id="the first of equals stays"),
    ],
)
def test_best_so_far(given: Study, steps: list[tuple[int, float]]) -> None:
    line = trace(of(given)["history"], "best so far")
    assert list(zip(line["x"], line["y"], strict=True)) == steps
    assert line["line"]["shape"] == "hv"


def test_history_shows_each_trial_under_its_number_and_where_one_failed() -> None:
    figure = of(losses(3, None, 2))["history"]
    assert (trace(figure, "trial")["x"], trace(figure, "trial")["y"]) == ([1, 3], [3.0, 2.0])
    assert trace(figure, "without a value")["x"] == [2]
    assert "lr = 0.2" in trace(figure, "trial")["text"][1]


def test_the_goal_is_a_line() -> None:
    assert trace(of(losses(3, 2, goal=1))["history"], "goal")["y"] == [1, 1]
    assert [item["name"] for item in of(losses(3, 2))["history"]["data"]] == ["trial", "best so far"]


def test_values_over_many_decades_are_drawn_on_a_log_scale() -> None:
    given = of(losses(1e-3, 1e3, goal=0))
    assert given["history"]["layout"]["yaxis"]["type"] == "log"
    assert given["slice:lr"]["layout"]["yaxis"]["type"] == "log"
    assert [item["name"] for item in given["history"]["data"]] == ["trial", "best so far"], (
        "a goal of 0 is on no log scale"
    )


def test_an_early_stopped_trial_is_an_open_circle() -> None:
    symbols = trace(of(finished())["history"], "trial")["marker"]["symbol"]
    assert symbols.count("circle-open") == 1


def test_slices_have_the_scale_of_their_parameter() -> None:
    found = {name: figure["layout"]["xaxis"] for name, figure in of(finished()).items() if name.startswith("slice:")}
    assert [axis["type"] for axis in found.values()] == ["log", "linear", "category", "linear"]
    assert found["slice:optimizer"]["categoryarray"] == ["adam", "sgd", "momentum"]
    assert found["slice:batch"]["tickvals"] == [16, 32, 64, 128]


def test_slices_mark_the_best_trial() -> None:
    owner, trials = finished()
    best = owner.status.current_optimal_trial
    assert best is not None
    found = trace(of((owner, trials))["slice:lr"], "best")
    assert found["x"] == [float(best.parameter_assignments[0].value)]


def test_not_more_trials_are_drawn_than_a_browser_likes() -> None:
    given = growing(MOST + 500)
    shown = drawn(study(*given))
    names = [row.trial.name for row, _ in shown]
    best = given[0].status.current_optimal_trial
    assert best is not None
    assert best.best_trial_name in names
    assert MOST - 1 <= len(set(names)) == len(names) <= MOST
    assert [row.number for row, _ in shown] == sorted(row.number for row, _ in shown)
    assert len(trace(of(given)["history"], "trial")["x"]) == len(shown)


def test_best_so_far_is_computed_from_all_trials() -> None:
    owner, trials = growing(MOST + 500)
    line = trace(of((owner, trials))["history"], "best so far")
    values = [float(item.status.observation.metrics[0].latest) for item in trials if item.status.observation]
    assert line["y"][-1] == max(values)


def test_names_that_look_like_markup_are_escaped_for_plotly() -> None:
    builder = experiment("x").double("<b>lr</b>", 0, 1).objective("<i>")
    owner = builder.build()
    one = trial("x-1").of(owner).assign(**{"<b>lr</b>": 0.5}).succeeded(**{"<i>": 1}).build()
    text = json.dumps(list(of((with_best(builder, one), [one])).values()))
    assert "<i>" not in text.replace("<extra>", "")
    assert "<b>lr" not in text
