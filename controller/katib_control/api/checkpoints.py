"""Where trials keep their checkpoints, as an Experiment says it: a directory of the primary container, or a URI. Pure.

The setting is Katib's ``suggestion_trial_dir``; a URI is an extension, for those who have no volume that many Pods can
write to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from katib_control.api.experiment import ExperimentSpec, TrialTemplate
from katib_control.api.names import PARENT_LABEL
from katib_control.api.validation.pods import pod_specs

TRIAL_DIR = "suggestion_trial_dir"

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_TRAIN_JOB = ("trainer.kubeflow.org", "TrainJob")


def is_uri(place: str) -> bool:
    """Tell whether checkpoints are kept under a URI: then training code reads and writes there itself."""
    return "://" in place


def broken_rule(place: str) -> str:
    """Return the rule that the place breaks; empty when it breaks none."""
    if is_uri(place):
        good = _URI.fullmatch(place) is not None
    else:
        parts = place.split("/")
        good = place.startswith("/") and bool(place.strip("/")) and ".." not in parts and ":" not in place
    return "" if good else "must be an absolute path in the primary container, or a URI such as s3://bucket/prefix"


def place_of(spec: ExperimentSpec) -> str:
    """Return what ``suggestion_trial_dir`` says; empty where trials hand no checkpoints over."""
    return spec.algorithm.settings.get(TRIAL_DIR, "").strip() if spec.algorithm else ""


def carriers(run: Mapping[str, Any], primary: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield every Pod spec of a run object that has the primary container, with that container."""
    for pod in pod_specs(run):
        every = (*pod["containers"], *(pod.get("initContainers") or ()))
        found = next((item for item in every if isinstance(item, dict) and item.get("name") == primary), None)
        if found is not None:
            yield pod, found


def mounts_itself(container: Mapping[str, Any], place: str) -> bool:
    """Tell whether the template mounts a volume of its own at this directory."""
    mounts = container.get("volumeMounts") or ()
    return any(str(item.get("mountPath", "")).rstrip("/") == place.rstrip("/") for item in mounts)


def is_train_job(run: Mapping[str, Any]) -> bool:
    """Tell whether this is Kubeflow Trainer's kind, which has environment variables but no Pod template."""
    return (str(run.get("apiVersion", "")).rpartition("/")[0], run.get("kind")) == _TRAIN_JOB


def names_parent(template: TrialTemplate) -> bool:
    """Tell whether the template asks for the parent's name itself, and so sees to the hand-over on its own."""
    return any(item.reference == f"${{trialSpec.Labels[{PARENT_LABEL}]}}" for item in template.trial_parameters)


def no_way(spec: ExperimentSpec, run: Mapping[str, Any]) -> str:
    """Return why checkpoints cannot be handed over in this run object, and what to do; empty where they can."""
    place, template = place_of(spec), spec.trial_template or TrialTemplate()
    if not place or names_parent(template) or next(carriers(run, template.primary_container_name), None):
        return ""
    if is_train_job(run):
        if is_uri(place):
            return ""
        return f"a TrainJob has no Pod template to mount {place} in: give a URI as {TRIAL_DIR}"
    kind, name = run.get("kind", "object"), template.primary_container_name
    return (
        f"no Pod template of this {kind} has the container {name!r}, so its checkpoint cannot be handed over: name the "
        f"container, or let a trial parameter refer to ${{trialSpec.Labels[{PARENT_LABEL}]}}"
    )
