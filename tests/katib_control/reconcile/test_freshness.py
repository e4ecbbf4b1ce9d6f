"""Not acting on what is known to be out of date."""

from __future__ import annotations

import pytest

from katib_control.reconcile.freshness import PATIENCE, Expected, Versions


@pytest.mark.parametrize(
    ("cached", "stale"),
    [
        pytest.param("9", True, id="older than what was written"),
        pytest.param("10", False, id="the same"),
        pytest.param("11", False, id="newer"),
        pytest.param("opaque", False, id="not comparable: the server's guard will tell"),
    ],
)
def test_versions(cached: str, stale: bool) -> None:
    versions = Versions()
    versions.wrote({"metadata": {"uid": "u", "resourceVersion": "10"}})
    assert versions.stale("u", cached) is stale
    assert versions.stale("other", cached) is False


def test_a_plan_that_wrote_nothing_leaves_nothing_to_wait_for() -> None:
    versions = Versions()
    versions.wrote(None)
    assert versions.stale("u", "1") is False


def test_what_is_expected_is_waited_for_but_not_for_ever() -> None:
    now = 100.0
    expected = Expected(lambda: now)
    expected.add(["a", "b"])
    expected.drop("b")
    assert (expected.waiting("a"), expected.waiting("b"), expected.waiting("c")) == (True, False, False)
    now += PATIENCE
    assert not expected.waiting("a")
