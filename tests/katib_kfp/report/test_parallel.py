from typing import Any

from builders import experiment, trial
from katib_kfp.report.figures import figures
from katib_kfp.report.study import study
from studies import Study, finished, growing, with_best


def parallel(given: Study) -> dict[str, Any]:
    return figures(study(*given))["parallel"]


def lines(found: dict[str, Any], name: str) -> list[list[float | None]]:
    """The lines of a trace, each as its places from left to right."""
    (trace,) = [item for item in found["data"] if item["name"] == name]
    width = trace["x"].index(None)
    count = len(trace["x"]) // (width + 1)
    assert trace["x"] == [*map(float, range(width)), None] * count, "a gap ends each line"
    return [trace["y"][start : start + width] for start in range(0, len(trace["y"]), width + 1)]


def test_each_trial_is_a_line_through_all_axes() -> None:
    builder = experiment("x").double("lr", 0.01, 1, distribution="logUniform").int("n", 0, 4).categorical("o", "a", "b")
    owner = builder.build()
    trials = [
        trial("x-1").of(owner).index(0).assign(lr=0.1, n=1, o="b").succeeded(loss=1).build(),
        trial("x-2").of(owner).index(1).assign(lr=1, n=4, o="a").succeeded(loss=3).build(),
    ]
    found = parallel((with_best(builder, trials[0]), trials))
    assert [[round(place or 0, 6) for place in line] for line in lines(found, "best")] == [[0.5, 0.25, 1, 0]]
    assert [[round(place or 0, 6) for place in line] for line in lines(found, "the rest")] == [[1, 1, 0, 1]]


def test_groups_are_shares_of_the_trials_by_value() -> None:
    found = parallel(growing(100))
    counts = {item["name"]: len(lines(found, item["name"])) for item in found["data"]}
    assert counts == {"the rest": 50, "best half": 40, "best tenth": 10, "best": 1}
    worst_of_the_best = min(line[-1] or 0 for line in lines(found, "best tenth"))
    assert all((line[-1] or 0) <= worst_of_the_best for line in lines(found, "best half"))


def test_axes_are_named_and_have_ticks() -> None:
    layout = parallel(finished())["layout"]
    assert layout["xaxis"]["ticktext"] == [
        "<b>lr</b><br>(log)", "<b>layers</b>", "<b>optimizer</b>", "<b>batch</b>", "<b>accuracy</b>",
    ]  # fmt: skip
    assert len(layout["shapes"]) == 5
    texts = [item["text"] for item in layout["annotations"] if item["x"] == 2]
    assert texts == ["adam", "sgd", "momentum"]


def test_a_parameter_that_a_trial_lacks_leaves_a_gap() -> None:
    builder = experiment("x").double("lr", 0, 1).double("later", 0, 1)
    owner = builder.build()
    one = trial("x-1").of(owner).assign(lr=0.5).succeeded(loss=1).build()
    assert lines(parallel((with_best(builder, one), [one])), "best") == [[0.5, None, 0.5]]
