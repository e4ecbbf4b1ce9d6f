"""The Job controller of a machine without one: sees a Job and its Pods, and carries out what ``job_plan`` decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from katib_control.api.errors import KatibError
from katib_control.api.times import from_wire
from katib_control.kube.client import Client
from katib_control.kube.resources import JOBS, PODS
from katib_control.node.job_plan import finished, plan
from katib_control.runtime.apply import apply, difference
from katib_control.runtime.clock import Clock, system_clock
from katib_control.runtime.controller import Controller, Key
from katib_control.runtime.events import EventRecorder
from katib_control.runtime.informer import Informer, Informers
from katib_control.runtime.plan import Plan

Obj = dict[str, Any]

_SYNC_TIMEOUT = 30.0
_SETTLE = 0.05
"""How long the first, passing status is held back: a short Job has ended by then, and one write says it all."""


class JobController:
    """Runs batch/v1 Jobs of all namespaces; their Pods are bound to ``node``. ``informers``: those of the process."""

    def __init__(
        self,
        client: Client,
        clock: Clock = system_clock,
        *,
        node: str = "local",
        informers: Informers | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._node = node
        self._recorder = EventRecorder(client, "job-controller", clock)
        shared = informers or Informers(client)
        self._jobs: Informer[Obj] = shared.of(JOBS, decode=_as_it_is)
        self._pods: Informer[Obj] = shared.of(PODS, decode=_as_it_is, indexes={"job": _owner_uids})
        self._controller = Controller("jobs", self._reconcile)
        self._seen: dict[str, float] = {}
        self._jobs.on_change(self._job_changed)
        self._pods.on_change(self._pod_changed)

    def start(self) -> None:
        """Begin."""
        self._recorder.start()
        # Pods first: a Job must never be looked at without them.
        for informer in (self._pods, self._jobs):
            informer.start()
            if not informer.wait_synced(_SYNC_TIMEOUT):
                raise KatibError(
                    f"the API server has not listed its {informer.resource.plural} within {_SYNC_TIMEOUT} s"
                )
        self._controller.start()

    def stop(self) -> None:
        """End; what runs is the node's business."""
        self._controller.stop()
        self._jobs.stop()
        self._pods.stop()
        self._recorder.stop()

    def _job_changed(self, old: Obj | None, new: Obj | None) -> None:
        if new is None:
            if old is not None:
                self._seen.pop(old["metadata"]["uid"], None)
            return
        if not _is_settled(new):
            self._controller.enqueue(_key(new))

    def _pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        pod = new or old or {}
        namespace = pod["metadata"]["namespace"]
        for owner in pod["metadata"].get("ownerReferences") or ():
            if owner.get("controller") and owner["kind"] == "Job":
                # A Job that is not known yet looks for its Pods when it is.
                job = self._jobs.get(namespace, owner["name"])
                if job is not None and not _is_settled(job):
                    self._controller.enqueue((namespace, owner["name"]))

    def _reconcile(self, key: Key) -> float | None:
        job = self._jobs.get(*key)
        if job is None:
            return None
        now = self._clock()
        decided = plan(job, self._pods.by_index("job", job["metadata"]["uid"]), now, node=self._node)
        if wait := self._unsettled(job, decided):
            begun = Plan(create=decided.create, patch=decided.patch, events=decided.events)
            apply(self._client, JOBS, job, begun, self._recorder)
            return wait
        apply(self._client, JOBS, job, decided, self._recorder)
        return decided.requeue_after

    def _unsettled(self, job: Mapping[str, Any], decided: Plan) -> float:
        """Return how long to hold back a status that only says that the Job has begun; 0.0 when it is to be written."""
        if decided.status is None or decided.delete or (job.get("status") or {}).get("startTime"):
            return 0.0
        if finished({"status": decided.status}) or not difference(job.get("status") or {}, decided.status):
            return 0.0
        now = self._clock().timestamp()
        first = self._seen.setdefault(job["metadata"]["uid"], now)
        created = from_wire(job["metadata"]["creationTimestamp"]).timestamp()
        held_since = max(first, created)
        return max(0.0, held_since + _SETTLE - now)


def _as_it_is(obj: Obj) -> Obj:
    return obj


def _key(obj: Obj) -> Key:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _is_settled(job: Obj) -> bool:
    """Whether nothing is left to be done for the Job, whatever becomes of its Pods."""
    return finished(job) is not None and job["spec"].get("ttlSecondsAfterFinished") is None


def _owner_uids(pod: Obj) -> list[str]:
    owners = pod["metadata"].get("ownerReferences") or ()
    return [owner["uid"] for owner in owners if owner.get("controller")]
