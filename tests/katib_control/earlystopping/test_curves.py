"""Curves and the book of them."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from katib_control.api.observation import MetricLog
from katib_control.earlystopping.curves import Book, Curve, View, mean_at, value_at


def curve(*values: object, sign: float = 1.0, times: Sequence[str] = ()) -> Curve:
    made = Curve()
    stamps = [*times, *(f"2026-01-31T12:00:{second:02d}Z" for second in range(len(times), len(values)))]
    made.add([MetricLog(stamp, "loss", str(value)) for stamp, value in zip(stamps, values, strict=True)], sign)
    return made


SECOND = 1_000_000_000
NOON = 1_769_860_800 * SECOND


def test_a_curve_has_losses_and_times() -> None:
    found = curve(1, 2.5, sign=-1)
    assert list(found.losses) == [-1.0, -2.5]
    assert list(found.times) == [NOON, NOON + SECOND]


@pytest.mark.parametrize("text", ["nan", "inf", "unavailable", ""])
def test_what_is_no_number_is_a_step_without_a_value(text: str) -> None:
    found = curve(1, text, 4)
    assert [value_at(found, step) for step in (1, 2, 3, 4)] == [1.0, None, 4.0, None]
    assert [mean_at(found, step) for step in (1, 2, 3, 4)] == [1.0, 1.0, 2.5, None]


def test_nothing_but_what_is_no_number_has_no_mean() -> None:
    assert mean_at(curve("nan", "nan", 3), 2) is None


@pytest.mark.parametrize("time", ["", "yesterday", "2026-01-31 12:00", "0001-01-01T00:00:00Z"])
def test_a_report_without_a_time_is_as_old_as_can_be(time: str) -> None:
    assert list(curve(1, times=[time]).times) == [0]


def test_a_book_says_what_ended_trials_have_at_a_step() -> None:
    book = Book()
    for number, values in enumerate([(3, 1, 8), (1, 5), (2,)]):
        book.ended(f"uid-{number}", curve(*values), 0)
    book.put("running", curve(0, 0, 0))
    assert list(View(book).values(1)) == [1, 2, 3]
    assert list(View(book).values(2)) == [1, 5]
    assert list(View(book).averages(2)) == [2, 3]
    assert list(View(book).averages(3)) == [4]
    assert list(View(book).averages(4)) == []


def test_who_ended_later_was_not_known() -> None:
    book = Book()
    book.ended("early", curve(1), NOON)
    book.ended("late", curve(2), NOON + SECOND)
    assert list(View(book, until=NOON).values(1)) == [1]
    assert list(View(book, until=NOON + SECOND).values(1)) == [1, 2]
    assert list(View(book).values(1)) == [1, 2]


def test_recorded_values_are_those_of_all_others_until_a_time() -> None:
    book = Book()
    book.ended("ended", curve(1, 4), NOON)
    book.put("running", curve(2))
    book.put("own", curve(3))
    assert list(View(book, "own").recorded(1)) == [1, 2]
    assert list(View(book, "own", made=NOON).recorded(1)) == [1, 2]
    assert list(View(book, "own", made=NOON).recorded(2)) == [], "step 2 was reported a second later"
    assert list(View(book, "own", made=NOON + SECOND).recorded(2)) == [4]


def test_running_curves_are_brought_up_to_date_only_for_those_who_compare_with_them() -> None:
    asked: list[int] = []
    view = View(Book(), refresh=lambda: asked.append(1))
    view.values(1)
    view.averages(1)
    assert asked == []
    view.recorded(1)
    assert asked == [1]


def test_coming_and_going_leave_what_a_new_book_would_have() -> None:
    rng = random.Random(1)
    book, there = Book(), {}
    for _ in range(300):
        uid = f"uid-{rng.randrange(12)}"
        if rng.random() < 0.6:
            there[uid] = curve(*(rng.randrange(5) for _ in range(rng.randrange(1, 6))))
            book.ended(uid, there[uid], 0)
        else:
            there.pop(uid, None)
            book.drop(uid)
        step = rng.randrange(1, 6)
        fresh = Book()
        for name, item in there.items():
            fresh.ended(name, item, 0)
        assert list(View(book).values(step)) == list(View(fresh).values(step))
        assert list(View(book).averages(step)) == pytest.approx(list(View(fresh).averages(step)))


def test_the_oldest_curves_go_when_there_are_too_many_reports() -> None:
    book = Book(capacity=6)
    for number in range(4):
        book.ended(f"uid-{number}", curve(number, number), 0)
        assert len(View(book).values(2)) <= 3
    assert list(View(book).values(1)) == [1, 2, 3]


def test_one_curve_is_kept_however_long_it_is() -> None:
    book = Book(capacity=1)
    book.ended("long", curve(1, 2, 3), 0)
    assert list(View(book).values(3)) == [3]
