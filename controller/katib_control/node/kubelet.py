"""Runs the Pods of this machine: sees what each one needs, has it done by the supervisor, and writes its status.

One Pod at a time is looked at; whatever is decided comes from ``pod_lifecycle``.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from katib_control.api.errors import KatibError
from katib_control.api.times import from_wire
from katib_control.kube.client import Client
from katib_control.kube.errors import Conflict, NotFound
from katib_control.kube.resources import PODS
from katib_control.node.admission import Admission
from katib_control.node.attempt import NODE_SHUTDOWN, Attempt
from katib_control.node.attempt_book import AttemptBook
from katib_control.node.capacity import Ledger
from katib_control.node.notes import Notes
from katib_control.node.pod_lifecycle import FINAL_PHASES, POD_FINISHED, Seen, Steps, grace, steps
from katib_control.node.pod_status import status
from katib_control.node.remains import Remains
from katib_control.node.scheduler import Scheduler, unbound
from katib_control.node.sources import NotYet, containers
from katib_control.node.starter import Starter
from katib_control.node.supervisor_client import SupervisorClient
from katib_control.runtime.apply import difference
from katib_control.runtime.clock import Clock, monotonic
from katib_control.runtime.controller import Controller, Key
from katib_control.runtime.informer import Informer, Informers

logger = logging.getLogger(__name__)

Pod = dict[str, Any]
_RETRY_SOURCES = 1.0
_SYNC_TIMEOUT = 30.0
_SETTLE = 0.03
"""How long a process must have run before it is worth a write that says so: most short ones have ended by then."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a kubelet works with."""

    client: Client
    informers: Informers
    directory: Path
    supervisor: SupervisorClient
    book: AttemptBook
    ledger: Ledger
    starter: Starter
    notes: Notes
    clock: Clock
    name: str


