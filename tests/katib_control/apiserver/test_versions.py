"""The order of versions."""

from __future__ import annotations

from katib_control.apiserver.versions import rank


def test_newer_and_more_stable_comes_first() -> None:
    names = ["foo10", "v1", "v10beta3", "v3beta1", "v11alpha2", "v10", "v12alpha1", "v2", "foo1", "v11beta2"]
    assert sorted(names, key=rank) == [
        "v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2", "foo1", "foo10",
    ]  # fmt: skip
