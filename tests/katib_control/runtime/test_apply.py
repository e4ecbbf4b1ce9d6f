from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_transport import FakeTransport
from katib_control.kube.client import Client
from katib_control.kube.errors import Conflict, NotFound, ServerError
from katib_control.kube.patches import merge_patch
from katib_control.kube.resources import EXPERIMENTS, JOBS, TRIALS
from katib_control.runtime.apply import apply, difference
from katib_control.runtime.counters import Counters
from katib_control.runtime.plan import Delete, EventDraft, Patch, Plan


class Recorder:
    """Stands in for the EventRecorder: remembers what was said about what."""

    def __init__(self):
        self.said = []

    def event(self, obj, draft):
        self.said.append((obj["metadata"]["name"], draft.reason))


def job(name):
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "n"}}


@pytest.fixture
def api():
    return FakeTransport()


@pytest.fixture
def client(api):
    return Client(api)


@pytest.fixture
def trial(client):
    client.create(TRIALS, {"kind": "Trial", "metadata": {"name": "t"}, "spec": {"a": 1}}, "n")
    return client.patch(TRIALS, "t", {"status": {"old": 1, "map": {"x": 1, "y": 2}}}, "n", subresource="status")


def status(client):
    return client.get(TRIALS, "t", "n")["status"]


def order(api):
    return [(request.method, request.path.rpartition("namespaces/n/")[2]) for request in api.writes]


def test_writes_come_in_the_order_that_makes_stopping_safe(api, client, trial):
    client.create(JOBS, job("old"))
    client.create(EXPERIMENTS, {"metadata": {"name": "e"}}, "n")
    api.requests.clear()
    plan = Plan(
        create=[(JOBS, job("j"))],
        patch=[Patch(EXPERIMENTS, "n", "e", {"spec": {"x": 1}})],
        delete=[Delete(JOBS, "n", "old")],
        finalizers=["f"],
        status={"new": 2, "map": {"x": 1}},
        events=[EventDraft("Created", "it is")],
        counters=["katib_trial_created_total"],
    )
    recorder, counters = Recorder(), Counters()
    written = apply(client, TRIALS, trial, plan, recorder, counters)
    assert order(api) == [
        ("POST", "jobs"),
        ("PATCH", "experiments/e"),
        ("DELETE", "jobs/old"),
        ("PATCH", "trials/t"),
        ("PATCH", "trials/t/status"),
    ]
    assert written == client.get(TRIALS, "t", "n")
    assert written["status"] == {"new": 2, "map": {"x": 1}}
    assert written["metadata"]["finalizers"] == ["f"]
    assert recorder.said == [("t", "Created")]
    assert counters.value("katib_trial_created", "n") == 1


def test_an_empty_plan_writes_nothing(api, client, trial):
    api.requests.clear()
    assert apply(client, TRIALS, trial, Plan()) is None
    assert api.requests == []


def test_a_status_as_it_was_is_not_written(api, client, trial):
    api.requests.clear()
    assert apply(client, TRIALS, trial, Plan(status=trial["status"])) is None
    assert api.writes == []


def test_only_the_difference_of_the_status_is_sent(api, client, trial):
    apply(client, TRIALS, trial, Plan(status={"old": 1, "map": {"x": 1, "y": 3}}))
    assert api.writes[-1].json()["status"] == {"map": {"y": 3}}


def test_a_child_that_is_there_already_is_success(client, trial):
    client.create(JOBS, job("j"))
    apply(client, TRIALS, trial, Plan(create=[(JOBS, job("j"))], status={"done": True}))
    assert status(client) == {"done": True}


@pytest.mark.parametrize(
    "deletion",
    [
        pytest.param(Delete(JOBS, "n", "none"), id="what is not there"),
        pytest.param(Delete(JOBS, "n", "j", uid="of-another"), id="another object of the same name"),
    ],
)
def test_deleting_what_is_gone_is_success(client, trial, deletion):
    client.create(JOBS, job("j"))
    apply(client, TRIALS, trial, Plan(delete=[deletion], status={"done": True}))
    assert status(client) == {"done": True}
    assert client.get(JOBS, "j", "n")


def test_a_status_from_a_stale_observation_is_refused_and_tells_nothing(client, trial):
    client.patch(TRIALS, "t", {"spec": {"a": 2}}, "n")
    recorder, counters = Recorder(), Counters()
    plan = Plan(status={"new": 1}, events=[EventDraft("Done", "it is")], counters=["c"])
    with pytest.raises(Conflict):
        apply(client, TRIALS, trial, plan, recorder, counters)
    assert status(client) == trial["status"]
    assert recorder.said == []
    assert counters.value("c", "n") == 0


