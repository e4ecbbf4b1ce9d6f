"""Reading requests: what makes two of them the same search. Indices and refusals: test_server.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from katib_control.api.errors import FieldError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.settings import Setting, Settings
from katib_control.pb import api_pb2 as pb
from katib_control.suggestion.algorithm import ONE_OBJECTIVE, Feature, Found, Request
from katib_control.suggestion.asked import Asked, Reader
from katib_control.suggestion.space import SearchSpace
from serving import experiment_message, integer


class Noting:
    """Writes a setting back."""

    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(name="given", type="text", help=""),
        Setting(name="told", type="text", help="", written=True),
    )
    supports: ClassVar[frozenset[Feature]] = ONE_OBJECTIVE

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        return ()

    def ask(self, request: Request) -> Found:
        return Found(())


READER = Reader({"noting": Noting()})


def read(metadata: Mapping[str, str] | None = None, uid: str = "", **experiment: Any) -> Asked:
    message = experiment_message("noting", **experiment)
    message.uid = uid
    return READER.read(pb.GetSuggestionsRequest(experiment=message).SerializeToString(), metadata or {})


SAME = [
    pytest.param({}, id="the same bytes"),
    pytest.param({"settings": {"told": "7"}}, id="what the algorithm wrote back"),
    pytest.param({"max_trial_count": 9, "parallel_trial_count": 2}, id="counts"),
]
OTHERS = [
    pytest.param({"settings": {"given": "7"}}, id="another setting"),
    pytest.param({"parameters": [integer("n", 1, 2)]}, id="another space"),
    pytest.param({"objective": {"type": pb.MAXIMIZE, "objective_metric_name": "loss"}}, id="another direction"),
    pytest.param({"constraints": ["x < 0.5"]}, id="a constraint"),
    pytest.param({"name": "y"}, id="another name"),
    pytest.param({"uid": "u-1"}, id="another uid"),
    pytest.param({"metadata": {"namespace": "team"}}, id="another namespace"),
]


@pytest.mark.parametrize("said", SAME)
def test_what_does_not_make_another_search(said: dict[str, Any]) -> None:
    assert read(**said).key == read().key


@pytest.mark.parametrize("said", OTHERS)
def test_what_makes_another_search(said: dict[str, Any]) -> None:
    assert read(**said).key != read().key


def test_the_same_bytes_are_the_same_experiment() -> None:
    assert read().experiment is read().experiment
    assert read(name="y").experiment is not read().experiment


def test_many_experiments_do_not_stay_for_ever() -> None:
    first = read().experiment
    for number in range(300):
        read(name=f"other-{number}")
    assert read().experiment is not first


@pytest.mark.parametrize(
    ("trials", "current", "total", "index"),
    [
        pytest.param(0, 3, 3, 0, id="the first question"),
        pytest.param(3, 1, 4, 3, id="all points are trials"),
        pytest.param(2, 1, 5, 4, id="two points are not trials yet"),
        pytest.param(20, 3, 32, 29, id="trials without metrics are not sent"),
        pytest.param(5, 1, 60, 5, id="the total is a budget"),
        pytest.param(7, 2, 0, 7, id="no total"),
        pytest.param(7, 2, 2, 7, id="the total is what is wanted now"),
    ],
)
def test_the_index_of_the_first_point(trials: int, current: int, total: int, index: int) -> None:
    request = pb.GetSuggestionsRequest(
        experiment=experiment_message("noting", parallel_trial_count=3),
        trials=[pb.Trial(name=f"t-{number}") for number in range(trials)],
        current_request_number=current,
        total_request_number=total,
    )
    assert READER.read(request.SerializeToString(), {}).index == index
