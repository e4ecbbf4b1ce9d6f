import pytest

from katib_control.api.experiment import MetricStrategy, ObjectiveSpec, Observation
from katib_control.api.observation import MetricLog, number, objective_value, observe

OBJECTIVE = ObjectiveSpec(type="minimize", objective_metric_name="loss", additional_metric_names=["acc"])


def log(*entries: tuple[str, str]) -> list[MetricLog]:
    return [MetricLog(f"2026-01-31T12:00:{at:02}Z", name, value) for at, (name, value) in enumerate(entries)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5), ("-1e-3", -0.001), (" 7 ", 7.0), ("nan", None), ("inf", None), ("-Infinity", None),
        ("1e999", None),
        ("", None), ("high", None), ("1_000", None), ("0x10", None),
    ],
)  # fmt: skip
def test_only_finite_numbers_count(text: str, value: float | None) -> None:
    assert number(text) == value


def test_min_max_and_latest_keep_their_text() -> None:
    found = observe(log(("loss", "0.50"), ("acc", "0.9"), ("loss", "1e-1"), ("loss", "0.3"), ("other", "1")), OBJECTIVE)
    assert found is not None
    assert [metric.to_dict() for metric in found.metrics] == [
        {"name": "loss", "min": "1e-1", "max": "0.50", "latest": "0.3"},
        {"name": "acc", "min": "0.9", "max": "0.9", "latest": "0.9"},
    ]


def test_numbers_are_compared_as_numbers() -> None:
    found = observe(log(("loss", "9"), ("loss", "10")), OBJECTIVE)
    assert found is not None
    assert (found.metrics[0].min, found.metrics[0].max) == ("9", "10")


def test_what_is_no_number_never_becomes_a_value() -> None:
    found = observe(log(("loss", "nan"), ("loss", "0.3"), ("loss", "inf"), ("acc", "oops")), OBJECTIVE)
    assert found is not None
    assert found.metrics[0].to_dict() == {"name": "loss", "min": "0.3", "max": "0.3", "latest": "0.3"}
    assert (found.metrics[1].min, found.metrics[1].latest) == ("unavailable", "unavailable")


def test_without_a_value_of_the_objective_there_is_no_observation() -> None:
    assert observe(log(("acc", "0.9"), ("loss", "nan")), OBJECTIVE) is None
    assert observe([], OBJECTIVE) is None


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        pytest.param(None, 0.1, id="minimize takes the least"),
        pytest.param("max", 0.5, id="a given strategy counts"),
        pytest.param("latest", 0.3, id="the latest"),
    ],
)
def test_the_objective_follows_its_strategy(strategy: str | None, expected: float) -> None:
    found = observe(log(("loss", "0.5"), ("loss", "0.1"), ("loss", "0.3")), OBJECTIVE)
    strategies = [MetricStrategy(name="loss", value=strategy)] if strategy else []
    assert objective_value(found, OBJECTIVE.but(metric_strategies=strategies)) == expected


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        pytest.param({"name": "loss", "min": "unavailable", "max": "unavailable", "latest": "0.4"}, 0.4, id="latest"),
        pytest.param({"name": "loss"}, None, id="nothing available"),
        pytest.param({"name": "acc", "min": "1", "max": "1", "latest": "1"}, None, id="another metric"),
        pytest.param({"name": "loss", "min": "nan", "max": "nan", "latest": "nan"}, None, id="not a number"),
    ],
)
def test_the_objective_where_there_is_no_value(metric: dict[str, str], expected: float | None) -> None:
    assert objective_value(Observation.decode({"metrics": [metric]}), OBJECTIVE) == expected


def test_no_observation_has_no_value() -> None:
    assert objective_value(None, OBJECTIVE) is None
