"""Reading Pods: which of them matter, how their containers ended. Pure, on raw JSON dicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from katib_control.api.trial import Trial
from katib_control.reconcile.jobs import NAME_LABELS

Pod = Mapping[str, Any]


def pod_keys(pod: dict[str, Any]) -> Iterator[str]:
    """Yield the keys of runs that the Pod may belong to: ``namespace/name`` by its labels and its owners."""
    meta = pod["metadata"]
    namespace, labels = meta.get("namespace", ""), meta.get("labels") or {}
    names = [labels[label] for label in NAME_LABELS if label in labels]
    names += [owner.get("name", "") for owner in meta.get("ownerReferences") or ()]
    for name in dict.fromkeys(names):
        yield f"{namespace}/{name}"


def primary_pods(trial: Trial, pods: Sequence[Pod]) -> list[Pod]:
    """Return the Pods that carry all of the Trial's primaryPodLabels."""
    wanted = trial.spec.primary_pod_labels.items()
    return [pod for pod in pods if wanted <= (pod["metadata"].get("labels") or {}).items()]


def container_names(pod: Pod) -> list[str]:
    """Return the names of the Pod's containers, init containers last."""
    spec = pod.get("spec") or {}
    return [item.get("name", "") for part in ("containers", "initContainers") for item in spec.get(part) or ()]


def statuses(pod: Pod) -> Iterator[Mapping[str, Any]]:
    """Yield the statuses of all containers, init containers first."""
    status = pod.get("status") or {}
    for part in ("initContainerStatuses", "containerStatuses"):
        yield from status.get(part) or ()


def how_ended(trial: Trial, pods: Sequence[Pod], known: str = "") -> str:
    """Say with which exit code the primary container ended, by the latest Pod that knows; empty when none does.

    What is said in ``known`` already is not said again.
    """
    wanted = trial.spec.primary_container_name
    for pod in sorted(primary_pods(trial, pods), key=_age, reverse=True):
        found = [(str(status.get("name", "")), ended) for status in statuses(pod) if (ended := _end(status))]
        blamed = [item for item in found if item[1].get("exitCode")]
        # What failed before what did not, and of those the primary container before others.
        told = sorted(blamed or [item for item in found if item[0] == wanted], key=lambda item: item[0] != wanted)
        if told:
            return _told(*told[0], known)
    return ""


def _end(status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    ended: Mapping[str, Any] | None = (status.get("state") or {}).get("terminated")
    return ended or (status.get("lastState") or {}).get("terminated")


def all_ended(pods: Sequence[Pod]) -> bool:
    """Tell whether no Pod runs any more."""
    return all((pod.get("status") or {}).get("phase") in ("Succeeded", "Failed") for pod in pods)


def all_run(pods: Sequence[Pod]) -> bool:
    """Tell whether there are Pods, and each of them runs or has ended."""
    return bool(pods) and all((pod.get("status") or {}).get("phase") not in (None, "", "Pending") for pod in pods)


def _age(pod: Pod) -> str:
    return str(pod["metadata"].get("creationTimestamp", ""))


def _told(name: str, ended: Mapping[str, Any], known: str) -> str:
    reason, words = ended.get("reason") or "", str(ended.get("message") or "")
    told = f"container {name} ended with exit code {ended.get('exitCode')}"
    if ended.get("exitCode") == 127:
        told += ", command not found: correct the command in the trial template"
    extra = " ".join(
        part for part in (reason if reason not in ("Error", "Completed") else "", words) if part not in known
    )
    return f"{told} ({extra})" if extra else told


def pod_matters(old: Pod | None, new: Pod | None) -> bool:
    """Tell whether a change of a Pod can change what is said of its Trial."""
    if new is None or old is None:
        return new is None
    before, after = old.get("status") or {}, new.get("status") or {}
    if before.get("phase") != after.get("phase"):
        return after.get("phase") != "Succeeded"  # then the run itself is about to end, or another Pod goes on
    return list(_reasons(old)) != list(_reasons(new))


def run_matters(old: Pod | None, new: Pod | None) -> bool:
    """Tell whether a change of a run object can change what is said of its Trial."""
    if old is None or new is None:
        return True
    if old["metadata"].get("deletionTimestamp") != new["metadata"].get("deletionTimestamp"):
        return True
    before, after = old.get("status") or {}, new.get("status") or {}
    if "conditions" in before or "conditions" in after:
        return bool(before.get("conditions") != after.get("conditions"))
    # A Job's numbers say nothing; another kind may have its state anywhere.
    return new.get("kind") != "Job" and before != after


def _reasons(pod: Pod) -> Iterator[str]:
    for status in statuses(pod):
        waiting = (status.get("state") or {}).get("waiting")
        if waiting:
            yield str(waiting.get("reason", ""))
