"""Collecting from pod logs: at the end, while the run lasts, and again after a crash."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from builders import TrialBuilder, experiment, trial
from katib_control.api.errors import KatibError
from katib_control.api.observation import MetricLog
from katib_control.collectors import pod_log
from katib_control.collectors.pod_log import PodLogCollector, key_of
from katib_control.kube.client import Client
from katib_control.kube.errors import ApiError, BadRequest, NotFound, ServerError, Unreachable
from katib_control.kube.http import Request, Response
from katib_control.observations.store import ObservationStore

NOW = datetime(2026, 1, 31, 12, 0, 30, tzinfo=timezone.utc)
OWNER = experiment().objective("loss", "minimize", additional=["acc"]).build()


class Live:
    """The log of a container that is still running: lines come when the test writes them."""

    def __init__(self) -> None:
        self._chunks: queue.Queue[bytes | None] = queue.Queue()
        self.closed = threading.Event()

    def write(self, text: str) -> None:
        self._chunks.put(text.encode())

    def __iter__(self) -> Iterator[bytes]:
        while (chunk := self._chunks.get()) is not None:
            yield chunk

    def close(self) -> None:
        self.closed.set()
        self._chunks.put(None)


class Cluster:
    """Serves pod logs, and notes what was asked."""

    def __init__(self) -> None:
        self.logs: dict[str, bytes | ApiError] = {}
        self.live: dict[str, Live] = {}
        self.asked: list[Request] = []
        self.followed = threading.Semaphore(0)

    def __call__(self, request: Request) -> Response:
        name = request.path.split("/")[-2]
        self.asked.append(request)
        if request.query.get("follow") == "true":
            self.followed.release()
            return Response(200, self.live.setdefault(name, Live()))
        found = self.logs[name]
        if isinstance(found, ApiError):
            return Response(found.code, json.dumps(found.status).encode())
        return Response(200, found)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def log() -> Iterator[ObservationStore]:
    store = ObservationStore()
    yield store
    store.close()


@pytest.fixture
def collector(cluster: Cluster, log: ObservationStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[PodLogCollector]:
    monkeypatch.setattr(pod_log, "PATIENCE", 0.0)
    monkeypatch.setattr(pod_log, "LATER", 0.02)
    made = PodLogCollector(Client(cluster), log, lambda: NOW, followers=2)
    yield made
    made.close()


def pod(name: str = "pod-1", phase: str = "Succeeded", **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"uid-of-{name}"}, "status": {"phase": phase, **status}}


def stamped(*texts: str, start: int = 0) -> bytes:
    return "".join(f"2026-01-31T12:00:{start + n:02d}.000000001Z {text}\n" for n, text in enumerate(texts)).encode()


def at(second: int, value: str, name: str = "loss") -> MetricLog:
    return MetricLog(f"2026-01-31T12:00:{second:02d}.000000001Z", name, value)


def of(name: str = "x-1") -> TrialBuilder:
    return trial(name).of(OWNER).running()


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does, without an event to wait for."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.002)


def test_the_whole_log_is_read_reported_and_returned(
    cluster: Cluster, log: ObservationStore, collector: PodLogCollector
) -> None:
    cluster.logs["pod-1"] = stamped("start", "epoch=1 loss=0.5 acc=0.1", "loss=0.4", "bye")
    found = collector.finish(of().build(), [pod()])
    assert list(found.logs) == [at(1, "0.5"), at(1, "0.1", "acc"), at(2, "0.4")]
    assert list(log.read(key_of(of().build()))) == sorted(found.logs, key=lambda entry: entry.time)
    assert found.names_found == ("epoch", "loss", "acc")
    assert found.tail == ("start", "epoch=1 loss=0.5 acc=0.1", "loss=0.4", "bye")
    assert cluster.asked[0].path == "/api/v1/namespaces/default/pods/pod-1/log"
    assert cluster.asked[0].query == {"container": "training-container", "timestamps": "true"}


def test_reading_again_after_a_crash_adds_nothing(
    cluster: Cluster, log: ObservationStore, collector: PodLogCollector
) -> None:
    cluster.logs["pod-1"] = stamped("loss=0.5 loss=0.5", "loss=0.4")
    first = collector.finish(of().build(), [pod()])
    again = PodLogCollector(Client(cluster), log, lambda: NOW).finish(of().build(), [pod()])
    assert first == again
    assert list(log.read(key_of(of().build()))) == [at(0, "0.5"), at(0, "0.5"), at(1, "0.4")]


def test_a_log_without_metrics_tells_what_it_had_instead(cluster: Cluster, collector: PodLogCollector) -> None:
    cluster.logs["pod-1"] = stamped("Loss=0.5", "loss: 0.4", "ValueError: too bad")
    found = collector.finish(of().build(), [pod()])
    assert (list(found.logs), found.names_found) == ([], ("Loss", "loss:"))
    assert found.tail == ("Loss=0.5", "loss: 0.4", "ValueError: too bad")


def test_filters_of_the_experiment_are_used(cluster: Cluster, collector: PodLogCollector) -> None:
    cluster.logs["pod-1"] = stamped("loss: 0.4")
    source = {"filter": {"metricsFormat": [r"(\w+): ([\d.]+)"]}}
    found = collector.finish(of().spec(metricsCollector={"source": source}).build(), [pod()])
    assert list(found.logs) == [at(0, "0.4")]


def test_of_a_retried_run_only_the_last_attempt_counts(
    cluster: Cluster, log: ObservationStore, collector: PodLogCollector
) -> None:
    log.report(key_of(of().build()), [at(0, "9.9")])  # what the failed attempt had told while it ran
    cluster.logs["pod-2"] = stamped("loss=0.5", start=20)
    found = collector.finish(of().build(), [pod("pod-1", "Failed"), pod("pod-2")])
    assert list(found.logs) == list(log.read(key_of(of().build()))) == [at(20, "0.5")]


def test_pods_side_by_side_are_merged_in_time_order(cluster: Cluster, collector: PodLogCollector) -> None:
    cluster.logs |= {"pod-1": stamped("loss=5", "loss=3"), "pod-2": stamped("loss=4", start=0)}
    found = collector.finish(of().build(), [pod("pod-1"), pod("pod-2")])
    assert [entry.value for entry in found.logs] == ["5", "4", "3"]


@pytest.mark.parametrize("error", [NotFound("pod gone"), BadRequest("no such container")])
def test_a_log_that_is_gone_leaves_what_was_reported_before(
    error: ApiError, cluster: Cluster, log: ObservationStore, collector: PodLogCollector
) -> None:
    cluster.logs["pod-1"] = error
    with pytest.raises(type(error)):
        collector.finish(of().build(), [pod()])
    log.report(key_of(of().build()), [at(0, "0.5")])
    found = collector.finish(of().build(), [pod()])
    assert (list(found.logs), found.names_found) == ([at(0, "0.5")], ("loss",))


def test_an_init_container_that_failed_is_quoted_where_the_training_never_began(
    cluster: Cluster, collector: PodLogCollector
) -> None:
    blamed = {"initContainerStatuses": [{"name": "prepare", "state": {"terminated": {"exitCode": 4}}}]}

    def logs(request: Request) -> Response:
        prepared = request.query["container"] == "prepare"
        cluster.logs["pod-1"] = b"no data set\n" if prepared else BadRequest("is waiting to start")
        return Cluster.__call__(cluster, request)

    found = PodLogCollector(Client(logs), collector._log, lambda: NOW).finish(of().build(), [pod("pod-1", **blamed)])
    assert (list(found.logs), list(found.tail)) == ([], ["no data set"])


def test_an_unreachable_server_is_told_so_that_it_is_asked_again(
    cluster: Cluster, log: ObservationStore, collector: PodLogCollector
) -> None:
    log.report(key_of(of().build()), [at(0, "0.5")])
    cluster.logs["pod-1"] = Unreachable("no answer")
    with pytest.raises(ServerError, match="no answer"):
        collector.finish(of().build(), [pod()])


def test_without_pods_there_is_what_was_reported(log: ObservationStore, collector: PodLogCollector) -> None:
    assert list(collector.finish(of().build(), []).logs) == []
    log.report(key_of(of().build()), [at(0, "0.5")])
    assert list(collector.finish(of().build(), []).logs) == [at(0, "0.5")]


PUSH = {"collector": {"kind": "Push"}}


def test_pushed_metrics_are_read_from_the_store_and_no_log_is_asked_for(
    cluster: Cluster, log: ObservationStore, collector: PodLogCollector
) -> None:
    log.report(key_of(of().build()), [at(0, "0.5")])
    found = collector.finish(of().spec(metricsCollector=PUSH).build(), [pod()])
    assert (list(found.logs), cluster.asked) == ([at(0, "0.5")], [])


def test_when_nothing_was_pushed_the_last_lines_of_the_log_tell_why(
    cluster: Cluster, log: ObservationStore, collector: PodLogCollector
) -> None:
    log.report(key_of(of().build()), [at(0, "nan")])
    cluster.logs["pod-1"] = b"connection refused\nloss=1\n"
    found = collector.finish(of().spec(metricsCollector=PUSH).build(), [pod()])
    assert (list(found.logs), found.tail) == ([at(0, "nan")], ("connection refused", "loss=1"))


def test_a_running_trial_can_be_observed_before_it_ends(
    cluster: Cluster, log: ObservationStore, collector: PodLogCollector
) -> None:
    cluster.live["pod-1"] = live = Live()
    for _ in range(3):
        collector.follow(of().build(), [pod(phase="Running")])
    live.write(stamped("loss=0.5").decode())
    eventually(lambda: list(log.read(key_of(of().build()))) == [at(0, "0.5")])
    live.write(stamped("loss=0.4", start=1).decode()[:10])
    live.write(stamped("loss=0.4", start=1).decode()[10:])
    eventually(lambda: len(log.read(key_of(of().build()))) == 2)
    assert len(cluster.asked) == 1, "it is followed once, however often it is asked for"
    cluster.logs["pod-1"] = stamped("loss=0.5", "loss=0.4", "loss=0.3")
    found = collector.finish(of().build(), [pod()])
    assert list(found.logs) == list(log.read(key_of(of().build()))) == [at(0, "0.5"), at(1, "0.4"), at(2, "0.3")]
    assert live.closed.is_set()


def test_after_stop_nothing_more_is_reported(
    cluster: Cluster, log: ObservationStore, collector: PodLogCollector
) -> None:
    cluster.live["pod-1"] = live = Live()
    collector.follow(of().build(), [pod(phase="Running")])
    assert cluster.followed.acquire(timeout=10)
    collector.stop(key_of(of().build()))
    live.write(stamped("loss=0.5").decode())
    eventually(lambda: not [item for item in threading.enumerate() if item.name == "follow-x-1"])
    assert list(log.read(key_of(of().build()))) == []


def test_a_trial_that_ends_at_once_costs_no_thread(
    cluster: Cluster, collector: PodLogCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_log, "PATIENCE", 60.0)
    collector._clock = lambda: datetime(2026, 1, 31, 12, 0, 1, tzinfo=timezone.utc)
    cluster.logs["pod-1"] = stamped("loss=0.5")
    collector.follow(of().build(), [pod(phase="Running")])
    collector.finish(of().build(), [pod()])
    assert ["follow" in request.query for request in cluster.asked] == [False]


@pytest.mark.parametrize(
    ("built", "pods"),
    [
        pytest.param(of().spec(metricsCollector=PUSH), [pod(phase="Running")], id="pushed metrics"),
        pytest.param(of(), [pod(phase="Pending")], id="a pod that waits"),
        pytest.param(of(), [], id="no pod yet"),
        pytest.param(of().spec(primaryPodLabels={"role": "master"}), [pod(phase="Running")], id="no primary pod"),
        pytest.param(
            of(),
            [pod(phase="Running", containerStatuses=[{"name": "training-container", "state": {"waiting": {}}}])],
            id="a container that waits",
        ),
    ],
)
def test_what_is_not_followed(built: TrialBuilder, pods: list[dict[str, Any]], collector: PodLogCollector) -> None:
    collector.follow(built.build(), pods)
    assert collector._watched == {}


def test_beyond_the_limit_trials_wait_for_their_turn(
    cluster: Cluster, log: ObservationStore, collector: PodLogCollector
) -> None:
    for name in ("a", "b", "c"):
        collector.follow(of(name).build(), [pod(f"pod-{name}", "Running")])
    assert all(cluster.followed.acquire(timeout=10) for _ in range(2))
    assert not cluster.followed.acquire(timeout=0.1)
    first = cluster.asked[0].path.split("/")[-2]
    cluster.live[first].close()
    assert cluster.followed.acquire(timeout=10)
    assert {request.path.split("/")[-2] for request in cluster.asked} == {"pod-a", "pod-b", "pod-c"}


def test_a_trial_whose_metrics_somebody_waits_for_is_followed_at_once_and_beyond_the_limit(
    cluster: Cluster, collector: PodLogCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        collector.follow(of(name).build(), [pod(f"pod-{name}", "Running")])
    assert all(cluster.followed.acquire(timeout=10) for _ in range(2))
    monkeypatch.setattr(pod_log, "PATIENCE", 60.0)
    collector.follow(of("c").build(), [pod("pod-c", "Running")], at_once=True)
    assert cluster.followed.acquire(timeout=10)


def test_what_a_failed_attempt_has_told_is_removed_when_the_next_one_begins(
    cluster: Cluster, log: ObservationStore, collector: PodLogCollector
) -> None:
    """An early stopping rule counts reports: those of one attempt."""
    log.report(key_of(of().build()), [at(0, "0.9"), at(1, "0.8")])
    cluster.live["pod-2"] = live = Live()
    collector.follow(of().build(), [pod("pod-1", "Failed"), pod("pod-2", "Running")])
    live.write(stamped("loss=0.5", start=20).decode())
    eventually(lambda: list(log.read(key_of(of().build()))) == [at(20, "0.5")])


def test_a_new_attempt_is_followed_instead_of_the_old_one(cluster: Cluster, collector: PodLogCollector) -> None:
    collector.follow(of().build(), [pod("pod-1", "Running")])
    assert cluster.followed.acquire(timeout=10)
    collector.follow(of().build(), [pod("pod-1", "Failed"), pod("pod-2", "Running")])
    assert cluster.followed.acquire(timeout=10)
    assert [request.path.split("/")[-2] for request in cluster.asked] == ["pod-1", "pod-2"]
    assert cluster.live["pod-1"].closed.is_set()


def test_a_pod_whose_log_cannot_be_followed_may_be_tried_again(
    collector: PodLogCollector, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def fail(pod_name: str, namespace: str, **options: Any) -> Any:
        calls.append(pod_name)
        raise BadRequest("the container is still waiting to start")

    monkeypatch.setattr(collector._client, "logs", fail)
    for count in (1, 2):
        collector.follow(of().build(), [pod(phase="Running")])
        eventually(lambda count=count: len(calls) == count and not collector._watched)


def test_a_store_that_fails_ends_the_following_but_not_the_collector(
    cluster: Cluster, log: ObservationStore, collector: PodLogCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise KatibError("disk full")

    monkeypatch.setattr(log, "report", full)
    cluster.live["pod-1"] = live = Live()
    collector.follow(of().build(), [pod(phase="Running")])
    live.write(stamped("loss=0.5").decode())
    eventually(lambda: not collector._watched)
    cluster.logs["pod-1"] = stamped("loss=0.5")
    with pytest.raises(KatibError, match="disk full"):
        collector.finish(of().build(), [pod()])
    monkeypatch.undo()
    assert list(collector.finish(of().build(), [pod()]).logs) == [at(0, "0.5")]


def test_lines_that_come_fast_are_reported_together(
    cluster: Cluster, log: ObservationStore, collector: PodLogCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[int] = []
    report = log.report
    monkeypatch.setattr(log, "report", lambda key, entries: (reports.append(len(entries)), report(key, entries)))
    cluster.live["pod-1"] = live = Live()
    collector.follow(of().build(), [pod(phase="Running")])
    for number in range(50):
        live.write(stamped(f"loss={number}", start=number).decode())
    eventually(lambda: len(log.read(key_of(of().build()))) == 50)
    assert len(reports) < 10


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        pytest.param("2026-01-31T12:00:30Z", 1.0, id="a trial that has just started"),
        pytest.param("2026-01-31T12:00:29Z", 0.0, id="a trial that runs for a second"),
        pytest.param("2026-01-31T11:00:00Z", 0.0, id="a trial of an earlier life of the control plane"),
        pytest.param("2026-01-31T12:00:50Z", 1.0, id="a clock that was set back"),
        pytest.param(None, 1.0, id="a trial without a start time"),
    ],
)
def test_how_long_a_trial_runs_before_it_is_followed(
    start: str | None, expected: float, collector: PodLogCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_log, "PATIENCE", 1.0)
    monkeypatch.setattr(collector._schedule, "after", lambda seconds, _: waits.append(seconds))
    waits: list[float] = []
    collector.follow(of().status(startTime=start).build(), [pod(phase="Running")])
    assert waits == [expected]
    collector._watched.clear()


def test_closing_ends_every_thread(cluster: Cluster, collector: PodLogCollector) -> None:
    collector.follow(of().build(), [pod(phase="Running")])
    assert cluster.followed.acquire(timeout=10)
    collector.close()
    eventually(lambda: not [item for item in threading.enumerate() if item.name.startswith("follow")])
    collector.close()
