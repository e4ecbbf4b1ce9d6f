"""Durations as kubectl prints them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from katib_control.apiserver.ages import age, between, human_duration

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (599, "9m59s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (5 * 3600 + 7 * 60, "5h7m"),
        (8 * 3600 + 60, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (50 * 3600, "2d2h"),
        (8 * 86400 + 3600, "8d"),
        (729 * 86400, "729d"),
        (731 * 86400, "2y1d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_human_duration(seconds: int, shown: str) -> None:
    assert human_duration(timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize(
    ("stamp", "shown"),
    [
        pytest.param("2026-01-31T11:59:30Z", "30s", id="a time stamp"),
        pytest.param(None, "<unknown>", id="none"),
        pytest.param("", "<unknown>", id="an empty one"),
        pytest.param("yesterday", "<invalid>", id="not a time stamp"),
    ],
)
def test_age(stamp: str | None, shown: str) -> None:
    assert age(stamp, NOW) == shown


def test_between_runs_until_now_when_there_is_no_end() -> None:
    assert between("2026-01-31T11:00:00Z", None, NOW) == "60m"
    assert between("2026-01-31T11:00:00Z", "2026-01-31T11:00:05Z", NOW) == "5s"
    assert between(None, None, NOW) == ""
