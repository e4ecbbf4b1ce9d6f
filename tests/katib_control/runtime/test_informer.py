from __future__ import annotations

import threading
import time

import pytest

from fake_transport import FakeTransport
from katib_control.kube.client import Client
from katib_control.kube.errors import Forbidden, Unreachable
from katib_control.kube.resources import PODS
from katib_control.runtime import reflector
from katib_control.runtime.informer import Informer, Informers


class Seen:
    """Records what a handler was told, and lets a test wait for it."""

    def __init__(self):
        self.changes = []
        self._changed = threading.Condition()

    def __call__(self, old, new):
        with self._changed:
            self.changes.append((old and value(old), new and value(new)))
            self._changed.notify_all()

    def wait(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.changes) >= count, 5), self.changes
        return self.changes[:count]


def value(obj):
    return obj["metadata"]["name"], obj.get("spec", {}).get("x")


def pod(name, x=0, **metadata):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": {"x": x}}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(reflector, "_FIRST_DELAY", 0.001)


@pytest.fixture
def api():
    return FakeTransport()


@pytest.fixture
def client(api):
    return Client(api)


@pytest.fixture
def start(client):
    started = []

    def begin(**options):
        found = Informer(client, PODS, **({"decode": lambda obj: obj} | options))
        seen = Seen()
        found.on_change(seen)
        found.start()
        started.append(found)
        return found, seen

    yield begin
    for found in started:
        found.stop()


def test_objects_that_are_there_are_listed_before_it_is_synced(start, client):
    client.create(PODS, pod("a"), "n")
    client.create(PODS, pod("b"), "n")
    informer, seen = start()
    assert informer.wait_synced(5)
    assert seen.changes == [(None, ("a", 0)), (None, ("b", 0))]
    assert value(informer.get("n", "a")) == ("a", 0)
    assert informer.get("n", "x") is None
    assert informer.get("m", "a") is None
    assert [value(obj) for obj in informer.all()] == [("a", 0), ("b", 0)]


def test_changes_arrive_in_order_with_the_old_object(start, client):
    _, seen = start()
    client.create(PODS, pod("a"), "n")
    client.patch(PODS, "a", {"spec": {"x": 1}}, "n")
    client.delete(PODS, "a", "n")
    assert seen.wait(3) == [(None, ("a", 0)), (("a", 0), ("a", 1)), (("a", 1), None)]


def test_the_cache_shows_a_change_before_the_handlers_hear_of_it(client):
    informer = Informer(client, PODS, decode=lambda obj: obj)
    found, heard = [], threading.Event()

    def handler(old, new):
        found.append(informer.get("n", "a") is new)
        heard.set()

    informer.on_change(handler)
    informer.start()
    client.create(PODS, pod("a"), "n")
    assert heard.wait(5)
    informer.stop()
    assert found == [True]


def test_indexes_follow_the_changes(start, client):
    informer, seen = start(indexes={"x": lambda obj: [str(obj["spec"]["x"])]})
    client.create(PODS, pod("a", 1), "n")
    client.create(PODS, pod("b", 1), "n")
    seen.wait(2)
    assert [value(obj)[0] for obj in informer.by_index("x", "1")] == ["a", "b"]
    client.patch(PODS, "a", {"spec": {"x": 2}}, "n")
    seen.wait(3)
    assert [value(obj)[0] for obj in informer.by_index("x", "1")] == ["b"]
    assert [value(obj)[0] for obj in informer.by_index("x", "2")] == ["a"]


def test_the_watch_begins_where_the_list_ended_and_has_a_time_limit_and_bookmarks(start, client, api):
    client.create(PODS, pod("a"), "n")
    informer, seen = start()
    assert informer.wait_synced(5)
    client.create(PODS, pod("b"), "n")
    seen.wait(2)
    watch = next(request for request in api.requests if request.query.get("watch"))
    assert watch.query["resourceVersion"] == "101"
    assert 240 <= int(watch.query["timeoutSeconds"]) <= 300
    assert watch.query["allowWatchBookmarks"] == "true"


def test_a_watch_that_ends_goes_on_from_the_last_version_without_a_new_list(start, client, api):
    informer, seen = start()
    informer.wait_synced(5)
    client.create(PODS, pod("a"), "n")
    seen.wait(1)
    api.end_watches()
    client.create(PODS, pod("b"), "n")
    assert seen.wait(2) == [(None, ("a", 0)), (None, ("b", 0))]
    assert len([request for request in api.requests if _is_list(request)]) == 1
    assert api.requests[-1].query.get("resourceVersion") in (None, "101", "102")


