"""Checkpoints go from trial to trial: what is added to a run object so that a child begins where its parent ended.

In a directory: one PersistentVolumeClaim per Experiment, in it a directory per Trial, mounted into the primary
container at ``suggestion_trial_dir``. An init container copies the parent's directory before the training starts, once:
a Pod that is started again finds what the first one has left. Under a URI nothing is mounted or copied; the training
code is told where its own checkpoint goes and where its parent's is. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from katib_control.api import checkpoints
from katib_control.api.errors import TemplateError
from katib_control.api.experiment import Experiment, TrialTemplate
from katib_control.api.names import EXPERIMENT_LABEL, PARENT_LABEL
from katib_control.api.suggestion import TrialAssignment
from katib_control.api.template import run_tree

CHECKPOINT_DIR = "KATIB_CHECKPOINT_DIR"
CHECKPOINT_URI = "KATIB_CHECKPOINT_URI"
PARENT_CHECKPOINT_URI = "KATIB_PARENT_CHECKPOINT_URI"
PARENT_TRIAL = "KATIB_PARENT_TRIAL"

_VOLUME, _INIT = "suggestion-volume", "copy-checkpoint"
_ALL = "/katib-checkpoints"
_COPY = """set -e
cd "$1"
if [ -d "$3" ]; then echo "$3 has a checkpoint of its own already"; exit 0; fi
fresh=".$3.$POD"
rm -rf "$fresh"
mkdir "$fresh"
if [ -d "$2" ]; then cp -a "$2/." "$fresh/"; else echo "$2 has left no checkpoint"; fi
if [ -d "$3" ]; then rm -rf "$fresh"; else mv "$fresh" "$3"; fi
"""
"""Arguments: the Experiment's directory, parent, child. The child's directory appears as a whole, or not at all."""

_SHARED_FIELDS = "image", "imagePullPolicy", "securityContext", "resources"
"""What the init container takes over from the primary one: its files get the same owner, and it fits any quota."""


@dataclass(frozen=True)
class _Names:
    claim: str
    experiment: str
    trial: str
    parent: str


def claim_name(experiment: Experiment) -> str:
    """Return the name of the Experiment's claim, as Katib calls it."""
    algorithm = experiment.spec.algorithm
    return f"{experiment.metadata.name}-{algorithm.algorithm_name if algorithm else ''}"


def claim_object(experiment: Experiment, text: str | None, owner: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the claim that the Experiment's trials need, None where they need none.

    ``text`` is the template where it is kept in a ConfigMap, ``owner`` the reference to what the claim goes with. A
    claim that is there already is the user's, and stays as it is.
    """
    place, template = checkpoints.place_of(experiment.spec), experiment.spec.trial_template or TrialTemplate()
    if not place or checkpoints.is_uri(place):
        return None
    found = list(checkpoints.carriers(_tree(experiment, text), template.primary_container_name))
    alone = all(checkpoints.mounts_itself(container, place) for _, container in found)
    if alone and (found or checkpoints.names_parent(template)):
        return None
    meta = experiment.metadata
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": claim_name(experiment),
            "namespace": meta.namespace,
            "labels": {EXPERIMENT_LABEL: meta.name},
            "ownerReferences": [dict(owner)],
        },
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "5Gi"}}},
    }


def hand_over(experiment: Experiment, run: dict[str, Any], item: TrialAssignment) -> None:
    """Add to a rendered run object what its checkpoint needs; raise TemplateError where there is no place for it."""
    spec = experiment.spec
    place, template = checkpoints.place_of(spec), spec.trial_template or TrialTemplate()
    if not place:
        return
    if why := checkpoints.no_way(spec, run):
        raise TemplateError(why)
    parent = item.labels.get(PARENT_LABEL, "")
    told = dict(_environment(experiment, place, item.name, parent))
    if checkpoints.is_train_job(run):
        _tell(run.setdefault("spec", {}).setdefault("trainer", {}), told)
    for pod, container in checkpoints.carriers(run, template.primary_container_name):
        _tell(container, told)
        if not checkpoints.is_uri(place) and not checkpoints.mounts_itself(container, place):
            names = _Names(claim_name(experiment), experiment.metadata.name, item.name, parent)
            _mount(pod, container, place, names)


def _tree(experiment: Experiment, text: str | None) -> Mapping[str, Any]:
    try:
        return run_tree(experiment.spec, text)
    except TemplateError:
        return {}  # told when the first trial is to be made of it


def _environment(experiment: Experiment, place: str, trial: str, parent: str) -> Iterator[tuple[str, str]]:
    if checkpoints.is_uri(place):
        root = f"{place.rstrip('/')}/{experiment.metadata.name}"
        yield CHECKPOINT_URI, f"{root}/{trial}"
        if parent:
            yield PARENT_CHECKPOINT_URI, f"{root}/{parent}"
    else:
        yield CHECKPOINT_DIR, place
    if parent:
        yield PARENT_TRIAL, parent


def _tell(container: dict[str, Any], told: Mapping[str, str]) -> None:
    """Put the variables first, so that others can refer to them; what the template says itself counts."""
    own = container.get("env") or []
    said = {entry.get("name") for entry in own}
    container["env"] = [{"name": name, "value": value} for name, value in told.items() if name not in said] + own


def _mount(pod: dict[str, Any], container: dict[str, Any], place: str, names: _Names) -> None:
    volumes, before = pod.get("volumes") or [], pod.get("initContainers") or []
    volume = _free(_VOLUME, {entry.get("name") for entry in volumes})
    pod["volumes"] = [*volumes, {"name": volume, "persistentVolumeClaim": {"claimName": names.claim}}]
    mount = {"name": volume, "mountPath": place, "subPath": f"{names.experiment}/{names.trial}"}
    container["volumeMounts"] = [*(container.get("volumeMounts") or []), mount]
    if not names.parent:
        return
    taken = {entry.get("name") for entry in (*before, *pod["containers"])}
    copy = {
        "name": _free(_INIT, taken),
        **{name: container[name] for name in _SHARED_FIELDS if name in container},
        "command": ["sh", "-c", _COPY, "copy", _ALL, names.parent, names.trial],
        "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "volumeMounts": [{"name": volume, "mountPath": _ALL, "subPath": names.experiment}],
    }
    # Before all others: the primary container may be one of them.
    pod["initContainers"] = [copy, *before]


def _free(name: str, taken: Collection[Any]) -> str:
    return name if name not in taken else _free(f"katib-{name}", taken)
