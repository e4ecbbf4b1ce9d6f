"""Pages: what is taken back to show the moment of the first one."""

from __future__ import annotations

import json

import pytest

from katib_control.apiserver.changes import Key
from katib_control.apiserver.listing import Query, decode_continue, encode_continue, read_page
from katib_control.apiserver.store import Compacted, Store
from katib_control.kube.errors import BadRequest


@pytest.fixture
def store():
    found = Store()
    for namespace in ("n1", "n2"):
        for name in "abc":
            found.create(Key("pods", namespace, name), *pod(namespace, name, 1))
    yield found
    found.close()


def pod(namespace, name, value, **labels):
    metadata = {"namespace": namespace, "name": name, "labels": labels}
    return {"metadata": dict(metadata), "value": value}, {"metadata": metadata}


def change(store, namespace, name, value):
    key = Key("pods", namespace, name)
    store.update(key, *pod(namespace, name, value), store.get(key).version)


def shown(page):
    found = [json.loads(text) for text in page.texts]
    return [f"{obj['metadata']['namespace']}/{obj['metadata']['name']}={obj['value']}" for obj in found]


def test_pages_join_to_the_whole_in_the_order_of_namespace_and_name(store):
    pages, after = [], None
    while True:
        page = read_page(store, Query(resource="pods", limit=2, after=after))
        pages.append(shown(page))
        after = page.last
        if after is None:
            break
    assert pages == [["n1/a=1", "n1/b=1"], ["n1/c=1", "n2/a=1"], ["n2/b=1", "n2/c=1"]]


def test_what_remains_is_counted(store):
    assert read_page(store, Query(resource="pods", limit=2)).remaining == 4
    assert read_page(store, Query(resource="pods", namespace="n2", limit=2)).remaining == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({}, ["n1/a=1", "n1/b=1", "n1/c=1", "n2/a=1", "n2/b=1", "n2/c=1"], id="everything"),
        pytest.param({"namespace": "n1"}, ["n1/a=1", "n1/b=1", "n1/c=1"], id="one namespace"),
        pytest.param({"namespace": "n1", "after": ("n1", "a")}, ["n1/b=1", "n1/c=1"], id="after a name"),
        pytest.param({"after": ("n1", "c"), "limit": 1}, ["n2/a=1"], id="after a place, with a limit"),
        pytest.param({"name": "b"}, ["n1/b=1", "n2/b=1"], id="one name"),
    ],
)
def test_a_past_version_shows_nothing_of_what_came_later(store, query, expected):
    at = store.version
    change(store, "n1", "a", 2)
    change(store, "n1", "a", 3)
    key = Key("pods", "n1", "b")
    store.remove(key, pod("n1", "b", 1)[0], store.get(key).version)
    store.create(key, *pod("n1", "b", 4))
    key = Key("pods", "n2", "a")
    store.remove(key, pod("n2", "a", 1)[0], store.get(key).version)
    store.create(Key("pods", "n1", "aa"), *pod("n1", "aa", 5))
    assert shown(read_page(store, Query(resource="pods", at=at, **query))) == expected


def test_a_past_that_is_forgotten_is_not_made_up(store):
    at = store.version
    change(store, "n1", "a", 2)
    store.compact(keep=1)
    with pytest.raises(Compacted):
        read_page(store, Query(resource="pods", at=at))


def test_a_token_leads_back_to_its_place():
    assert decode_continue(encode_continue(7, ("n1", "a"))) == (7, ("n1", "a"))


@pytest.mark.parametrize("token", ["", "?", "e30", encode_continue(1, ("n", "a"))[:-4], "bnVsbA"])
def test_other_tokens_are_refused(token):
    with pytest.raises(BadRequest, match="continue key is not valid"):
        decode_continue(token)
