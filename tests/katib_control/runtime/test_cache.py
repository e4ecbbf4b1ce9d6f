from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from katib_control.runtime.cache import Cache

INDEXES = {"colour": lambda obj: [obj["colour"]], "parts": lambda obj: obj["parts"]}


def obj(name, colour="red", parts=()):
    return {"name": name, "colour": colour, "parts": list(parts)}


def put(cache, value, version="1"):
    cache.put(("n", value["name"]), value, version, "u")


def test_objects_keep_the_place_where_they_came_in():
    cache = Cache(INDEXES)
    for name in "cab":
        put(cache, obj(name))
    put(cache, obj("c", parts=["x"]), "2")
    assert [item["name"] for item in cache.all()] == ["c", "a", "b"]
    assert [item["name"] for item in cache.by_index("colour", "red")] == ["c", "a", "b"]
    assert cache.entry(("n", "c")).version == "2"


def test_an_object_moves_between_the_keys_of_an_index():
    cache = Cache(INDEXES)
    put(cache, obj("a", "red"))
    put(cache, obj("a", "blue"))
    assert cache.by_index("colour", "red") == []
    assert cache.by_index("colour", "blue") == [obj("a", "blue")]


def test_an_object_may_be_under_many_keys_and_is_removed_from_all():
    cache = Cache(INDEXES)
    put(cache, obj("a", parts=["x", "y"]))
    assert cache.by_index("parts", "x") == cache.by_index("parts", "y") == [obj("a", parts=["x", "y"])]
    cache.remove(("n", "a"))
    assert cache.by_index("parts", "x") == cache.by_index("parts", "y") == cache.all() == []
    assert cache.entry(("n", "a")) is None
    cache.remove(("n", "a"))


CHANGES = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.none() | st.tuples(st.sampled_from(["red", "blue"]), st.lists(st.sampled_from("xyz"), unique=True)),
    ),
    max_size=20,
)


@given(CHANGES)
def test_indexes_agree_with_the_objects_after_any_changes(changes):
    cache = Cache(INDEXES)
    model = {}
    for name, fields in changes:
        if fields is None:
            cache.remove(("n", name))
            model.pop(name, None)
        else:
            model[name] = obj(name, *fields)
            put(cache, model[name])
    assert cache.all() == list(model.values())
    assert cache.known() == [("n", name) for name in model]
    for index, function in INDEXES.items():
        for key in ["red", "blue", *"xyz"]:
            expected = sorted(name for name, value in model.items() if key in function(value))
            assert sorted(item["name"] for item in cache.by_index(index, key)) == expected
