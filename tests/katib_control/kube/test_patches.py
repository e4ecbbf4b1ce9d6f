from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_control.kube.errors import ApiError, BadRequest, Invalid, TooLarge
from katib_control.kube.patches import json_patch, merge_patch

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


@pytest.mark.parametrize(
    ("obj", "patch", "result"),
    [
        pytest.param({"a": "b"}, {"a": "c"}, {"a": "c"}, id="replaces"),
        pytest.param({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}, id="adds"),
        pytest.param({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}, id="null removes"),
        pytest.param({"a": ["b"]}, {"a": "c"}, {"a": "c"}, id="a list gives way"),
        pytest.param({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}, id="to a list"),
        pytest.param({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}, id="maps merge"),
        pytest.param({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}, id="lists do not merge"),
        pytest.param({"e": None}, {"a": 1}, {"e": None, "a": 1}, id="a null that is there stays"),
        pytest.param({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}, id="nulls of new maps vanish"),
        pytest.param({"a": "x"}, {"a": {"b": None}}, {"a": {}}, id="a value gives way to a map"),
    ],
)
def test_merge_patch_as_rfc_7396_says(obj, patch, result):
    before = copy.deepcopy((obj, patch))
    assert merge_patch(obj, patch) == result
    assert (obj, patch) == before


@given(OBJECT, OBJECT)
def test_a_merge_patch_twice_is_the_same_as_once(obj, patch):
    once = merge_patch(obj, patch)
    assert merge_patch(once, patch) == once


@pytest.mark.parametrize("patch", [[], "a", 1, None])
def test_a_merge_patch_is_a_map(patch):
    with pytest.raises(BadRequest):
        merge_patch({}, patch)


@pytest.mark.parametrize(
    ("patch", "result"),
    [
        pytest.param([], {"a": [1, 2], "b": {"c/d": 1}}, id="nothing to do"),
        pytest.param([{"op": "add", "path": "/x", "value": 1}], {"a": [1, 2], "b": {"c/d": 1}, "x": 1}, id="add"),
        pytest.param([{"op": "add", "path": "/a/-", "value": 3}], {"a": [1, 2, 3], "b": {"c/d": 1}}, id="append"),
        pytest.param([{"op": "remove", "path": "/a/0"}], {"a": [2], "b": {"c/d": 1}}, id="remove from a list"),
        pytest.param([{"op": "replace", "path": "/b/c~1d", "value": 2}], {"a": [1, 2], "b": {"c/d": 2}}, id="slash"),
        pytest.param(
            [{"op": "test", "path": "/a/0", "value": 1}, {"op": "move", "from": "/b", "path": "/z"}],
            {"a": [1, 2], "z": {"c/d": 1}},
            id="test, then move",
        ),
    ],
)
def test_json_patch(patch, result):
    obj = {"a": [1, 2], "b": {"c/d": 1}}
    before = copy.deepcopy(obj)
    assert json_patch(obj, patch) == result
    assert obj == before


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param({"op": "add"}, id="a map"),
        pytest.param(["add"], id="a list of words"),
        pytest.param([{"path": "/a"}], id="no operation"),
        pytest.param([{"op": "frob", "path": "/a"}], id="unknown operation"),
        pytest.param([{"op": "add", "value": 1}], id="no path"),
        pytest.param([{"op": "add", "path": "/a"}], id="no value"),
        pytest.param([{"op": "add", "path": "a", "value": 1}], id="path without slash"),
        pytest.param([{"op": "add", "path": 5, "value": 1}], id="path that is no text"),
    ],
)
def test_a_malformed_json_patch_is_a_bad_request(patch):
    with pytest.raises(BadRequest, match="error decoding patch"):
        json_patch({"a": 1}, patch)


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param([{"op": "test", "path": "/a", "value": 2}], id="test fails"),
        pytest.param([{"op": "remove", "path": "/x"}], id="removes what is not there"),
        pytest.param([{"op": "replace", "path": "/x", "value": 1}], id="replaces what is not there"),
        pytest.param([{"op": "add", "path": "/l/5", "value": 1}], id="adds past the end"),
        pytest.param([{"op": "add", "path": "/a/b", "value": 1}], id="adds into a number"),
        pytest.param([{"op": "add", "path": "", "value": []}], id="makes the object a list"),
    ],
)
def test_a_json_patch_that_does_not_fit_is_invalid(patch):
    with pytest.raises(Invalid, match="the server rejected our request due to an error in our request"):
        json_patch({"a": 1, "l": [1]}, patch)


def test_a_json_patch_of_too_many_operations_is_too_large():
    with pytest.raises(TooLarge, match="maximum operations in a JSON patch is 10000, got 10001"):
        json_patch({}, [{"op": "test", "path": "", "value": {}}] * 10001)


PATHS = st.sampled_from(["", "/a", "/b", "/a/b", "/a/0", "/a/-", "/b/-1", "/b/01", "a", "/~2", None, 3])
STEPS = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "?", None])},
        optional={"path": PATHS, "from": PATHS, "value": JSON},
    ),
    max_size=3,
)


@given(OBJECT, STEPS)
def test_any_json_patch_gives_a_map_or_an_api_error(obj, patch):
    before = json.dumps(obj)
    try:
        outcome = json_patch(obj, patch)
    except ApiError as error:
        outcome = error.code
    assert isinstance(outcome, dict) or outcome in (400, 422)
    assert json.dumps(obj) == before
