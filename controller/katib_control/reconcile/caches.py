"""What the reconcilers know of the cluster: informers with their indexes, and one roll-up per Experiment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from katib_control.api.defaults import default
from katib_control.api.errors import FieldError, InvalidObject, KatibError
from katib_control.api.experiment import Experiment
from katib_control.api.model import ObjectMeta
from katib_control.api.suggestion import Suggestion
from katib_control.api.trial import Trial
from katib_control.kube.client import Client
from katib_control.kube.resources import EXPERIMENTS, JOBS, PODS, SUGGESTIONS, TRIALS, Resource
from katib_control.reconcile.pods import pod_keys
from katib_control.reconcile.rollup import Rollup
from katib_control.reconcile.trial_decoding import TrialDecoder
from katib_control.runtime.informer import Informer, Informers

RUN_SYNC = 10.0
"""Seconds that the first list of a kind of runs may take."""

RunChange = Callable[["dict[str, Any] | None", "dict[str, Any] | None"], None]


@dataclass(frozen=True)
class Known:
    """An Experiment with its defaults, or what can be read of one whose fields have wrong types, and those errors."""

    experiment: Experiment
    errors: tuple[FieldError, ...] = ()


def decode_experiment(body: dict[str, Any]) -> Known:
    """Read an Experiment; one that cannot be read is known all the same, so that it can be told."""
    try:
        return Known(default(Experiment.decode(body)))
    except InvalidObject as error:
        readable = {"metadata": body["metadata"], "status": body.get("status") or {}}
        return Known(Experiment.decode(readable), error.errors)


def owner_uid(meta: ObjectMeta, kind: str) -> str:
    """Return the uid of the object's controller of this kind; empty where it has none."""
    return next((ref.uid for ref in meta.owner_references if ref.controller and ref.kind == kind), "")


def owner_name(meta: ObjectMeta, kind: str) -> str:
    """Return the name of the object's controller of this kind; empty where it has none."""
    return next((ref.name for ref in meta.owner_references if ref.controller and ref.kind == kind), "")


class Rollups:
    """One roll-up per Experiment, by its uid: same-named Experiments never mix."""

    def __init__(self) -> None:
        self._by_uid: dict[str, Rollup] = {}
        self._nothing = Rollup()

    def of(self, uid: str) -> Rollup:
        """Return the Experiment's roll-up; an empty one where it has no Trials."""
        return self._by_uid.get(uid, self._nothing)

    def change(self, old: Trial | None, new: Trial | None) -> None:
        """Take in one change of a Trial; on the informer's thread."""
        trial = new or old
        uid = owner_uid(trial.metadata, "Experiment") if trial else ""
        if not uid:
            return
        rollup = self._by_uid.setdefault(uid, Rollup())
        rollup.apply(old, new)
        if rollup.empty:
            del self._by_uid[uid]


class Runs:
    """Informers of the kinds of run objects. Jobs from the start, others as soon as a Trial wants one."""

    def __init__(self, client: Client, informers: Informers, namespace: str | None, on_change: RunChange) -> None:
        self._client, self._shared, self._namespace, self._on_change = client, informers, namespace, on_change
        self._lock = threading.Lock()
        self._stopped = False
        self._informers: dict[Resource, Informer[dict[str, Any]]] = {}
        self.jobs = self._informer(JOBS)

    def resource(self, run: dict[str, Any]) -> Resource:
        """Return how the kind of a run object is served; raise NotFound when it is not."""
        kind, version = str(run.get("kind", "")), str(run.get("apiVersion", ""))
        if (version, kind) == (JOBS.api_version, JOBS.kind):
            return JOBS
        return self._client.resource_for(version, kind)

    def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        """Return a run object; the first of a kind starts its informer. Raises KatibError when it cannot list."""
        return self._ready(resource).get(namespace, name)

    def stop(self) -> None:
        """Stop the informers that were started on the way."""
        with self._lock:
            self._stopped = True
            informers = [item for resource, item in self._informers.items() if resource != JOBS]
        for informer in informers:
            informer.stop()

    def _ready(self, resource: Resource) -> Informer[dict[str, Any]]:
        informer = self._informers.get(resource)
        if informer is None:
            with self._lock:
                informer = self._informers.get(resource)
                if informer is None:
                    informer = self._informer(resource)
                    if not self._stopped:
                        informer.start()
        if resource != JOBS and not informer.wait_synced(RUN_SYNC):
            why = informer.error or "no answer"
            raise KatibError(f"{resource.plural}.{resource.group} cannot be listed: {why}")
        return informer

    def _informer(self, resource: Resource) -> Informer[dict[str, Any]]:
        informer = self._shared.of(resource, decode=_as_is, namespace=self._namespace)
        informer.on_change(self._on_change)
        self._informers[resource] = informer
        return informer


@dataclass
class Caches:
    """All informers and roll-ups."""

    experiments: Informer[Known]
    suggestions: Informer[Suggestion]
    trials: Informer[Trial]
    pods: Informer[dict[str, Any]]
    runs: Runs
    rollups: Rollups = field(default_factory=Rollups)

    @property
    def informers(self) -> list[Informer[Any]]:
        """Those that are there from the start."""
        return [self.experiments, self.suggestions, self.trials, self.runs.jobs, self.pods]


def caches(client: Client, informers: Informers, namespace: str | None, on_run: RunChange) -> Caches:
    """Return informers on everything, in one namespace or in all."""
    return Caches(
        experiments=informers.of(EXPERIMENTS, decode=decode_experiment, namespace=namespace),
        suggestions=informers.of(SUGGESTIONS, decode=Suggestion.decode, namespace=namespace),
        trials=informers.of(TRIALS, decode=TrialDecoder(), namespace=namespace),
        pods=informers.of(PODS, decode=_as_is, namespace=namespace, indexes={"run": _pod_keys}),
        runs=Runs(client, informers, namespace, on_run),
    )


def _as_is(body: dict[str, Any]) -> dict[str, Any]:
    return body


def _pod_keys(pod: dict[str, Any]) -> Iterator[str]:
    return pod_keys(pod)
