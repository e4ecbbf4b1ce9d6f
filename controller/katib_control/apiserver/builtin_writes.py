"""What a server does once when an object of a built-in kind is created, and what it never lets change afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from katib_control.api.errors import FieldError
from katib_control.apiserver.findings import shown

Create = Callable[[dict[str, Any]], dict[str, Any]]
Update = Callable[[dict[str, Any], dict[str, Any]], list[FieldError]]

_POD_MAY_CHANGE = ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "schedulingGates")
_POD_RULE = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing"
    " tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def _create_job(job: dict[str, Any]) -> dict[str, Any]:
    """Give the Job the selector and its Pods the labels that tell them from all others."""
    spec = job.get("spec")
    if not isinstance(spec, dict) or spec.get("manualSelector") or not isinstance(spec.get("template"), dict):
        return job
    uid, name = job["metadata"].get("uid", ""), job["metadata"].get("name", "")
    template = spec["template"]
    metadata = template.get("metadata") or {}
    labels = (metadata.get("labels") or {}) | {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    return job | {
        "spec": spec
        | {
            "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}},
            "template": template | {"metadata": metadata | {"labels": labels}},
        }
    }


def _quality(pod: dict[str, Any]) -> str:
    """Return the QoS class: Guaranteed when every container's limits equal its requests, for cpu and memory."""
    spec = pod.get("spec", {})
    resources = [item.get("resources") or {} for item in (*spec.get("initContainers", ()), *spec.get("containers", ()))]
    if not any(item.get("limits") or item.get("requests") for item in resources):
        return "BestEffort"
    for item in resources:
        limits = item.get("limits") or {}
        asked = limits | (item.get("requests") or {})
        if any(name not in limits or limits[name] != asked[name] for name in ("cpu", "memory")):
            return "Burstable"
    return "Guaranteed"


def _create_pod(pod: dict[str, Any]) -> dict[str, Any]:
    return pod | {"status": {"phase": "Pending", "qosClass": _quality(pod)}}


def _phase(phase: str) -> Create:
    return lambda obj: obj | {"status": {"phase": phase}}


#: Kind -> what is done on create, when metadata is complete.
ON_CREATE: dict[str, Create] = {
    "Job": _create_job,
    "Namespace": _phase("Active"),
    "PersistentVolume": _phase("Available"),
    "PersistentVolumeClaim": _phase("Pending"),
    "Pod": _create_pod,
}


def _fixed(*paths: str) -> Update:
    """Return the check that fields, as dotted paths, stay as they are."""
    steps = [(path, path.split(".")) for path in paths]

    def check(old: dict[str, Any], new: dict[str, Any]) -> list[FieldError]:
        errors = []
        for path, names in steps:
            before: Any = old
            after: Any = new
            for name in names:
                before = before.get(name) if isinstance(before, dict) else None
                after = after.get(name) if isinstance(after, dict) else None
            if before != after:
                errors.append(FieldError(path, f"Invalid value: {shown(after)}: field is immutable"))
        return errors

    return check


def _pod_update(old: dict[str, Any], new: dict[str, Any]) -> list[FieldError]:
    if old.get("spec") == new.get("spec") or _lasting(old) == _lasting(new):
        return []
    return [FieldError("spec", _POD_RULE, reason="FieldValueForbidden")]


def _lasting(pod: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a Pod's spec that may not change; the node is assigned by a Binding."""
    spec = {key: value for key, value in pod.get("spec", {}).items() if key not in _POD_MAY_CHANGE}
    for field in ("containers", "initContainers"):
        spec[field] = [container | {"image": ""} for container in spec.get(field, ())]
    return spec


def _immutable_data(old: dict[str, Any], new: dict[str, Any]) -> list[FieldError]:
    if not old.get("immutable"):
        return []
    fields = [field for field in ("data", "binaryData") if old.get(field, {}) != new.get(field, {})]
    fields += [] if new.get("immutable") else ["immutable"]
    rule = "Forbidden: field is immutable when `immutable` is set"
    return [FieldError(field, rule, reason="FieldValueForbidden") for field in fields]


def _secret_update(old: dict[str, Any], new: dict[str, Any]) -> list[FieldError]:
    return _immutable_data(old, new) + _fixed("type")(old, new)


#: Kind -> what is checked on update, with (old, new).
ON_UPDATE: dict[str, Update] = {
    "ClusterRoleBinding": _fixed("roleRef"),
    "ConfigMap": _immutable_data,
    "CustomResourceDefinition": _fixed("spec.group", "spec.scope", "spec.names.plural"),
    "Deployment": _fixed("spec.selector"),
    "Job": _fixed("spec.selector", "spec.template", "spec.completionMode"),
    "PersistentVolumeClaim": _fixed("spec.storageClassName", "spec.accessModes", "spec.volumeMode"),
    "Pod": _pod_update,
    "RoleBinding": _fixed("roleRef"),
    "Secret": _secret_update,
}
