"""Trials of request after request: what is known is not read again, and nothing comes out differently for it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from katib_control.pb import api_pb2 as pb
from katib_control.suggestion.asked import Asked, Reader
from katib_control.suggestion.received import Received
from katib_control.suggestion.registry import ALGORITHMS
from serving import experiment_message, trial_message

RUNNING, SUCCEEDED = pb.TrialStatus.RUNNING, pb.TrialStatus.SUCCEEDED


def asked(trials: list[pb.Trial], *, ordered: bool = False) -> Asked:
    request = pb.GetSuggestionsRequest(experiment=experiment_message(), trials=trials, ordered=ordered)
    return Reader(ALGORITHMS).read(request.SerializeToString(), {})


def made(number: int, state: int = SUCCEEDED, start: int | None = None, name: str | None = None) -> pb.Trial:
    values = {"x": str(number / 100)}
    name = f"t-{number}" if name is None else name
    return trial_message(name, values, str(number), state, number if start is None else start)


def names(received: Received) -> list[str]:
    return [trial.metadata.name for trial in received.trials]


TEN = [made(number) for number in range(10)]

UPDATES = [
    pytest.param(TEN, TEN, True, id="the same again"),
    pytest.param([], TEN, True, id="the first ones"),
    pytest.param(TEN, [*TEN, made(10)], True, id="one more"),
    pytest.param(TEN, TEN[::-1], True, id="another order"),
    pytest.param([*TEN, made(10, RUNNING)], [*TEN, made(10)], True, id="one that ran has ended"),
    pytest.param([made(0, RUNNING), *TEN[1:]], TEN, True, id="the first has ended at last"),
    pytest.param(TEN, TEN[:-1], False, id="the last vanished"),
    pytest.param(TEN, TEN[1:], False, id="the first vanished"),
    pytest.param(TEN, [*TEN[1:], made(10)], False, id="one vanished, another came"),
    pytest.param(TEN, [made(0, RUNNING), *TEN[1:]], False, id="one that had ended runs again"),
    pytest.param(TEN, [*TEN, made(99, start=4)], False, id="one that started between others"),
    pytest.param(
        [*TEN, made(10, RUNNING)], [*TEN, made(11, start=10)], False, id="another in the place of one that ran"
    ),
    pytest.param(
        [*TEN, made(10, RUNNING)], [*TEN, made(77, SUCCEEDED, start=10, name="t-10")], False,
        id="one that ran has ended with other values",
    ),
]  # fmt: skip


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize(("before", "after", "goes_on"), UPDATES)
def test_what_continues_a_history(before: list[pb.Trial], after: list[pb.Trial], goes_on: bool, ordered: bool) -> None:
    if ordered and after == before[::-1]:
        goes_on = False  # the order is part of what was said
    elif ordered and after[-1].name == "t-99":
        goes_on = True  # it came last
    received = Received()
    received.update(asked(before, ordered=ordered))
    assert received.update(asked(after, ordered=ordered)) is goes_on


def test_trials_that_are_known_are_the_same_objects() -> None:
    received = Received()
    received.update(asked(TEN))
    first = received.trials
    received.update(asked([made(10), *TEN[::-1]]))
    assert len(received.trials) == 11
    assert all(new is old for new, old in zip(received.trials, first, strict=False))


FITS = [
    pytest.param(TEN, TEN, True, id="the same"),
    pytest.param(TEN, [*TEN[::-1], made(11)], True, id="more, in another order"),
    pytest.param([*TEN, made(10, RUNNING)], TEN, True, id="one that ran is gone"),
    pytest.param(TEN, TEN[1:], False, id="one that had ended is gone"),
    pytest.param(TEN, [made(0, RUNNING), *TEN[1:]], False, id="one has changed"),
    pytest.param([], TEN, True, id="nothing is known yet"),
    pytest.param(TEN, [], False, id="another beginning"),
]


@pytest.mark.parametrize(("before", "after", "fits"), FITS)
def test_whose_history_it_is(before: list[pb.Trial], after: list[pb.Trial], fits: bool) -> None:
    received = Received()
    received.update(asked(before))
    assert received.fits(asked(after)) is fits


def test_trials_without_a_start_come_last_and_ties_go_by_name() -> None:
    late = made(3)
    late.status.start_time = ""
    received = Received()
    received.update(asked([late, made(2, start=1), made(1, start=1), made(5, start=0)]))
    assert names(received) == ["t-5", "t-1", "t-2", "t-3"]


TWICE = [
    pytest.param([made(1), made(1)], ["t-1"], id="the same trial twice counts once"),
    pytest.param([made(1), made(2, name="t-1")], ["t-1", "t-1"], id="of one name, but different"),
    pytest.param([made(1, name=""), made(1, name="")], ["", ""], id="without names they are two"),
]


@pytest.mark.parametrize(("trials", "expected"), TWICE)
def test_trials_that_are_there_twice(trials: list[pb.Trial], expected: list[str]) -> None:
    received = Received()
    for _ in range(2):
        received.update(asked(trials))
        assert names(received) == expected


def test_an_unreadable_trial_leaves_everything_as_it_was() -> None:
    received = Received()
    received.update(asked(TEN))
    wrong = pb.GetSuggestionsRequest(trials=[made(20), *TEN[1:]]).SerializeToString() + b"\x12\x03\x0a\x01\xff"
    with pytest.raises(Exception, match="must be a message"):
        received.update(Reader(ALGORITHMS).read(wrong, {}))
    received.update(asked([made(20), *TEN[1:]]))
    assert names(received) == [*names_of(TEN[1:]), "t-20"]


def names_of(trials: list[pb.Trial]) -> list[str]:
    return [trial.name for trial in trials]


one_trial = st.builds(
    made,
    st.integers(0, 5),
    st.sampled_from([RUNNING, SUCCEEDED]),
    st.integers(0, 3),
    st.sampled_from(["", "a", "b", None]),
)


@settings(max_examples=300)
@given(requests=st.lists(st.tuples(st.lists(one_trial, max_size=8), st.booleans()), min_size=2, max_size=6))
def test_every_sequence_of_requests_gives_what_each_would_give_alone(
    requests: list[tuple[list[pb.Trial], bool]],
) -> None:
    received = Received()
    for trials, ordered in requests:
        alone = Received()
        alone.update(asked(trials, ordered=ordered))
        received.update(asked(trials, ordered=ordered))
        assert received.trials == alone.trials
        assert received.fits(asked(trials, ordered=ordered))
