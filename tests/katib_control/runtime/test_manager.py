from __future__ import annotations

import pytest

from fake_transport import FakeTransport
from katib_control.api.errors import KatibError
from katib_control.kube.client import Client
from katib_control.kube.errors import Forbidden
from katib_control.kube.resources import PODS
from katib_control.runtime.informer import Informer
from katib_control.runtime.manager import Manager


class Part:
    def __init__(self, name, story, fails=""):
        self.name, self.story, self.fails = name, story, fails

    def start(self):
        self.story.append(f"start {self.name}")
        if self.fails == "start":
            raise RuntimeError("it does not start")

    def stop(self):
        self.story.append(f"stop {self.name}")
        if self.fails == "stop":
            raise RuntimeError("it does not stop")


@pytest.fixture
def api():
    return FakeTransport()


@pytest.fixture
def informer(api):
    return Informer(Client(api), PODS, decode=lambda obj: obj)


def test_parts_start_in_order_after_the_informers_have_listed_and_stop_in_reverse(api, informer):
    story = []

    class Asks(Part):
        def start(self):
            super().start()
            story.append(informer.wait_synced(0))

    manager = Manager([informer], [Asks("a", story), Part("b", story)])
    manager.start()
    manager.stop()
    assert story == ["start a", True, "start b", "stop b", "stop a"]
    assert not api.streams, "the informer's watch is closed"
    manager.stop()
    assert len(story) == 5, "a second stop does nothing"


def test_when_one_cannot_start_those_that_have_are_stopped():
    story = []
    manager = Manager([], [Part("a", story), Part("b", story, "start"), Part("c", story)])
    with pytest.raises(RuntimeError, match="it does not start"):
        manager.start()
    assert story == ["start a", "start b", "stop b", "stop a"]


def test_one_that_cannot_stop_does_not_keep_the_others(caplog):
    story = []
    manager = Manager([], [Part("a", story), Part("b", story, "stop")])
    manager.start()
    manager.stop()
    assert story[2:] == ["stop b", "stop a"]
    assert "Part could not be stopped" in caplog.text


def test_a_kind_that_cannot_be_listed_is_named_with_the_reason(api, informer):
    def fault(request):
        raise Forbidden('pods is forbidden: user "x" cannot list resource "pods"')

    api.fault = fault
    story = []
    manager = Manager([informer], [Part("a", story)], sync_timeout=0.1)
    with pytest.raises(KatibError, match=r"pods: could not be listed within 0\.1 s: pods is forbidden"):
        manager.start()
    assert story == []
