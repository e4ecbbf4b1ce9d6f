"""Logs: from bytes in a pipe to lines on disk, and back to what was asked for."""

from __future__ import annotations

import errno
import itertools
import os
import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest

from katib_control.node.log_file import HELD_LIMIT, LINE_LIMIT, LogFile, stamp
from katib_control.node.logs import Cut, LogFollower, read_whole

SECOND = 1_000_000_000
NOON = int(datetime(2026, 1, 31, 12, tzinfo=timezone.utc).timestamp()) * SECOND


def written(path: Path, *chunks: tuple[str, bytes]) -> list[str]:
    ticks = itertools.count(NOON, SECOND)
    log = LogFile(path, now=lambda: next(ticks))
    for stream, chunk in chunks:
        log.feed(stream, chunk)
    log.close()
    return path.read_text().splitlines()


def test_lines_of_both_streams_are_put_together_from_any_pieces(tmp_path: Path) -> None:
    lines = written(tmp_path / "l", ("stdout", b"on"), ("stderr", b"err\n"), ("stdout", b"e\ntwo"), ("stdout", b""))
    assert lines == [
        "2026-01-31T12:00:00.000000000Z stderr F err",
        "2026-01-31T12:00:01.000000000Z stdout F one",
        "2026-01-31T12:00:02.000000000Z stdout F two",
    ]


def test_times_grow_even_when_the_clock_does_not(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "l", now=lambda: NOON)
    log.feed("stdout", b"a\nb\n")
    log.close()
    assert [line.split()[0] for line in (tmp_path / "l").read_text().splitlines()] == [stamp(NOON), stamp(NOON + 1)]


def test_a_long_line_is_kept_in_pieces_and_read_as_one(tmp_path: Path) -> None:
    text = b"x" * (2 * LINE_LIMIT + 5)
    lines = written(tmp_path / "l", ("stdout", text + b"\nshort\n"))
    assert [line.split(" ", 3)[2] for line in lines] == ["P", "P", "F", "F"]
    assert read_whole(tmp_path / "l", Cut()) == text + b"\nshort\n"
    assert read_whole(tmp_path / "l", Cut(tail_lines=2)) == text + b"\nshort\n"
    assert read_whole(tmp_path / "l", Cut(tail_lines=1)) == b"short\n"


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        pytest.param(Cut(), b"a\nb\nc\n", id="everything"),
        pytest.param(Cut(tail_lines=2), b"b\nc\n", id="the last lines"),
        pytest.param(Cut(tail_lines=9), b"a\nb\nc\n", id="more lines than there are"),
        pytest.param(Cut(tail_lines=0), b"", id="no lines"),
        pytest.param(Cut(limit_bytes=3), b"a\nb", id="so many bytes"),
        pytest.param(Cut(since=datetime(2026, 1, 31, 12, 0, 1, tzinfo=timezone.utc)), b"b\nc\n", id="since a time"),
        pytest.param(Cut(timestamps=True, tail_lines=1), b"2026-01-31T12:00:02.000000000Z c\n", id="with times"),
    ],
)
def test_cuts(tmp_path: Path, cut: Cut, expected: bytes) -> None:
    written(tmp_path / "l", ("stdout", b"a\nb\nc\n"))
    assert read_whole(tmp_path / "l", cut) == expected


def test_the_tail_of_a_big_log_is_found_from_its_end(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "l")
    log.feed("stdout", b"".join(b"line %d\n" % number for number in range(20_000)))
    log.close()
    whole = read_whole(tmp_path / "l", Cut())
    for count in (1, 3, 2000, 19_999):
        assert read_whole(tmp_path / "l", Cut(tail_lines=count)) == b"".join(whole.splitlines(keepends=True)[-count:])


def test_no_file_is_an_empty_log(tmp_path: Path) -> None:
    assert read_whole(tmp_path / "none", Cut()) == b""


class Following:
    """A follower on a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.ended = False
        self.got: list[bytes] = []
        self.came = threading.Condition()
        self.follower = LogFollower(path, Cut(), ended=lambda: self.ended, closed=lambda follower: None)
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        for chunk in self.follower:
            with self.came:
                self.got.append(chunk)
                self.came.notify_all()

    def wait(self, text: bytes) -> None:
        with self.came:
            assert self.came.wait_for(lambda: b"".join(self.got) == text, 5), self.got


def test_a_follower_sees_what_is_added_until_the_container_ends(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "l")
    log.feed("stdout", b"one\n")
    following = Following(tmp_path / "l")
    following.wait(b"one\n")
    log.feed("stdout", b"two\nhalf")
    following.follower.wake()
    following.wait(b"one\ntwo\n")
    log.close()
    following.ended = True
    following.follower.wake()
    following.thread.join(5)
    following.wait(b"one\ntwo\nhalf\n")


def test_closing_a_follower_frees_its_reader(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "l")
    log.feed("stdout", b"one\n")
    following = Following(tmp_path / "l")
    following.wait(b"one\n")
    following.follower.close()
    following.thread.join(5)
    assert not following.thread.is_alive()
    log.close()


def full(monkeypatch: pytest.MonkeyPatch, room: int) -> list[int]:
    """Let a file take so many bytes and no more; return the list that holds the number of bytes left."""
    left, write = [room], os.write

    def limited(descriptor: int, data: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "no space left on device")
        done = write(descriptor, data[: left[0]])
        left[0] -= done
        return done

    monkeypatch.setattr("katib_control.node.log_file.os.write", limited)
    return left


def test_what_came_while_the_disk_was_full_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = full(monkeypatch, 50)
    log = LogFile(tmp_path / "l", now=lambda: NOON)
    log.feed("stdout", b"first\nsecond\nloss=")
    log.feed("stdout", b"0.5")
    with pytest.raises(OSError, match="cannot be written"):
        log.close()
    left[0] = 1 << 20
    log.close()
    assert read_whole(tmp_path / "l", Cut()) == b"first\nsecond\nloss=0.5\n"


def test_a_disk_that_stays_full_does_not_fill_the_memory_and_the_latest_lines_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = full(monkeypatch, 10)
    log = LogFile(tmp_path / "l")
    for number in range(40):
        log.feed("stdout", b"%d" % number + b"x" * 65536 + b"\n")
    left[0] = 1 << 30
    log.feed("stdout", b"loss=0.5\n")
    log.close()
    kept = read_whole(tmp_path / "l", Cut())
    assert isinstance(kept, bytes)
    lines = kept.splitlines()
    assert lines[-2:] == [b"39" + b"x" * 65536, b"loss=0.5"]
    assert len(kept) < HELD_LIMIT + 2 * 65536
    assert log.lost > HELD_LIMIT
