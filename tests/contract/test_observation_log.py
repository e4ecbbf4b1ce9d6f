"""What every store of the observation log must do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from katib_control.api.errors import KatibError
from katib_control.api.observation import MetricLog, TrialKey
from katib_control.observations.store import MEMORY, ObservationStore

BACK_ENDS = ["SQLite file", "memory"]


@pytest.fixture(params=BACK_ENDS)
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObservationStore]:
    store = ObservationStore(MEMORY if request.param == "memory" else tmp_path / "observations.db")
    yield store
    store.close()


KEY = TrialKey("default", "trial-1", "uid-1")


def at(second: float, value: object = 1, name: str = "loss") -> MetricLog:
    return MetricLog(f"2026-01-31T12:00:{second:012.9f}Z", name, str(value))


def test_what_was_reported_is_read_exactly(log: ObservationStore) -> None:
    entries = [
        at(1, "0.10"), at(2, "1e-5", "acc"), at(3, "nan"), MetricLog("2026-01-31T12:00:04Z", "train/loss", "-1"),
        MetricLog("2026-01-31T12:00:05.123456789Z", "größe", "7"),
    ]  # fmt: skip
    log.report(KEY, entries)
    assert list(log.read(KEY)) == entries


def test_an_unknown_trial_has_no_entries(log: ObservationStore) -> None:
    assert list(log.read(KEY)) == []


def test_one_metric_can_be_read_alone(log: ObservationStore) -> None:
    log.report(KEY, [at(1), at(2, name="acc"), at(3)])
    assert list(log.read(KEY, "loss")) == [at(1), at(3)]
    assert list(log.read(KEY, "los")) == []


def test_entries_come_in_time_order_to_the_nanosecond(log: ObservationStore) -> None:
    log.report(KEY, [at(2.000000002), at(2), at(1)])
    log.report(KEY, [at(2.000000001), at(0)])
    assert list(log.read(KEY)) == [at(0), at(1), at(2), at(2.000000001), at(2.000000002)]


def test_times_with_and_without_fraction_are_compared_as_times(log: ObservationStore) -> None:
    whole, half = MetricLog("2026-01-31T12:00:00Z", "loss", "1"), MetricLog("2026-01-31T12:00:00.5Z", "loss", "2")
    log.report(KEY, [half, whole])
    assert list(log.read(KEY)) == [whole, half]


def test_entries_of_the_same_time_come_in_the_order_of_reporting(log: ObservationStore) -> None:
    entries = [at(1, value) for value in (3, 1, 2)]
    log.report(KEY, entries[:2])
    log.report(KEY, entries[2:])
    assert list(log.read(KEY)) == entries


def test_a_report_that_comes_twice_counts_once(log: ObservationStore) -> None:
    entries = [at(1), at(1), at(2), at(1, name="acc")]
    log.report(KEY, entries)
    log.report(KEY, entries)
    assert sorted(log.read(KEY)) == sorted(entries)


def test_a_report_of_all_after_parts_of_it_equals_one_report(log: ObservationStore) -> None:
    entries = [at(second, second % 3) for second in range(20)]
    log.report(KEY, entries[:7])
    log.report(KEY, entries[5:12])
    log.report(KEY, entries)
    assert list(log.read(KEY)) == entries


def test_the_same_name_in_another_namespace_or_with_another_uid_is_another_trial(log: ObservationStore) -> None:
    others = [TrialKey("default", "trial-1", "uid-2"), TrialKey("other", "trial-1", "uid-1")]
    for value, key in enumerate([KEY, *others]):
        log.report(key, [at(1, value)])
    log.delete(KEY)
    assert [list(log.read(key)) for key in [KEY, *others]] == [[], [at(1, 1)], [at(1, 2)]]


def test_deleting_what_is_not_there_is_success(log: ObservationStore) -> None:
    log.delete(KEY)
    log.delete(KEY)


def test_katibs_zero_time_is_kept_and_comes_first(log: ObservationStore) -> None:
    zero = MetricLog("0001-01-01T00:00:00Z", "loss", "unavailable")
    log.report(KEY, [at(1), zero])
    assert list(log.read(KEY)) == [zero, at(1)]


def test_a_long_report_is_stored_at_once(log: ObservationStore) -> None:
    entries = [at(number / 1000, number) for number in range(20_000)]
    log.report(KEY, entries)
    assert list(log.read(KEY)) == entries


def test_an_empty_report_changes_nothing(log: ObservationStore) -> None:
    log.report(KEY, [])
    assert list(log.read(KEY)) == []


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        pytest.param(MetricLog("yesterday", "loss", "1"), "'yesterday'", id="no time"),
        pytest.param(MetricLog("2026-02-31T00:00:00Z", "loss", "1"), "loss", id="a day that does not exist"),
        pytest.param(at(1, "9" * 300), "its value has 300 characters, at most 255", id="too long a value"),
        pytest.param(at(1, name="n" * 300), "its metric has 300 characters, at most 255", id="too long a name"),
    ],
)
def test_an_entry_that_cannot_be_kept_is_refused_and_none_of_the_report_is_stored(
    log: ObservationStore, entry: MetricLog, told: str
) -> None:
    with pytest.raises(KatibError, match=told):
        log.report(KEY, [at(1), entry])
    assert list(log.read(KEY)) == []


def test_many_threads_write_and_read_at_once(log: ObservationStore) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        key = TrialKey("default", f"trial-{number}", f"uid-{number}")
        try:
            for second in range(20):
                log.report(key, [at(second, number)])
                assert len(log.read(key)) == second + 1
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_what_is_new_is_read_from_a_mark_on_in_the_order_of_reporting(log: ObservationStore) -> None:
    assert log.read_after(KEY, "loss", 0) == ([], 0, 0)
    log.report(KEY, [at(2, "0.5"), at(1, name="acc"), at(3, "0.4")])
    found, mark, count = log.read_after(KEY, "loss", 0)
    assert (list(found), count) == ([at(2, "0.5"), at(3, "0.4")], 2)
    assert log.read_after(KEY, "loss", mark) == ([], mark, 2)
    log.report(KEY, [at(3, "0.4"), at(1, "0.6")])
    found, later, count = log.read_after(KEY, "loss", mark)
    assert (list(found), count) == ([at(1, "0.6")], 3)
    assert later > mark


def test_that_entries_were_removed_shows_in_their_number(log: ObservationStore) -> None:
    log.report(KEY, [at(1), at(2)])
    mark = log.read_after(KEY, "loss", 0)[1]
    log.delete(KEY)
    log.report(KEY, [at(3)])
    found, _, count = log.read_after(KEY, "loss", mark)
    assert count != 2 + len(found)


def test_listeners_hear_of_each_report_once_it_can_be_read(log: ObservationStore) -> None:
    heard: list[tuple[TrialKey, int]] = []
    log.on_report(lambda trial: heard.append((trial, len(log.read(trial)))))
    log.report(KEY, [at(1), at(2)])
    log.report(KEY, [])
    log.report(KEY, [at(3)])
    assert heard == [(KEY, 2), (KEY, 3)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.builds(at, st.integers(0, 3), st.integers(0, 2)), max_size=6), max_size=4))
def test_repeating_any_reports_changes_nothing(log: ObservationStore, reports: list[list[MetricLog]]) -> None:
    log.delete(KEY)
    for entries in reports:
        log.report(KEY, entries)
    before = list(log.read(KEY))
    for entries in reversed(reports):
        log.report(KEY, entries)
    assert list(log.read(KEY)) == before
