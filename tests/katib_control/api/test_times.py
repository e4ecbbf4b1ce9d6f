from datetime import datetime, timedelta, timezone

import pytest

from katib_control.api.times import from_wire, nanoseconds, to_wire, to_wire_exact

WHEN = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=timezone.utc)


def test_objects_have_whole_seconds_and_logs_fractions() -> None:
    assert to_wire(WHEN) == "2026-01-31T12:00:00Z"
    assert to_wire_exact(WHEN) == "2026-01-31T12:00:00.123456Z"


def test_other_zones_are_written_in_utc() -> None:
    there = WHEN.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert to_wire(there) == "2026-01-31T12:00:00Z"


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        pytest.param("2026-01-31T12:00:00Z", 0, id="whole seconds"),
        pytest.param("2026-01-31T12:00:00.5Z", 500000, id="one digit"),
        pytest.param("2026-01-31T12:00:00.123456789Z", 123456, id="nanoseconds are cut"),
        pytest.param("2026-01-31T14:00:00.123456+02:00", 123456, id="another zone"),
        pytest.param("2026-01-31t12:00:00z", 0, id="small letters"),
    ],
)
def test_reads_rfc_3339(text: str, microseconds: int) -> None:
    assert from_wire(text) == WHEN.replace(microsecond=microseconds)


@pytest.mark.parametrize(
    "text",
    ["", "Z", "now", "2026-01-31", "2026-01-31Z", "2026-01-31T12:00Z", "2026-01-31T12:00:00", "20260131T120000Z",
     "2026-02-30T12:00:00Z", "2026-01-31T12:00:00.Z", "2026-W05-6T12:00:00Z"],
)  # fmt: skip
def test_refuses_anything_else(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - datetime has several texts
        from_wire(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("1970-01-01T00:00:00Z", 0, id="the epoch"),
        pytest.param("1970-01-01T00:00:01.5Z", 1_500_000_000, id="a short fraction"),
        pytest.param("2026-01-31T12:00:00.123456789Z", 1_769_860_800_123_456_789, id="every digit of nine"),
        pytest.param("1970-01-01T02:00:00.000000001+02:00", 1, id="another zone"),
        pytest.param("1969-12-31T23:59:59.9Z", -100_000_000, id="before the epoch"),
        pytest.param("0001-01-01T00:00:00Z", -(1 << 63), id="Katib's zero time is cut to 64 bits"),
    ],
)
def test_times_as_nanoseconds(text: str, expected: int) -> None:
    assert nanoseconds(text) == expected


def test_what_is_no_time_has_no_nanoseconds() -> None:
    with pytest.raises(ValueError, match="yesterday"):
        nanoseconds("yesterday")