def test_bookmarks_move_the_version_on(start, client, api):
    informer, seen = start()
    informer.wait_synced(5)
    client.create(PODS, pod("a"), "n")
    seen.wait(1)
    api.streams[0].send("BOOKMARK", {"metadata": {"resourceVersion": "150"}})
    api.version = 150
    api.end_watches()
    client.create(PODS, pod("b"), "n")
    seen.wait(2)
    watches = [request.query["resourceVersion"] for request in api.requests if request.query.get("watch")]
    assert watches == ["100", "150"]


def test_a_version_too_old_lists_again_and_tells_what_was_deleted_meanwhile(start, client, api):
    for name in "abc":
        client.create(PODS, pod(name), "n")
    _, seen = start()
    seen.wait(3)
    with api.lock:
        gone = api.streams[0]
        api.streams.clear()  # deaf from here on
        client.delete(PODS, "a", "n")
        client.patch(PODS, "b", {"spec": {"x": 1}}, "n")
        client.create(PODS, pod("d"), "n")
        api.compact()
        gone.close()
    changes = seen.wait(6)[3:]
    assert changes[0] == (("a", 0), None)
    assert sorted(changes[1:], key=str) == [(("b", 0), ("b", 1)), (None, ("d", 0))]
    assert len(seen.changes) == 6, "what is as it was is not told"


def test_an_object_made_anew_while_nobody_watched_is_a_deletion_and_a_creation(start, client, api):
    client.create(PODS, pod("a"), "n")
    _, seen = start()
    seen.wait(1)
    with api.lock:
        gone = api.streams[0]
        api.streams.clear()
        client.delete(PODS, "a", "n")
        client.create(PODS, pod("a", 7), "n")
        api.compact()
        gone.close()
    assert seen.wait(3)[1:] == [(("a", 0), None), (None, ("a", 7))]


