"""A small cluster for the reconcilers: the embedded API server, a node that completes Jobs, algorithm, collector."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from katib_control.api.conditions import EXPERIMENT_FINAL
from katib_control.api.crd import crds
from katib_control.api.errors import FieldError, KatibError
from katib_control.api.observation import Collected, MetricLog, TrialKey
from katib_control.api.suggestion import Answer, Question, TrialAssignment
from katib_control.api.trial import Trial
from katib_control.apiserver.gc import GarbageCollector
from katib_control.apiserver.server import ApiServer
from katib_control.apiserver.store import Store
from katib_control.kube.client import Client
from katib_control.kube.errors import AlreadyExists, ApiError, NotFound
from katib_control.kube.http import Request, Response
from katib_control.kube.resources import CRDS, EXPERIMENTS, JOBS, PODS, SUGGESTIONS, TRIALS
from katib_control.reconcile.controllers import Reconcilers
from katib_control.reconcile.ports import EarlyStop
from katib_control.runtime.clock import system_clock
from katib_control.runtime.controller import Controller, Key
from katib_control.runtime.counters import Counters
from katib_control.runtime.events import EventRecorder
from katib_control.runtime.informer import Informer

STAMP = "2026-01-31T12:00:00Z"


class Algorithm:
    """Points that follow from their index alone: lr = (index + 1) / 1000. ``size`` is the size of the search space."""

    def __init__(self, size: int = 1 << 30) -> None:
        self.size = size
        self.refuses: list[FieldError] = []
        self.error = ""
        self.asked: list[tuple[int, int]] = []
        self.trials_seen: list[int] = []

    def validate(self, experiment: Any) -> Sequence[FieldError]:
        return self.refuses

    def ask(self, question: Question) -> Answer:
        if self.error:
            raise KatibError(self.error)
        self.asked.append((question.index, question.count))
        self.trials_seen.append(len(question.trials))
        indexes = range(question.index, min(question.index + question.count, self.size))
        points = [
            TrialAssignment.decode({"parameterAssignments": [{"name": "lr", "value": repr((index + 1) / 1000)}]})
            for index in indexes
        ]
        return Answer(assignments=points, exhausted=question.index + question.count >= self.size)

    def forget(self, uid: str) -> None:
        pass


class Log:
    """An observation log in memory."""

    def __init__(self) -> None:
        self.entries: dict[TrialKey, list[MetricLog]] = {}
        self.error = ""
        self.listeners: list[Callable[[TrialKey], None]] = []

    def report(self, trial: TrialKey, logs: Sequence[MetricLog]) -> None:
        self.entries.setdefault(trial, []).extend(logs)
        for listener in self.listeners:
            listener(trial)

    def on_report(self, listener: Callable[[TrialKey], None]) -> None:
        self.listeners.append(listener)

    def read(self, trial: TrialKey, metric: str | None = None) -> Sequence[MetricLog]:
        return [item for item in self.entries.get(trial, []) if metric in (None, item.name)]

    def delete(self, trial: TrialKey) -> None:
        if self.error:
            raise KatibError(self.error)
        self.entries.pop(trial, None)


class Collector:
    """What each trial has told: loss = lr, unless ``values`` says otherwise."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.values: Callable[[Trial], dict[str, str]] = lambda trial: {"loss": trial.spec.assignments["lr"]}
        self.tail: Sequence[str] = ()
        self.finished: list[str] = []

    def follow(self, trial: Trial, pods: Sequence[dict[str, Any]], *, at_once: bool = False) -> None:
        pass

    def finish(self, trial: Trial, pods: Sequence[dict[str, Any]]) -> Collected:
        self.finished.append(trial.metadata.name)
        told = self.values(trial)
        logs = [MetricLog(STAMP, name, value) for name, value in told.items()]
        self._log.report(TrialKey(trial.metadata.namespace, trial.metadata.name, trial.metadata.uid), logs)
        return Collected(logs=logs, names_found=list(told), tail=self.tail)

    def stop(self, trial: TrialKey) -> None:
        pass