def test_a_patch_of_what_is_not_there_is_an_error(client, trial):
    with pytest.raises(NotFound):
        apply(client, TRIALS, trial, Plan(patch=[Patch(EXPERIMENTS, "n", "none", {})], status={"new": 1}))
    assert status(client) == trial["status"]


def test_the_last_finalizer_of_a_deleted_object_ends_it(client, trial):
    apply(client, TRIALS, trial, Plan(finalizers=["f"]))
    client.delete(TRIALS, "t", "n")
    deleted = client.get(TRIALS, "t", "n")
    counters = Counters()
    plan = Plan(finalizers=[], status={"new": 1}, counters=["katib_trial_deleted_total"])
    apply(client, TRIALS, deleted, plan, None, counters)
    with pytest.raises(NotFound):
        client.get(TRIALS, "t", "n")
    assert counters.value("katib_trial_deleted_total", "n") == 1
    assert apply(client, TRIALS, deleted, plan) is None, "a second attempt finds the work done"


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        pytest.param({}, {}, {}, id="nothing"),
        pytest.param({"a": 1}, {}, {"a": None}, id="removed"),
        pytest.param({"a": 1}, {"a": None}, {"a": None}, id="null is removed"),
        pytest.param({}, {"a": None}, {}, id="null was never there"),
        pytest.param({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"c": None}}, id="inside a map"),
        pytest.param({"a": [1, {"b": 1}]}, {"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}, id="lists as a whole"),
        pytest.param({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}, id="a value becomes a map"),
    ],
)
def test_difference(old, new, patch):
    assert difference(old, new) == patch


VALUES = st.recursive(
    st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
STATUS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


@given(STATUS, STATUS)
def test_the_difference_patched_onto_the_old_is_the_new(old, new):
    assert merge_patch(old, difference(old, new)) == new


class Stopped(Exception):
    """The process dies here."""


PLANS = st.builds(
    lambda create, patch, delete, finalizers, status: Plan(
        create=[(JOBS, job(name)) for name in create],
        patch=[Patch(EXPERIMENTS, "n", "e", body) for body in patch],
        delete=[Delete(JOBS, "n", name) for name in delete],
        finalizers=finalizers,
        status=status,
    ),
    create=st.lists(st.sampled_from(["j0", "j1", "j2"]), unique=True, max_size=3),
    patch=st.lists(st.dictionaries(st.just("spec"), STATUS, max_size=1), max_size=2),
    delete=st.lists(st.sampled_from(["k0", "k1"]), unique=True, max_size=2),
    finalizers=st.none() | st.lists(st.sampled_from("fg"), unique=True),
    status=st.none() | STATUS,
)


def world():
    api = FakeTransport()
    client = Client(api)
    for name in ("k0", "j1"):
        client.create(JOBS, job(name))
    client.create(EXPERIMENTS, {"metadata": {"name": "e", "namespace": "n"}})
    client.create(TRIALS, {"metadata": {"name": "t", "namespace": "n"}})
    return api, client


def state(api):
    """All objects, without what counts the writes."""
    return {
        key: {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k not in ("resourceVersion", "uid")}}
        for key, obj in api.objects.items()
    }


@settings(deadline=None)
@given(plan=PLANS, stop_at=st.integers(1, 8), before=st.booleans())
def test_stopped_at_any_write_and_begun_again_the_end_is_the_same(plan, stop_at, before):
    api, client = world()
    apply(client, TRIALS, client.get(TRIALS, "t", "n"), plan)
    expected = state(api)

    api, client = world()
    writes = iter(range(1, 100))

    def stop(request):
        if request.method != "GET" and next(writes) == stop_at:
            raise Stopped

    api.fault, api.after = (stop, api.after) if before else (api.fault, stop)
    seen = client.get(TRIALS, "t", "n")
    try:
        apply(client, TRIALS, seen, plan)
    except Stopped:
        apply(client, TRIALS, client.get(TRIALS, "t", "n"), plan)
    assert state(api) == expected


@given(PLANS)
def test_a_plan_applied_twice_changes_nothing_more(plan):
    api, client = world()
    apply(client, TRIALS, client.get(TRIALS, "t", "n"), plan)
    once = state(api)
    apply(client, TRIALS, client.get(TRIALS, "t", "n"), plan)
    assert state(api) == once


def test_errors_of_the_server_pass_through(api, client, trial):
    def fault(request):
        raise ServerError("down")

    api.fault = fault
    with pytest.raises(ServerError):
        apply(client, TRIALS, trial, Plan(create=[(JOBS, job("j"))]))
