from datetime import datetime, timedelta, timezone

import pytest

from katib_control.api.times import from_wire, to_wire, to_wire_exact

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