class FakeNode:
    """Completes Jobs: gives each a Pod, and ends it at once, or when ``hold`` lets it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.started: list[str] = []
        self.hold: Callable[[str], bool] = lambda name: False
        self.fail: Callable[[str], bool] = lambda name: False
        self._jobs = Informer(client, JOBS, decode=lambda body: body)
        self._jobs.on_change(lambda old, new: new and self.controller.enqueue(_key(new)))
        self.controller = Controller("node", self._run)

    def start(self) -> None:
        self._jobs.start()
        assert self._jobs.wait_synced(5)
        self.controller.start()

    def stop(self) -> None:
        self.controller.stop()
        self._jobs.stop()

    def release(self) -> None:
        self.hold = lambda name: False
        for job in self._jobs.all():
            self.controller.enqueue(_key(job))

    def _run(self, key: Key) -> float | None:
        job = self._jobs.get(*key)
        if job is None or job.get("status", {}).get("conditions") or job["metadata"].get("deletionTimestamp"):
            return None
        namespace, name = key
        try:
            self._client.create(PODS, pod_of(job))
            self.started.append(name)
        except AlreadyExists:
            pass
        failed = self.fail(name)
        try:
            phase = {"phase": "Running" if self.hold(name) else "Failed" if failed else "Succeeded"}
            self._client.patch(PODS, name, {"status": phase}, namespace, subresource="status")
            if not self.hold(name):
                self._end(job, failed)
        except NotFound:
            pass
        return None

    def _end(self, job: dict[str, Any], failed: bool) -> None:
        kind = {"type": "Failed", "reason": "BackoffLimitExceeded"} if failed else {"type": "Complete"}
        condition = {"status": "True", "lastTransitionTime": STAMP, **kind}
        extra = {} if failed else {"startTime": STAMP, "completionTime": STAMP, "succeeded": 1}
        body = {"status": {"conditions": [condition], **extra}}
        meta = job["metadata"]
        self._client.patch(JOBS, meta["name"], body, meta["namespace"], subresource="status")


def pod_of(job: dict[str, Any]) -> dict[str, Any]:
    meta, template = job["metadata"], job["spec"]["template"]
    labels = {**(template.get("metadata", {}).get("labels") or {}), "job-name": meta["name"]}
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"], "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": meta["name"], "namespace": meta["namespace"], "labels": labels, "ownerReferences": [owner],
        },
        "spec": template["spec"],
    }  # fmt: skip


def _key(obj: dict[str, Any]) -> Key:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


class Late:
    """A watch whose news come late."""

    def __init__(self, stream: Any, delay: float) -> None:
        self._stream, self._delay = stream, delay

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            time.sleep(self._delay)
            yield chunk

    def close(self) -> None:
        self._stream.close()


class Cluster:
    """The API server and what is around it; reconcilers can be stopped and started over it."""

    def __init__(self, directory: Path) -> None:
        self._server = ApiServer(Store(directory))
        self.client = Client(self._server.handle)
        for crd in crds():
            self.client.create(CRDS, crd)
        self.algorithm, self.log, self.counters = Algorithm(), Log(), Counters()
        self.collector = Collector(self.log)
        self.node, self._collector_of_garbage = FakeNode(self.client), GarbageCollector(self.client)
        self.recorder = EventRecorder(self.client, "katib-controller", system_clock)
        self._reconcilers: Reconcilers | None = None
        self._lock = threading.Lock()
        self.writes: list[tuple[str, str]] = []
        self._left: int | None = None
        self.late: dict[str, float] = {}
        self.early_stop: EarlyStop | None = None

    def start(self, stop_after_writes: int | None = None) -> None:
        """Start reconcilers; with a number their process "dies" after that many writes."""
        self._left = stop_after_writes
        client = Client(self._transport)
        self._reconcilers = Reconcilers(
            client, self.algorithm, self.log, self.collector, system_clock, self.recorder,
            counters=self.counters, early_stop=self.early_stop,
        )  # fmt: skip
        self._reconcilers.start()

    def open(self) -> None:
        self._collector_of_garbage.start()
        self.node.start()

    @property
    def dead(self) -> bool:
        """Whether the reconcilers' process has made its last write."""
        return self._left == 0

    def stop(self) -> None:
        if self._reconcilers:
            self._reconcilers.stop()
            self._reconcilers = None

    def close(self) -> None:
        self.stop()
        self.node.stop()
        self._collector_of_garbage.stop()
        self.recorder.stop()
        self._server.close()

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        for name in ("uid", "generation"):
            body["metadata"].pop(name, None)
        return self.client.create(EXPERIMENTS, body)

    def experiment(self, name: str = "x") -> dict[str, Any]:
        return self.client.get(EXPERIMENTS, name, "default")

    def suggestion(self, name: str = "x") -> dict[str, Any]:
        return self.client.get(SUGGESTIONS, name, "default")

    def trials(self) -> list[dict[str, Any]]:
        return list(self.client.list(TRIALS, "default")["items"])

    def patch(self, name: str, **spec: Any) -> None:
        self.client.patch(EXPERIMENTS, name, {"spec": spec}, "default")

    def wait_end(self, name: str = "x", timeout: float = 20) -> dict[str, Any]:
        """Return the Experiment's final condition."""
        return self.wait(lambda: ended(self.experiment(name)), timeout)

    def wait(self, told: Callable[[], Any], timeout: float = 20) -> Any:
        """Return the first answer that is true."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                if answer := told():
                    return answer
            except NotFound:
                pass
            time.sleep(0.01)
        raise AssertionError(f"not so within {timeout} s: {self.describe()}")

    def idle(self) -> None:
        """Return when no change has come by the reconcilers for a while."""
        time.sleep(0.25)

    def describe(self) -> str:
        lines = []
        for resource in (EXPERIMENTS, SUGGESTIONS, TRIALS):
            for item in self.client.list(resource, "default")["items"]:
                last = item.get("status", {}).get("conditions", [{}])[-1:]
                lines.append(f"{item['metadata']['name']} {last}")
        return "\n".join(lines)

    def _transport(self, request: Request) -> Response:
        if request.method != "GET" and "/events" not in request.path:
            with self._lock:
                if self._left is not None:
                    if self._left <= 0:
                        raise ApiError("the process is dead")
                    self._left -= 1
                self.writes.append((request.method, request.path))
        response = self._server.handle(request)
        delay = self.late.get(request.path.rpartition("/")[2])
        if delay and "watch" in request.query:
            return replace(response, body=Late(response.body, delay))
        return response


def ended(experiment: dict[str, Any]) -> dict[str, Any] | None:
    conditions = experiment.get("status", {}).get("conditions", [])
    return next((item for item in conditions if item["type"] in EXPERIMENT_FINAL and item["status"] == "True"), None)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    made.open()
    yield made
    made.close()
