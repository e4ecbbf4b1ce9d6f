from __future__ import annotations

import threading
import time

import pytest

from fake_transport import FakeTransport
from katib_control.kube.client import Client
from katib_control.kube.errors import Unreachable
from katib_control.kube.resources import LEASES
from katib_control.runtime.election import LeaderElection, Sighting, Terms, claimed, decide, look

QUICK = Terms(duration=1.0, renew_deadline=0.3, retry=0.02)


def lease(holder, version="1", seconds=15):
    return {
        "metadata": {"name": "l", "namespace": "n", "resourceVersion": version},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": seconds, "leaseTransitions": 3},
    }


@pytest.mark.parametrize(
    ("found", "now", "step"),
    [
        pytest.param(None, 0, "create", id="there is no Lease"),
        pytest.param(lease("me"), 14, "renew", id="it is mine"),
        pytest.param(lease("me"), 1000, "renew", id="it is mine, though late"),
        pytest.param(lease(""), 0, "take", id="it was given back"),
        pytest.param(lease("other"), 14.9, "wait", id="another holds it"),
        pytest.param(lease("other"), 15, "take", id="another has not renewed it for its duration"),
        pytest.param(lease("other", seconds=None), 0, "take", id="another holds it for no time at all"),
        pytest.param({"metadata": {}}, 0, "take", id="an empty Lease"),
    ],
)
def test_decision(found, now, step):
    assert decide(found, Sighting("1", 0.0), "me", now) == step


def test_time_runs_from_when_a_state_of_the_lease_was_first_seen():
    first = look(lease("other", "1"), None, 10.0)
    assert look(lease("other", "1"), first, 20.0) == Sighting("1", 10.0)
    assert look(lease("other", "2"), first, 20.0) == Sighting("2", 20.0)


def test_a_new_holder_is_a_transition_and_a_renewal_is_not():
    spec = lease("other")["spec"]
    taken = claimed(spec, "take", "me", "T1", 15)
    assert taken == {
        "holderIdentity": "me",
        "leaseDurationSeconds": 15,
        "leaseTransitions": 4,
        "acquireTime": "T1",
        "renewTime": "T1",
    }
    assert claimed(taken, "renew", "me", "T2", 15) == taken | {"renewTime": "T2"}
    assert claimed({}, "create", "me", "T1", 15)["leaseTransitions"] == 0


@pytest.mark.parametrize("terms", [(10, 10, 2), (15, 2, 2), (15, 10, 0)])
def test_terms_that_cannot_work_are_refused(terms):
    duration, renew_deadline, retry = terms
    with pytest.raises(ValueError, match="duration > renew_deadline > retry > 0"):
        Terms(duration=duration, renew_deadline=renew_deadline, retry=retry)


class Work:
    def __init__(self, log, name):
        self.log, self.name = log, name
        self.started, self.stopped = threading.Event(), threading.Event()

    def start(self):
        self.log.append(f"{self.name} starts")
        self.started.set()

    def stop(self):
        self.log.append(f"{self.name} stops")
        self.stopped.set()


@pytest.fixture
def api():
    return FakeTransport()


@pytest.fixture
def replica(api):
    replicas = []

    def begin(name, log):
        works = []

        def build():
            works.append(Work(log, name))
            return works[-1]

        found = LeaderElection(Client(api), ("n", "l"), name, build, terms=QUICK)
        found.works = works
        replicas.append(found)
        found.start()
        return found

    yield begin
    for found in replicas:
        found.stop()


def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def test_one_of_two_works_and_the_other_takes_over_when_it_stops(api, replica):
    log = []
    first = replica("a", log)
    until(lambda: first.leading)
    second = replica("b", log)
    time.sleep(0.1)
    assert log == ["a starts"]
    assert not second.leading
    first.stop()
    until(lambda: second.leading)
    assert log == ["a starts", "a stops", "b starts"]
    held = api.find("leases")[0]["spec"]
    assert held["holderIdentity"] == "b"
    assert held["leaseTransitions"] == 1


def test_a_leader_that_cannot_renew_stops_in_time_and_works_again_later(api, replica):
    log = []
    leader = replica("a", log)
    until(lambda: leader.leading)

    def fault(request):
        raise Unreachable("no answer")

    api.fault = fault
    until(lambda: log == ["a starts", "a stops"])
    api.fault = lambda request: None
    until(lambda: log == ["a starts", "a stops", "a starts"])
    assert len(leader.works) == 2, "each term has a runnable of its own"


def test_a_leader_whose_renewal_hangs_stops_in_time(api, replica):
    log, release = [], threading.Event()
    leader = replica("a", log)
    until(lambda: leader.leading)
    api.fault = lambda request: release.wait(10) and None
    until(lambda: log == ["a starts", "a stops"], seconds=1.0)
    api.fault = lambda request: None
    release.set()


def test_a_leader_whose_lease_was_taken_stops(api, replica):
    log = []
    leader = replica("a", log)
    until(lambda: leader.leading)
    client = Client(api)
    client.patch(LEASES, "l", {"spec": {"holderIdentity": "other", "leaseDurationSeconds": 60}}, "n")
    until(lambda: log == ["a starts", "a stops"])


def test_what_cannot_start_is_tried_again(api):
    attempts = []

    class Fails:
        def start(self):
            attempts.append("start")
            if len(attempts) < 3:
                raise RuntimeError("not yet")

        def stop(self):
            attempts.append("stop")

    found = LeaderElection(Client(api), ("n", "l"), "a", Fails, terms=QUICK)
    found.start()
    until(lambda: attempts == ["start", "stop", "start"])
    assert found.leading
    found.stop()
    assert attempts[3:] == ["stop"]


def test_what_never_started_can_be_stopped(api):
    LeaderElection(Client(api), ("n", "l"), "a", lambda: Work([], "a")).stop()
    assert api.requests == []
