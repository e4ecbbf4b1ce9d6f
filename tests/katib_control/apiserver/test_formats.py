"""Formats of strings, and patterns written for Go."""

from __future__ import annotations

import pytest

from katib_control.apiserver.formats import FORMATS, QUANTITY, go_pattern


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        pytest.param("byte", ["aGk=", ""], ["a", "a$=="], id="base64"),
        pytest.param("cidr", ["10.0.0.0/8", "fd00::/8"], ["10.0.0.1", "x/8"], id="networks"),
        pytest.param("date", ["2026-02-28"], ["2026-02-30", "28.2.2026", "2026-2-8"], id="dates"),
        pytest.param(
            "date-time",
            ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000001+02:00"],
            ["2026-01-31 12:00:00Z", "2026-01-31T12:00:00", "2026-13-01T00:00:00Z", "2026-01-31T25:00:00Z"],
            id="RFC 3339 times",
        ),
        pytest.param("duration", ["1h30m", "5 s", "1.5h"], ["", "5", "h"], id="durations"),
        pytest.param("email", ["a@b.c"], ["a", "a@b@c", "a b@c"], id="addresses of mail"),
        pytest.param("hostname", ["a.example.com", "x"], ["", "-a", "a..b", "x" * 64], id="host names"),
        pytest.param("ipv4", ["127.0.0.1"], ["127.0.0", "::1"], id="IPv4"),
        pytest.param("ipv6", ["::1"], ["127.0.0.1", ":::"], id="IPv6"),
        pytest.param("mac", ["01:23:45:67:89:ab"], ["01:23", "zz:23:45:67:89:ab"], id="MAC addresses"),
        pytest.param("uri", ["https://a/b", "/path"], ["a b", "relative"], id="URIs"),
        pytest.param("uuid", ["b0a2d0f6-33a1-4e4e-9f6c-0f2b1a6a0c11"], ["b0a2d0f6"], id="UUIDs"),
        pytest.param(
            "uuid4", ["b0a2d0f6-33a1-4e4e-9f6c-0f2b1a6a0c11"], ["b0a2d0f6-33a1-1e4e-9f6c-0f2b1a6a0c11"], id="version 4"
        ),
    ],
)
def test_format(name: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not FORMATS[name](text)] == []
    assert [text for text in bad if FORMATS[name](text)] == []


@pytest.mark.parametrize("text", ["1", "0.5", "100m", "1Gi", "1e3", "-2k", ".5"])
def test_a_quantity(text: str) -> None:
    assert QUANTITY.fullmatch(text)


@pytest.mark.parametrize("text", ["", "1 Gi", "Gi", "1gb", "1.2.3"])
def test_not_a_quantity(text: str) -> None:
    assert not QUANTITY.fullmatch(text)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        pytest.param("^a$", "a\n", False, id="the end is the end, not the last line break"),
        pytest.param(r"^a\z", "a", True, id="Go's word for the end"),
        pytest.param(r"^\$$", "$", True, id="an escaped dollar is a dollar"),
        pytest.param("^[$]$", "$", True, id="a dollar in brackets is a dollar"),
        pytest.param("^[[:alpha:]]+$", "abc", True, id="POSIX classes"),
        pytest.param("^[[:alpha:]]+$", "a1", False, id="POSIX classes refuse"),
        pytest.param("^[]a]+$", "]a", True, id="a bracket first in brackets is itself"),
        pytest.param(r"^\d$", "٣", False, id="digits are ASCII"),
        pytest.param("b", "abc", True, id="a pattern is looked for anywhere"),
        pytest.param("^[a&&b]$", "&", True, id="no set operations"),
        pytest.param("^[a-z]([-a-z0-9]*[a-z0-9])?$", "my-name", True, id="a DNS label"),
    ],
)
def test_a_pattern_of_go(pattern: str, text: str, matches: bool) -> None:
    assert bool(go_pattern(pattern).search(text)) is matches
