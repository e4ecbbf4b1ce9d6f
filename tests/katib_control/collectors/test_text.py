"""Lines to metric values: Katib's default filter, times, what counts as a number, and hostile input."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from katib_control.api.observation import MetricLog
from katib_control.collectors.text import MAX_LINE, TextParser, parse, split_lines, split_time

ZERO = "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("loss=0.5", [("loss", "0.5")], id="the plain form"),
        pytest.param("loss = 0.5", [("loss", "0.5")], id="blanks around the equals sign"),
        pytest.param("epoch=3 loss=0.5, acc=0.9;", [("loss", "0.5"), ("acc", "0.9")], id="several in a line"),
        pytest.param("loss=1e-3 acc=-.5E+2", [("loss", "1e-3"), ("acc", "-.5E+2")], id="exponents and signs"),
        pytest.param("loss=7", [("loss", "7")], id="a whole number"),
        pytest.param("acc=98%", [("acc", "98")], id="a percentage, as Katib reads it"),
        pytest.param("loss=1.", [("loss", "1")], id="a number that ends in a point"),
        pytest.param("loss=0.5 loss=0.4", [("loss", "0.5"), ("loss", "0.4")], id="twice in a line"),
        pytest.param("{loss=0.5}", [("loss", "0.5")], id="in brackets"),
        pytest.param("train/loss=0.5", [("loss", "0.5")], id="a prefix is cut off, as by Katib"),
        pytest.param("\rloss=0.5\rloss=0.4", [("loss", "0.5"), ("loss", "0.4")], id="a progress bar"),
        pytest.param("\x1b[32mloss=0.5\x1b[0m acc=\x1b[1m1", [("loss", "0.5"), ("acc", "1")], id="in colours"),
        pytest.param("xloss=0.5 loss2=1 Loss=2", [], id="the name must be exact"),
        pytest.param("loss=nan", [], id="nan is no value"),
        pytest.param("loss=inf acc=-inf", [], id="inf is no value"),
        pytest.param("loss=None", [], id="text is no value"),
        pytest.param("loss=1e999", [], id="a number beyond doubles is no value"),
        pytest.param("loss=" + "9" * 300 + ".0", [], id="a number of 300 digits is no value"),
        pytest.param("loss=", [], id="nothing is no value"),
        pytest.param("loss: 0.5", [], id="a colon is not the default format"),
        pytest.param("", [], id="an empty line"),
    ],
)
def test_the_default_filter(line: str, expected: list[tuple[str, str]]) -> None:
    found = parse([line], ["loss", "acc"])
    assert [(entry.name, entry.value) for entry in found] == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("train/loss=0.5 loss=0.4", [("train/loss", "0.5"), ("loss", "0.4")], id="a slash in a name"),
        pytest.param("val.loss = 0.5", [("val.loss", "0.5")], id="a point in a name"),
        pytest.param("Validation loss=0.3", [("Validation loss", "0.3")], id="a blank in a name"),
        pytest.param("test/loss=0.5", [("loss", "0.5")], id="another prefix is cut off"),
    ],
)
def test_wanted_names_that_katibs_filter_cannot_find_are_found_whole(
    line: str, expected: list[tuple[str, str]]
) -> None:
    found = parse([line], ["loss", "train/loss", "val.loss", "Validation loss"])
    assert [(entry.name, entry.value) for entry in found] == expected


@pytest.mark.parametrize(
    ("filters", "line", "expected"),
    [
        pytest.param([r"(\w+): ([\d.]+)"], "loss: 0.5 acc: 1", [("loss", "0.5"), ("acc", "1")], id="a colon"),
        pytest.param(
            [r"{metricName: ([\w|-]+), metricValue: ((-?\d+)(\.\d+)?)}"],
            "{metricName: loss, metricValue: 0.34}", [("loss", "0.34")], id="the filter of Katib's example",
        ),
        pytest.param([r"(\w+): (\S+)"], "loss: nan", [], id="nan is no value"),
        pytest.param([r"(\w+): (\S+)"], "xloss: 1", [], id="the name must be exact"),
        pytest.param([r"(\w+): (\S+)"], "loss=0.5", [], id="the default filter is replaced"),
        pytest.param(
            [r"(acc)\s(\S+)", r"(loss)\s(\S+)"], "loss 1 acc 2", [("acc", "2"), ("loss", "1")], id="filter by filter"
        ),
        pytest.param([r"(loss)|(\d)"], "loss 5", [], id="groups that took no part"),
        pytest.param([r"([[:alpha:]]+)->(\d+)"], "loss->5", [("loss", "5")], id="a class as RE2 writes it"),
    ],
)  # fmt: skip
def test_custom_filters(filters: list[str], line: str, expected: list[tuple[str, str]]) -> None:
    found = parse([line], ["loss", "acc"], filters)
    assert [(entry.name, entry.value) for entry in found] == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("loss=1", ZERO, id="no time at all"),
        pytest.param("2026-01-31T12:00:00Z loss=1", "2026-01-31T12:00:00Z", id="whole seconds"),
        pytest.param("2026-01-31T12:00:00.123456789Z loss=1", "2026-01-31T12:00:00.123456789Z", id="nanoseconds"),
        pytest.param("2026-01-31T12:00:00.5+02:00 loss=1", "2026-01-31T10:00:00.5Z", id="another zone becomes UTC"),
        pytest.param("2026-01-31T23:30:00-01:00 loss=1", "2026-02-01T00:30:00Z", id="into the next day"),
        pytest.param("2026-13-31T12:00:00Z loss=1", ZERO, id="a month that does not exist"),
        pytest.param("2026-01-31 12:00:00 loss=1", ZERO, id="another notation"),
        pytest.param("0001-01-01T00:00:00+14:00 loss=1", ZERO, id="before the first year"),
    ],
)
def test_the_time_of_an_entry(line: str, expected: str) -> None:
    (entry,) = parse([line], ["loss"])
    assert entry == MetricLog(expected, "loss", "1")


def test_a_lines_own_time_goes_before_the_logs() -> None:
    parser = TextParser(["loss"])
    stamped = parser.feed_stamped("2026-01-31T12:00:01.5Z 2026-01-31T12:00:00Z loss=1")
    plain = parser.feed_stamped("2026-01-31T12:00:01.5Z loss=2")
    bare = parser.feed_stamped("loss=3")
    assert [entry.time for entry in (*stamped, *plain, *bare)] == [
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:01.5Z",
        ZERO,
    ]


def test_a_time_is_not_taken_for_a_metric() -> None:
    parser = TextParser(["loss"])
    parser.feed_stamped("2026-01-31T12:00:01.5Z 12:30:00 INFO epoch: 3 Loss: 0.5")
    assert parser.names_found == ("epoch:", "Loss:")


def test_names_that_were_printed_are_found_for_the_diagnosis() -> None:
    parser = TextParser(["accuracy"])
    for line in (
        "epoch=1 loss=nan",
        "Accuracy = 0.9",
        "accuracy: 0.9",
        '{"val_acc": 0.5}',
        "see http://x:80",
        "loss=2",
    ):
        assert parser.feed(line) == []
    assert parser.names_found == ("epoch", "loss", "Accuracy", "accuracy:", "val_acc:")


def test_the_number_of_names_is_bounded() -> None:
    parser = TextParser(["loss"])
    for number in range(500):
        parser.feed(f"name{number}=1 other{number}: 1")
    assert len(parser.names_found) == 50


def test_the_tail_is_readable_and_bounded() -> None:
    parser = TextParser(["loss"])
    for line in (*map(str, range(20)), "   ", "\x1b[31mred\x1b[0m\x00\r", "x" * 1000):
        parser.feed(line)
    assert parser.tail[:2] == ("12", "13")
    assert parser.tail[-2] == "red"
    assert len(parser.tail[-1]) == 400


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("a" * MAX_LINE, id="one endless word"),
        pytest.param("=" * MAX_LINE, id="only equals signs"),
        pytest.param("a=" * (MAX_LINE // 2), id="names without values"),
        pytest.param("a" + " " * MAX_LINE, id="one endless gap"),
        pytest.param("a: " * (MAX_LINE // 3), id="colons"),
        pytest.param("loss=" + "1" * MAX_LINE, id="one endless number"),
        pytest.param("x=1 " + "train/" * (MAX_LINE // 6), id="nearly a wanted name, again and again"),
        pytest.param('"' * MAX_LINE + ":", id="quotes"),
    ],
)
def test_hostile_lines_take_no_time(line: str) -> None:
    start = time.process_time()
    parse([line], ["loss", "train/loss"])
    assert time.process_time() - start < 1.0


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(garbage: bytes) -> None:
    for line in split_lines([garbage, b"\nloss=1\n"]):
        parse([line], ["loss"])


@settings(deadline=None)
@given(st.lists(st.binary(max_size=20), max_size=8))
def test_lines_do_not_depend_on_how_the_stream_is_cut(chunks: list[bytes]) -> None:
    *ended, last = b"".join(chunks).split(b"\n")
    parts = [*ended, last] if last else ended
    assert list(split_lines(chunks)) == [part.decode("utf-8", "replace").rstrip("\r") for part in parts]


def test_a_long_line_is_cut_and_the_next_one_is_whole() -> None:
    chunks = [b"x" * 10_000] * 5 + [b"end\nloss=1\n", b"y" * 10_000 + b"\n" + b"z"]
    lines = list(split_lines(chunks))
    assert [len(line) for line in lines] == [MAX_LINE, 6, 10_000, 1]


def test_a_line_without_a_time_is_all_text() -> None:
    assert split_time("2026 epochs loss=1") == ("", "2026 epochs loss=1")