class Kubelet:
    """Pods that are bound to this node; those that are bound to none are bound to it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._pods: Informer[Pod] = parts.informers.of(PODS, decode=_as_it_is)
        self._pods.on_change(self._changed)
        self._controller = Controller("kubelet", self._reconcile)
        self._admission = Admission(parts.ledger, self._call)
        self._scheduler = Scheduler(parts.client, parts.name, self._admission, parts.notes.about)
        self._remains = Remains(
            parts.directory, parts.supervisor, parts.book, alive=lambda uid: uid in self._keys, gone=self._gone
        )
        self._written: dict[str, dict[str, Any]] = {}
        self._over: set[str] = set()
        self._keys: dict[str, Key] = {}
        self._ended = threading.Condition()
        self._halted = False

    def start(self, running: list[Attempt]) -> None:
        """Take over what runs, and begin; the supervisor is connected, and said what runs."""
        parts = self._parts
        for attempt in running:
            parts.book.put(attempt)
        self._pods.start()
        # What the API does not have is cleaned up: not before it is known for certain what it has.
        if not self._pods.wait_synced(_SYNC_TIMEOUT):
            raise KatibError(f"the API server has not listed its Pods within {_SYNC_TIMEOUT:.0f} s")
        here = [pod for pod in self._pods.all() if self._mine(pod) and _phase(pod) not in FINAL_PHASES]
        at_work = [pod for pod in here if self._attempts(pod)]
        self._admission.seed(at_work, [pod for pod in here if not self._attempts(pod)])
        self._remains.find(parts.directory)
        for attempt in running:
            self._remains.add(attempt.pod)
        self._remains.start()
        self._controller.start()

    def halt(self) -> None:
        """Start nothing any more."""
        self._halted = True
        self._controller.stop()

    def close(self) -> None:
        """End; what runs goes on."""
        self._controller.stop()
        self._remains.stop()
        self._pods.stop()

    def shut_down(self, longest: float) -> None:
        """Stop everything that runs, within ``longest`` seconds, and leave its Pods marked as disrupted."""
        parts, deadline = self._parts, monotonic() + longest + 5
        affected: set[str] = set()
        # Once more for what was being started while the first round was asked for.
        while (running := parts.supervisor.running()) and (left := deadline - monotonic()) > 0:
            for attempt in running:
                pod = self._pod_of(attempt.pod)
                parts.book.put(attempt)
                parts.supervisor.stop(attempt.key, min(grace(pod), longest) if pod else 0.0, NODE_SHUTDOWN)
            affected.update(attempt.pod for attempt in running)
            with self._ended:
                self._ended.wait_for(lambda: not any(parts.book.running(uid) for uid in affected), left)
        for uid in affected:
            if pod := self._pod_of(uid):
                with contextlib.suppress(NotFound, Conflict):
                    self._write(pod, *self._decide(pod), hurry=True)

    def news(self, attempt: Attempt) -> None:
        """Hear from the supervisor that a container has ended."""
        self._parts.book.put(attempt)
        with self._ended:
            self._ended.notify_all()
        if key := self._keys.get(attempt.pod):
            self._controller.enqueue(key)
        else:
            self._remains.add(attempt.pod)

    def reconnected(self) -> None:
        """Start over with what is on disk, after the supervisor was lost."""
        self._parts.book.forget_all()
        for attempt in self._parts.supervisor.running():
            self._parts.book.put(attempt)
        for key in list(self._keys.values()):
            self._controller.enqueue(key)
        self._remains.again()

    # -- one Pod

    def _changed(self, old: Pod | None, new: Pod | None) -> None:
        pod = new or old or {}
        metadata = pod["metadata"]
        uid, key = metadata["uid"], (metadata["namespace"], metadata["name"])
        if not self._mine(pod):
            return
        if old is not None and (new is None or old["metadata"]["uid"] != new["metadata"]["uid"]):
            self._keys.pop(old["metadata"]["uid"], None)
            self._remains.add(old["metadata"]["uid"], old)
        if new is not None:
            self._keys[uid] = key
            self._controller.enqueue(key)

    def _reconcile(self, key: Key) -> float | None:
        pod = self._pods.get(*key)
        if pod is None or not self._mine(pod):
            return None
        uid = pod["metadata"]["uid"]
        if uid in self._over or _phase(pod) in FINAL_PHASES:
            self._is_over(pod)
            return None
        if not self._halted and self._scheduler.place(pod):
            return None
        seen, decided = self._decide(pod)
        if pod["metadata"].get("deletionTimestamp"):
            self._finish_deletion(pod)
            return None
        return self._write(pod, seen, decided)

    def _decide(self, pod: Pod) -> tuple[Seen, Steps]:
        """Do what the Pod needs now, until nothing more can be done at once; return what it has come to."""
        uid = pod["metadata"]["uid"]
        waiting: dict[str, tuple[str, str]] = {}
        leaving = "deletionTimestamp" in pod["metadata"]
        refusal = "" if leaving or self._attempts(pod) else self._admission.ask(pod)
        while True:
            seen = Seen(pod=self._fresh(pod), attempts=self._attempts(pod), waiting=waiting, refusal=refusal)
            decided = steps(seen, self._parts.clock())
            for attempt_key, why in decided.stop:
                self._stop(pod, attempt_key, why)
            todo = [item for item in decided.start if item[0] not in waiting]
            if not todo or self._halted:
                return seen, decided
            if not refusal and not seen.attempts:
                self._parts.notes.image_ignored(pod)
            for name, number in todo:
                container = next(item for item in containers(pod) if item["name"] == name)
                try:
                    self._parts.book.put(self._parts.starter.start(pod, container, number))
                except NotYet as error:
                    waiting[name] = (error.reason, str(error))
            logger.debug("containers started: pod=%s containers=%s", uid, todo)

    def _write(self, pod: Pod, seen: Seen, decided: Steps, *, hurry: bool = False) -> float | None:
        """Write the status if it says something new; return when to look again."""
        again = _RETRY_SOURCES if seen.waiting else decided.requeue_after
        uid, metadata = pod["metadata"]["uid"], pod["metadata"]
        if not hurry and (wait := self._unsettled(seen, decided)):
            return wait
        new = status(seen, decided, self._parts.clock())
        if changes := difference(seen.pod.get("status") or {}, new):
            if seen.refusal:
                self._parts.notes.about(pod, "FailedScheduling", seen.refusal)
            body = {"metadata": {"uid": uid}, "status": changes}
            name, namespace = metadata["name"], metadata["namespace"]
            # One that was deleted meanwhile is cleaned up as soon as that is told.
            with contextlib.suppress(NotFound):
                self._written[uid] = self._parts.client.patch(PODS, name, body, namespace, subresource="status")
        if decided.phase in FINAL_PHASES:
            self._over.add(uid)
            self._written.pop(uid, None)
            self._is_over(pod)
        return again

    def _unsettled(self, seen: Seen, decided: Steps) -> float:
        """Return how long to wait before it is said that a Pod runs; 0.0 when it may be said now."""
        if (
            decided.phase in FINAL_PHASES
            or seen.refusal
            or seen.waiting
            or (seen.pod.get("status") or {}).get("startTime")
        ):
            return 0.0
        starts = [item.started for attempts in seen.attempts.values() for item in attempts if not item.ended]
        if not starts or not all(starts):
            return 0.0
        age = (self._parts.clock() - from_wire(max(starts))).total_seconds()
        return _SETTLE - age if 0 <= age < _SETTLE else 0.0

    def _is_over(self, pod: Pod) -> None:
        uid = pod["metadata"]["uid"]
        running = self._parts.book.running(uid)
        for attempt in running:
            self._stop(pod, attempt.key, POD_FINISHED)
        if not running:
            self._parts.book.forget(uid)
            self._admission.release(uid)

    def _finish_deletion(self, pod: Pod) -> None:
        """Tell the server that nothing runs any more, so that it removes the Pod."""
        metadata = pod["metadata"]
        if not self._parts.book.running(metadata["uid"]):
            with contextlib.suppress(NotFound, Conflict):
                self._parts.client.delete(
                    PODS, metadata["name"], metadata["namespace"], uid=metadata["uid"], grace_seconds=0
                )

    def _stop(self, pod: Pod, attempt_key: str, why: str) -> None:
        self._parts.supervisor.stop(attempt_key, grace(pod), why)
        uid, container, number = attempt_key.split("/")
        if attempt := self._parts.book.find(uid, container, int(number)):
            self._parts.book.put(attempt.but(stopped=attempt.stopped or why))

    def _attempts(self, pod: Pod) -> Mapping[str, tuple[Attempt, ...]]:
        return self._parts.book.of(pod["metadata"]["uid"], [item["name"] for item in containers(pod)])

    def _fresh(self, pod: Pod) -> Pod:
        """Return the Pod with the status that was last written, which the informer may not have seen yet."""
        written = self._written.get(pod["metadata"]["uid"])
        if written and int(written["metadata"]["resourceVersion"]) > int(pod["metadata"]["resourceVersion"]):
            return pod | {"status": written["status"]}
        return pod

    def _mine(self, pod: Pod) -> bool:
        return pod["spec"].get("nodeName") == self._parts.name or unbound(pod)

    def _pod_of(self, uid: str) -> Pod | None:
        key = self._keys.get(uid)
        pod = self._pods.get(*key) if key else None
        return pod if pod and pod["metadata"]["uid"] == uid else None

    def _gone(self, uid: str) -> None:
        """Forget a Pod of which nothing is left."""
        self._admission.release(uid)
        self._parts.starter.forget(uid)
        self._written.pop(uid, None)
        self._over.discard(uid)

    def _call(self, uid: str) -> None:
        if key := self._keys.get(uid):
            self._controller.enqueue(key)


def _as_it_is(obj: dict[str, Any]) -> Pod:
    return obj


def _phase(pod: Pod) -> str:
    return (pod.get("status") or {}).get("phase") or "Pending"
