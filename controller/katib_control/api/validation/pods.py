"""What can be said of the run object itself: Jobs, and the Pod templates inside any kind that has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from katib_control.api.errors import FieldError
from katib_control.api.template import near


def pod_specs(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every Pod spec (an object with ``containers``) in a run object, wherever its kind keeps it."""
    if isinstance(tree, dict):
        if isinstance(tree.get("containers"), list):
            yield tree
            return
        for value in tree.values():
            yield from pod_specs(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from pod_specs(value)


def check_primary_container(tree: dict[str, Any], name: str, path: str) -> Iterator[FieldError]:
    """One of the Pod templates must have the container; kinds without Pod templates cannot be checked."""
    names = [
        str(container.get("name", ""))
        for pod in pod_specs(tree)
        for container in (*pod["containers"], *(pod.get("initContainers") or ()))
        if isinstance(container, dict)
    ]
    if name and names and name not in names and not any("${" in item for item in names):
        yield FieldError(path, f"is no container of the template: {near(name, dict.fromkeys(names))}", name)


def check_job(tree: dict[str, Any], path: str) -> Iterator[FieldError]:
    """A Job needs a Pod template with containers that have names, and a restartPolicy that Jobs allow."""
    if (tree.get("apiVersion"), tree.get("kind")) != ("batch/v1", "Job"):
        return
    here = f"{path}.spec.template.spec"
    pod: Any = tree
    for name in ("spec", "template", "spec"):
        pod = pod.get(name) if isinstance(pod, dict) else None
    if not isinstance(pod, dict) or not isinstance(pod.get("containers"), list) or not pod["containers"]:
        yield FieldError(f"{here}.containers", "a Job needs at least one container", None, "FieldValueRequired")
        return
    for index, container in enumerate(pod["containers"]):
        if not isinstance(container, dict) or not container.get("name"):
            yield FieldError(f"{here}.containers[{index}].name", "must be given", None, "FieldValueRequired")
    policy = pod.get("restartPolicy")
    if policy not in ("Never", "OnFailure") and "${" not in str(policy):
        rule = "a Job's restartPolicy must be Never or OnFailure"
        yield FieldError(f"{here}.restartPolicy", rule, policy, "FieldValueNotSupported")
