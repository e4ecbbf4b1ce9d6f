"""What owners mean for a dependent."""

from __future__ import annotations

import pytest

from katib_control.apiserver.ownership import Item, Owner, Verdict, judge, read_item


def item(*owners, finalizers=()):
    return Item("ns", "a", "u", tuple(Owner("v1", "ConfigMap", name, name, True) for name in owners), False, finalizers)


@pytest.mark.parametrize(
    ("states", "finalizers", "has_dependents", "expected"),
    [
        pytest.param({"x": "solid"}, (), False, Verdict(), id="an owner that lives keeps it"),
        pytest.param({"x": "absent"}, (), True, Verdict("Background"), id="without any owner it goes"),
        pytest.param(
            {"x": "solid", "y": "absent"}, (), False, Verdict(drop=("y",)), id="a dead owner beside a living is dropped"
        ),
        pytest.param(
            {"x": "solid", "y": "waiting"}, (), False, Verdict(drop=("y",)), id="so is one that waits to be deleted"
        ),
        pytest.param({"x": "waiting"}, (), True, Verdict("Foreground"), id="foreground goes down with its dependents"),
        pytest.param({"x": "waiting"}, (), False, Verdict("Background"), id="and ends at what owns nothing"),
        pytest.param({"x": "absent"}, ("orphan",), True, Verdict("Orphan"), id="its own finalizer decides for its own"),
    ],
)
def test_judge(states, finalizers, has_dependents, expected):
    found = judge(
        item(*states, finalizers=finalizers), lambda owner: states[owner.name], has_dependents=lambda: has_dependents
    )
    assert found == expected


def test_read_item_takes_only_what_is_needed():
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u2"}
    metadata = {"name": "a", "uid": "u", "ownerReferences": [owner], "deletionTimestamp": "t", "finalizers": ["orphan"]}
    found = read_item({"metadata": metadata, "data": {}})
    assert found == Item("", "a", "u", (Owner("v1", "ConfigMap", "x", "u2", False),), True, ("orphan",))
    assert found.orphans_dependents
    assert not found.waits_for_dependents
