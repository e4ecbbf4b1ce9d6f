"""The Pods of a Job: their names, how they are made from the template, and what each one counts as. Pure.

A name is derived from the Job's uid, the completion index and a number that counts the attempts: a controller that
starts anew, or whose copy of the world is behind, asks for the same Pod again and is told that it is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from katib_control.api.times import from_wire

Obj = Mapping[str, Any]

INDEX = "batch.kubernetes.io/job-completion-index"
NUMBER = "katib.kubeflow.org/pod-number"
"""Annotation of a Job's Pod: which attempt (of its index, where Pods have one) it is, counted from 0."""

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, kw_only=True)
class PodView:
    """What a Job sees of one of its Pods."""

    pod: Obj
    phase: str
    deleted: bool
    disrupted: bool
    index: int | None
    number: int

    @property
    def name(self) -> str:
        """The Pod's name."""
        return str(self.pod["metadata"]["name"])

    @property
    def over(self) -> bool:
        """Whether it has ended, well or badly."""
        return self.phase in ("Succeeded", "Failed")

    @property
    def active(self) -> bool:
        """Whether it runs or will run."""
        return not self.over and not self.deleted

    @property
    def ready(self) -> bool:
        """Whether it is active and its containers are ready."""
        return self.active and _has_condition(self.pod, "Ready")


def view(pod: Obj) -> PodView:
    """Return what counts of a Pod."""
    metadata = pod["metadata"]
    annotations = metadata.get("annotations") or {}
    index = annotations.get(INDEX)
    return PodView(
        pod=pod,
        phase=(pod.get("status") or {}).get("phase") or "Pending",
        deleted="deletionTimestamp" in metadata,
        disrupted=_has_condition(pod, "DisruptionTarget"),
        index=int(index) if index is not None else None,
        number=int(annotations.get(NUMBER, 0)),
    )


def terminated(pod: Obj) -> list[tuple[Obj, Obj]]:
    """Return (container status, its ``state.terminated``) of every container that has ended, init containers first."""
    status = pod.get("status") or {}
    every = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return [(item, ended) for item in every if (ended := (item.get("state") or {}).get("terminated")) is not None]


def finish_time(pod: Obj) -> float:
    """Return when the Pod's last container ended, in seconds of the epoch; 0.0 when none has."""
    stamps = [ended["finishedAt"] for _, ended in terminated(pod) if ended.get("finishedAt")]
    return max((from_wire(stamp).timestamp() for stamp in stamps), default=0.0)


def restarts(pod: Obj) -> int:
    """Return how often the Pod's containers were restarted in all."""
    status = pod.get("status") or {}
    every: Sequence[Obj] = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return sum(int(item.get("restartCount", 0)) for item in every)


def pod_name(job: Obj, index: int | None, number: int) -> str:
    """Return the derived name of an attempt."""
    metadata = job["metadata"]
    digest = hashlib.sha256(f"{metadata['uid']}/{index}/{number}".encode()).digest()
    suffix = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:5])
    middle = "" if index is None else f"-{index}"
    return f"{metadata['name'][: 57 - len(middle)]}{middle}-{suffix}"


def make_pod(job: Obj, index: int | None, number: int, node: str) -> dict[str, Any]:
    """Return the Pod of an attempt, bound to the node: there is only one."""
    metadata, template = job["metadata"], job["spec"]["template"]
    own = template.get("metadata") or {}
    uid, name = metadata["uid"], metadata["name"]
    labels = (own.get("labels") or {}) | {
        "batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name,
        "controller-uid": uid, "job-name": name,
    }  # fmt: skip
    annotations = (own.get("annotations") or {}) | {NUMBER: str(number)}
    spec = template["spec"] | {"nodeName": template["spec"].get("nodeName") or node}
    if index is not None:
        labels[INDEX] = annotations[INDEX] = str(index)
        spec.setdefault("hostname", f"{name}-{index}")
        for group in ("initContainers", "containers"):
            if spec.get(group):
                spec[group] = [_with_index(item, index) for item in spec[group]]
    owner = {
        "apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid,
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(job, index, number), "namespace": metadata["namespace"], "labels": labels,
            "annotations": annotations, "ownerReferences": [owner],
        },
        "spec": spec,
    }  # fmt: skip


def compress(indexes: set[int]) -> str:
    """Return ``0-2,4`` for {0, 1, 2, 4}."""
    parts: list[tuple[int, int]] = []
    for index in sorted(indexes):
        if parts and parts[-1][1] == index - 1:
            parts[-1] = (parts[-1][0], index)
        else:
            parts.append((index, index))
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in parts)


def expand_indexes(text: str) -> set[int]:
    """Return {0, 1, 2, 4} for ``0-2,4``."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        low, _, high = part.partition("-")
        found.update(range(int(low), int(high or low) + 1))
    return found


def _with_index(container: Obj, index: int) -> dict[str, Any]:
    env = [*(container.get("env") or ())]
    if all(entry["name"] != "JOB_COMPLETION_INDEX" for entry in env):
        env.append({"name": "JOB_COMPLETION_INDEX", "value": str(index)})
    return {**container, "env": env}


def _has_condition(pod: Obj, kind: str) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(item["type"] == kind and item["status"] == "True" for item in conditions)
