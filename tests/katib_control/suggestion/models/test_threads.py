"""Linear algebra on one thread: what the user had set comes back, also when several compute at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import numpy as np
import pytest
import threadpoolctl
import torch

from katib_control.suggestion.models.threads import one_thread

VARIABLE = "OPENBLAS_NUM_THREADS"


def blas() -> set[int]:
    np.eye(2) @ np.eye(2)
    # Not MKL, which belongs to torch, and goes by what torch was told.
    return {item["num_threads"] for item in threadpoolctl.threadpool_info() if item["internal_api"] == "openblas"}


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(VARIABLE, "7")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_inside_there_is_one_thread_and_afterwards_what_was_before(two_threads: None) -> None:
    before = blas()
    with one_thread():
        assert (torch.get_num_threads(), blas(), os.environ[VARIABLE]) == (1, {1}, "1")
    assert (torch.get_num_threads(), blas(), os.environ[VARIABLE]) == (2, before, "7")


def test_overlapping_computations_leave_nothing_behind(two_threads: None) -> None:
    before = blas()
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()
    inside: list[set[int]] = []
    at_the_end: list[tuple[int, str]] = []

    def first() -> None:
        with one_thread():
            first_in.set()
            second_in.wait(10)
        first_out.set()

    def second() -> None:
        first_in.wait(10)
        with one_thread():
            second_in.set()
            first_out.wait(10)
            inside.append(blas())
        at_the_end.append((torch.get_num_threads(), os.environ[VARIABLE]))

    workers = [threading.Thread(target=item) for item in (first, second)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert inside == [{1}]
    assert at_the_end == [(2, "7")]
    assert blas() == before


def test_a_variable_that_was_not_set_is_not_set_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(ZeroDivisionError), one_thread():
        assert 1 / 0
    assert VARIABLE not in os.environ