def test_an_error_event_of_an_expired_version_lists_again(start, client, api):
    informer, seen = start()
    informer.wait_synced(5)
    client.create(PODS, pod("a"), "n")
    seen.wait(1)
    api.streams[0].send("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
    client.create(PODS, pod("b"), "n")
    seen.wait(2)
    assert len([request for request in api.requests if _is_list(request)]) == 2
    assert len(seen.changes) == 2


def test_an_event_that_is_known_already_is_skipped(start, client, api):
    _, seen = start()
    created = client.create(PODS, pod("a"), "n")
    seen.wait(1)
    api.streams[0].send("MODIFIED", created)
    client.create(PODS, pod("b"), "n")
    seen.wait(2)
    assert seen.changes == [(None, ("a", 0)), (None, ("b", 0))]


def test_errors_are_retried_and_remembered_until_it_works(start, client, api, caplog):
    failures = iter([Unreachable("no answer"), Forbidden("you may not")])

    def fault(request):
        if (error := next(failures, None)) is not None:
            raise error

    client.create(PODS, pod("a"), "n")
    api.fault = fault
    informer, _ = start()
    assert informer.wait_synced(5)
    assert informer.error is None
    assert "pods: cannot list or watch, trying again: no answer" in caplog.text
    assert "you may not" in caplog.text


def test_the_last_error_can_be_asked_for(start, api):
    def fault(request):
        raise Forbidden("you may not")

    api.fault = fault
    informer, _ = start()
    assert not informer.wait_synced(0.05)
    assert isinstance(informer.error, Forbidden)


def test_an_object_that_cannot_be_decoded_is_skipped_with_a_warning(start, client, caplog):
    def decode(obj):
        if obj["spec"]["x"] == "bad":
            raise ValueError("x is bad")
        return obj

    informer, seen = start(decode=decode)
    client.create(PODS, pod("a", "bad"), "n")
    client.create(PODS, pod("b"), "n")
    assert seen.wait(1) == [(None, ("b", 0))]
    assert informer.get("n", "a") is None
    assert "Pod n/a: skipped: x is bad" in caplog.text


def test_a_handler_that_fails_keeps_nobody_else_from_hearing(client, caplog):
    informer, seen = Informer(client, PODS, decode=lambda obj: obj), Seen()
    informer.on_change(lambda old, new: 1 / 0)
    informer.on_change(seen)
    informer.start()
    client.create(PODS, pod("a"), "n")
    seen.wait(1)
    informer.stop()
    assert "pods: a handler failed" in caplog.text


def test_items_of_a_list_are_told_what_they_are(start, client, api):
    client.create(PODS, pod("a"), "n")
    for key, obj in api.objects.items():
        api.objects[key] = {field: obj[field] for field in obj if field not in ("kind", "apiVersion")}
    informer, _ = start()
    informer.wait_synced(5)
    assert informer.get("n", "a")["kind"] == "Pod"
    assert informer.get("n", "a")["apiVersion"] == "v1"


def test_only_the_namespace_and_labels_asked_for_are_listed(start, client):
    client.create(PODS, pod("a", labels={"run": "1"}), "n")
    client.create(PODS, pod("b"), "n")
    client.create(PODS, pod("c", labels={"run": "1"}), "m")
    informer, _ = start(namespace="n", labels="run=1")
    informer.wait_synced(5)
    assert [value(obj)[0] for obj in informer.all()] == ["a"]


def test_stop_returns_at_once_while_the_watch_is_blocked(start):
    others = set(threading.enumerate())
    informer, _ = start()
    informer.wait_synced(5)
    began = time.monotonic()
    informer.stop()
    assert time.monotonic() - began < 0.3
    assert set(threading.enumerate()) <= others


def test_what_never_started_can_be_stopped(client):
    Informer(client, PODS, decode=lambda obj: obj).stop()


def test_handlers_come_before_the_start(start):
    informer, _ = start()
    with pytest.raises(RuntimeError, match="before the informer starts"):
        informer.on_change(lambda old, new: None)


def test_informers_on_one_kind_share_one_watch(client, api):
    informers, seen, names = Informers(client), Seen(), []
    first = informers.of(PODS, decode=lambda obj: obj)
    second = informers.of(PODS, decode=lambda obj: obj["metadata"]["name"], indexes={"name": lambda name: [name]})
    first.on_change(seen)
    second.on_change(lambda old, new: names.append((old, new)))
    second.start()
    first.start()
    assert first.wait_synced(5)
    client.create(PODS, pod("a"), "n")
    assert seen.wait(1) == [(None, ("a", 0))]
    second.stop()
    first.stop()
    assert names == [(None, "a")]
    assert second.by_index("name", "a") == ["a"]
    watches = [request for request in api.requests if request.query.get("watch")]
    assert len(watches) <= 2, "the second one to start has everything listed once more, then there is one watch"


def test_an_informer_that_starts_late_has_everything_told_and_the_others_nothing_twice(client):
    informers, seen, late = Informers(client), Seen(), Seen()
    first, second = (informers.of(PODS, decode=lambda obj: obj) for _ in range(2))
    first.on_change(seen)
    second.on_change(late)
    client.create(PODS, pod("a"), "n")
    first.start()
    seen.wait(1)
    second.start()
    assert late.wait(1) == [(None, ("a", 0))]
    client.create(PODS, pod("b"), "n")
    assert seen.wait(2) == late.wait(2) == [(None, ("a", 0)), (None, ("b", 0))]
    first.stop()
    second.stop()


def test_an_informer_that_stops_leaves_the_others_their_watch_and_the_last_one_ends_it(client):
    others = set(threading.enumerate())
    informers, seen = Informers(client), Seen()
    first, second = (informers.of(PODS, decode=lambda obj: obj) for _ in range(2))
    second.on_change(seen)
    first.start()
    second.start()
    first.stop()
    client.create(PODS, pod("a"), "n")
    seen.wait(1)
    assert first.all() == []
    second.stop()
    assert set(threading.enumerate()) <= others
    third = informers.of(PODS, decode=lambda obj: obj)
    third.start()
    assert third.wait_synced(5), "a new one begins anew"
    third.stop()


def test_one_that_cannot_take_a_change_in_keeps_no_other_from_it(client, caplog):
    informers, seen = Informers(client), Seen()
    bad = informers.of(PODS, decode=lambda obj: obj, indexes={"x": lambda obj: [obj["nothing"]]})
    good = informers.of(PODS, decode=lambda obj: obj)
    good.on_change(seen)
    bad.start()
    good.start()
    client.create(PODS, pod("a"), "n")
    seen.wait(1)
    bad.stop()
    good.stop()
    assert "could not be taken in" in caplog.text


def test_one_that_joins_ends_the_wait_for_the_next_attempt(client, api, monkeypatch):
    monkeypatch.setattr(reflector, "_FIRST_DELAY", 60.0)
    failures = iter([Unreachable("no answer")])

    def fault(request):
        if (error := next(failures, None)) is not None:
            raise error

    api.fault = fault
    informers = Informers(client)
    first, second = (informers.of(PODS, decode=lambda obj: obj) for _ in range(2))
    first.start()
    while first.error is None:
        time.sleep(0.001)
    second.start()
    assert first.wait_synced(5)
    assert second.wait_synced(5)
    first.stop()
    second.stop()


def _is_list(request):
    return request.method == "GET" and not request.query.get("watch")
