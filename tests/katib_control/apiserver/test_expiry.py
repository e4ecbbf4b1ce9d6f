"""Events go an hour after they were last said, and the oldest go when there are too many."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from katib_control.api.times import to_wire
from katib_control.apiserver.expiry import expire, last_said
from katib_control.apiserver.server import ApiServer
from katib_control.apiserver.store import Store
from katib_control.kube.client import Client
from katib_control.kube.resources import CONFIG_MAPS, EVENTS

START = datetime(2030, 1, 1, tzinfo=timezone.utc)


class Machine:
    """A server whose clock stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START
        self.store = Store()
        self.server = ApiServer(self.store, clock=lambda: self.now)
        self.client = Client(self.server.handle)

    def say(self, name: str) -> None:
        about = {"kind": "Pod", "name": "p", "namespace": "default"}
        stamp = to_wire(self.now)
        body = {"metadata": {"name": name}, "involvedObject": about, "lastTimestamp": stamp, "type": "Normal"}
        self.client.create(EVENTS, body, "default")

    def names(self) -> list[str]:
        return [item["metadata"]["name"] for item in self.client.list(EVENTS)["items"]]


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    yield made
    made.server.close()


def test_events_go_an_hour_after_they_were_last_said(machine: Machine) -> None:
    for name in ("a", "b", "c"):
        machine.say(name)
        machine.now += timedelta(minutes=20)
    machine.client.patch(EVENTS, "a", {"count": 2, "lastTimestamp": to_wire(machine.now)}, "default")
    machine.now = START + timedelta(minutes=61)
    assert expire(machine.store, machine.now) == 0  # "a" was said again, "b" is 41 minutes old
    machine.now = START + timedelta(minutes=81)
    assert expire(machine.store, machine.now) == 1
    assert machine.names() == ["a", "c"]
    machine.now = START + timedelta(minutes=121)
    assert expire(machine.store, machine.now) == 2
    assert machine.names() == []


def test_no_more_than_so_many_are_kept(machine: Machine) -> None:
    for index in range(7):
        machine.say(f"e{index}")
    assert expire(machine.store, machine.now, most=3) == 4
    assert machine.names() == ["e4", "e5", "e6"]


def test_many_expire_at_once(machine: Machine) -> None:
    for index in range(1203):
        machine.say(f"e{index}")
    machine.now += timedelta(hours=2)
    machine.say("new")
    assert expire(machine.store, machine.now) == 1203
    assert machine.names() == ["new"]


def test_nothing_but_events_expires(machine: Machine) -> None:
    machine.client.create(CONFIG_MAPS, {"metadata": {"name": "kept"}}, "default")
    machine.now += timedelta(days=400)
    assert expire(machine.store, machine.now) == 0
    assert machine.client.get(CONFIG_MAPS, "kept", "default")


def test_a_watch_is_told(machine: Machine) -> None:
    machine.say("e")
    version = machine.client.list(EVENTS)["metadata"]["resourceVersion"]
    machine.now += timedelta(hours=2)
    expire(machine.store, machine.now)
    with_end = machine.client.watch(EVENTS, resource_version=version, timeout_seconds=5)
    assert next((kind, obj["metadata"]["name"]) for kind, obj in with_end) == ("DELETED", "e")
    with_end.close()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({}, "2030-01-01T00:00:00Z", id="one without any time of its own"),
        pytest.param({"lastTimestamp": "2030-01-01T00:00:05Z"}, "2030-01-01T00:00:05Z", id="one that was counted up"),
        pytest.param(
            {"series": {"count": 2, "lastObservedTime": "2030-01-01T00:00:07.5Z"}},
            "2030-01-01T00:00:07Z",
            id="a series of the newer kind",
        ),
        pytest.param({"lastTimestamp": None, "series": None}, "2030-01-01T00:00:00Z", id="one with empty fields"),
    ],
)
def test_last_said(more: dict[str, Any], expected: str) -> None:
    event = {"metadata": {"creationTimestamp": "2030-01-01T00:00:00Z"}} | more
    assert to_wire(last_said(event)) == expected
