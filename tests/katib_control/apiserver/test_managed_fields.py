"""Trees of who has applied what."""

from __future__ import annotations

import pytest

from katib_control.apiserver.managed_fields import conflicts, fields_of, remove, union, without
from katib_control.kube.merge_keys import PLAIN, shape_of

POD = shape_of("", "Pod")
CONFIG = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "a", "labels": {"x": "1"}},
    "spec": {"containers": [{"name": "main", "image": "one"}]},
}
TREE = {
    "f:metadata": {"f:labels": {"f:x": {}}},
    "f:spec": {"f:containers": {'k:{"name":"main"}': {"f:name": {}, "f:image": {}}}},
}


def test_a_tree_names_fields_and_list_items_by_key():
    assert fields_of(CONFIG, POD) == TREE


def test_a_list_of_a_custom_kind_is_one_value():
    assert fields_of({"spec": {"items": [{"name": "a"}]}}, PLAIN) == {"f:spec": {"f:items": {}}}


def test_what_identifies_an_object_is_nobodys():
    assert fields_of({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}, POD) == {}


def test_union_and_without_are_opposites():
    other = {"f:data": {"f:x": {}}}
    assert without(union((TREE, other)), other) == TREE


@pytest.mark.parametrize(
    ("gone", "kept", "expected"),
    [
        pytest.param({"f:data": {"f:x": {}}}, {}, {"data": {"y": "2"}}, id="a field goes"),
        pytest.param(
            {"f:data": {"f:x": {}}}, {"f:data": {"f:x": {}}}, {"data": {"x": "1", "y": "2"}}, id="one is kept"
        ),
        pytest.param({"f:data": {"f:x": {}, "f:y": {}}}, {}, {}, id="an emptied map goes too"),
    ],
)
def test_remove(gone, kept, expected):
    assert remove({"data": {"x": "1", "y": "2"}}, gone, kept, PLAIN) == expected


def test_an_item_that_nobody_wants_any_more_goes():
    live = {"spec": {"containers": [{"name": "main"}, {"name": "side"}]}}
    gone = {"f:spec": {"f:containers": {'k:{"name":"side"}': {"f:name": {}}}}}
    kept = {"f:spec": {"f:containers": {'k:{"name":"main"}': {"f:name": {}}}}}
    assert remove(live, gone, kept, POD) == {"spec": {"containers": [{"name": "main"}]}}


def test_conflicts_are_other_values_in_owned_fields():
    config = {"metadata": {"labels": {"x": "2"}}, "spec": {"containers": [{"name": "main", "image": "one"}]}}
    assert conflicts(CONFIG, config, TREE, POD) == [".metadata.labels.x"]
