"""The loop over a batch: what is proposed, what is random, and who is told."""

from __future__ import annotations

from builders import experiment
from katib_control.api.experiment import ObjectiveSpec
from katib_control.suggestion.algorithm import Request, Suggested
from katib_control.suggestion.batch import new_points
from katib_control.suggestion.history import History
from katib_control.suggestion.space import search_space

OWNER = experiment().int("n", 1, 9).build()
SPACE = search_space(OWNER.spec.parameters)
HISTORY = History(SPACE, ObjectiveSpec(type="minimize", objective_metric_name="loss"))
REQUEST = Request(
    space=SPACE, settings={}, spec=OWNER.spec, seed="1", index=4, count=3, history=lambda: HISTORY
)  # fmt: skip


def test_without_a_proposal_points_are_random_and_distinct() -> None:
    points = [item.point for item in new_points(REQUEST, HISTORY)]
    assert len(set(points)) == 3
    assert points == [item.point for item in new_points(REQUEST, HISTORY, lambda *_: None)]


def test_each_proposal_knows_of_those_before_it_and_keeps_its_labels() -> None:
    seen = []

    def propose(index, made, busy):
        seen.append((index, set(made), set(busy)))
        return Suggested((str(index),), {"index": str(index)}) if index != 5 else None

    found = new_points(REQUEST, HISTORY, propose)
    assert [item.labels for item in found] == [{"index": "4"}, {}, {"index": "6"}]
    assert [index for index, *_ in seen] == [4, 5, 6]
    assert seen[2][1] == seen[2][2] == {found[0].point, found[1].point}


def test_a_model_is_told_of_each_point_before_the_next_one() -> None:
    told = []
    found = new_points(REQUEST, HISTORY, tell=told.append)
    assert told == [item.point for item in found[:-1]]
