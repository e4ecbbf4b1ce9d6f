from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta, timezone

import pytest

from builders import experiment
from fake_transport import FakeTransport
from katib_control.api.experiment import Experiment
from katib_control.kube.client import Client
from katib_control.kube.errors import ServerError
from katib_control.runtime import events as events_module
from katib_control.runtime.events import EventRecorder, reference
from katib_control.runtime.plan import EventDraft

TRIAL = {
    "apiVersion": "kubeflow.org/v1beta1",
    "kind": "Trial",
    "metadata": {"name": "t", "namespace": "n", "uid": "u1", "resourceVersion": "7", "labels": {"a": "b"}},
}
DRAFT = EventDraft("Created", "the job was created")


class Clock:
    def __init__(self):
        self.now = datetime(2026, 1, 1, tzinfo=timezone.utc)

    def __call__(self):
        return self.now


@pytest.fixture
def api():
    return FakeTransport()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recorder(api, clock):
    found = EventRecorder(Client(api), "trial-controller", clock)
    yield found
    found.stop()


def test_an_event_says_what_happened_to_what_and_when(api, recorder):
    recorder.event(TRIAL, EventDraft("Failed", "no metrics", "Warning"))
    assert recorder.flush()
    (event,) = api.find("events")
    assert event["metadata"]["namespace"] == "n"
    assert event["metadata"]["name"].startswith("t.")
    assert event["involvedObject"] == {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Trial",
        "namespace": "n",
        "name": "t",
        "uid": "u1",
        "resourceVersion": "7",
    }
    assert (event["type"], event["reason"], event["message"]) == ("Warning", "Failed", "no metrics")
    assert event["count"] == 1
    assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-01-01T00:00:00Z"
    assert event["source"] == {"component": "trial-controller"}


def test_the_same_said_again_is_counted(api, recorder, clock):
    recorder.event(TRIAL, DRAFT)
    clock.now += timedelta(minutes=1)
    recorder.event(TRIAL, DRAFT)
    recorder.event(TRIAL, DRAFT)
    assert recorder.flush()
    (event,) = api.find("events")
    assert event["count"] == 3
    assert event["firstTimestamp"] == "2026-01-01T00:00:00Z"
    assert event["lastTimestamp"] == "2026-01-01T00:01:00Z"


def test_the_same_said_by_a_restarted_controller_is_counted_too(api, recorder, clock):
    recorder.event(TRIAL, DRAFT)
    assert recorder.flush()
    second = EventRecorder(Client(api), "trial-controller", clock)
    second.event(TRIAL, DRAFT)
    second.stop()
    (event,) = api.find("events")
    assert event["count"] == 2


def test_an_event_that_the_server_has_forgotten_is_said_anew(api, recorder):
    recorder.event(TRIAL, DRAFT)
    assert recorder.flush()
    api.objects.clear()
    recorder.event(TRIAL, DRAFT)
    assert recorder.flush()
    (event,) = api.find("events")
    assert event["count"] == 1


@pytest.mark.parametrize(
    ("obj", "draft"),
    [
        pytest.param(TRIAL, EventDraft("Created", "another message"), id="another message"),
        pytest.param(TRIAL, EventDraft("Deleted", DRAFT.message), id="another reason"),
        pytest.param(TRIAL, EventDraft(DRAFT.reason, DRAFT.message, "Warning"), id="another type"),
        pytest.param(
            {**TRIAL, "metadata": {**TRIAL["metadata"], "uid": "u2"}}, DRAFT, id="another object of that name"
        ),
    ],
)
def test_what_differs_is_an_event_of_its_own(api, recorder, obj, draft):
    recorder.event(TRIAL, DRAFT)
    recorder.event(obj, draft)
    assert recorder.flush()
    assert len(api.find("events")) == 2


def test_objects_without_a_namespace_have_their_events_in_default(api, recorder):
    recorder.event({"kind": "Node", "apiVersion": "v1", "metadata": {"name": "local"}}, DRAFT)
    assert recorder.flush()
    assert api.find("events")[0]["metadata"]["namespace"] == "default"


def test_long_messages_and_names_are_cut(api, recorder):
    metadata = {"name": "x" * 253, "namespace": "n"}
    recorder.event({**TRIAL, "metadata": metadata}, EventDraft("Failed", "m" * 5000))
    assert recorder.flush()
    (event,) = api.find("events")
    assert len(event["metadata"]["name"]) <= 253
    assert len(event["message"]) == 1024


def test_an_api_type_can_be_spoken_about():
    obj = experiment("x").build()
    assert isinstance(obj, Experiment)
    found = reference(obj)
    assert (found["kind"], found["name"], found["apiVersion"]) == ("Experiment", "x", "kubeflow.org/v1beta1")


def test_a_reconcile_waits_for_nothing_though_the_server_hangs(api, clock):
    release = threading.Event()
    api.fault = lambda request: release.wait(5) and None
    recorder = EventRecorder(Client(api), "c", clock)
    began = time.monotonic()
    for number in range(100):
        recorder.event(TRIAL, EventDraft("R", str(number)))
    assert time.monotonic() - began < 0.2
    began = time.monotonic()
    recorder.stop()
    assert time.monotonic() - began < 0.6
    release.set()


def test_what_the_server_refuses_is_forgotten_and_the_next_is_said(api, recorder):
    failures = iter([ServerError("down")])

    def fault(request):
        if (error := next(failures, None)) is not None:
            raise error

    api.fault = fault
    recorder.event(TRIAL, EventDraft("First", "lost"))
    recorder.event(TRIAL, EventDraft("Second", "kept"))
    assert recorder.flush()
    assert [event["reason"] for event in api.find("events")] == ["Second"]


def test_nothing_that_is_handed_in_can_break_a_reconcile(api, recorder):
    recorder.event({}, DRAFT)
    recorder.event({"metadata": None}, DRAFT)
    recorder.event(None, DRAFT)
    recorder.event(TRIAL, DRAFT)
    assert recorder.flush()
    assert [event["involvedObject"]["name"] for event in api.find("events")] == ["t"]


def test_when_the_queue_is_full_events_are_dropped_and_their_number_logged(api, clock, caplog, monkeypatch):
    monkeypatch.setattr(events_module, "_QUEUE", 10)
    entered, release = threading.Event(), threading.Event()

    def fault(request):
        entered.set()
        release.wait(5)

    api.fault = fault
    recorder = EventRecorder(Client(api), "c", clock)
    recorder.event(TRIAL, EventDraft("R", "first"))
    assert entered.wait(5)
    for number in range(15):
        recorder.event(TRIAL, EventDraft("R", str(number)))
    release.set()
    assert recorder.flush()
    recorder.stop()
    assert len(api.find("events")) == 11
    assert "5 events were dropped" in caplog.text


def test_stop_writes_what_was_said(api, clock):
    recorder = EventRecorder(Client(api), "c", clock)
    recorder.start()
    for number in range(20):
        recorder.event(TRIAL, EventDraft("R", str(number)))
    recorder.stop()
    assert len(api.find("events")) == 20
    recorder.event(TRIAL, DRAFT)
    recorder.stop()


def test_a_recorder_that_said_nothing_stops_at_once(api, clock):
    EventRecorder(Client(api), "c", clock).stop()
    assert api.requests == []
