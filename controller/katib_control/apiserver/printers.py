"""What ``kubectl get`` shows of the built-in kinds: columns and cells, as a real server computes them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from katib_control.apiserver.ages import UNKNOWN, age, between
from katib_control.apiserver.pod_state import pod_status, ready_containers, restarts
from katib_control.apiserver.types import Column

Obj = Mapping[str, Any]
Cells = Callable[[Any, datetime], list[Any]]
NONE = "<none>"
_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


@dataclass(frozen=True)
class Printer:
    """Columns, and the function (object, now) that makes their cells in the same order."""

    columns: tuple[Column, ...]
    cells: Cells


def _columns(text: str) -> tuple[Column, ...]:
    """Names between bars; ``#`` marks a whole number, ``*`` a column of ``-o wide``."""
    made = []
    for word in text.split("|"):
        name = word.rstrip("#*")
        kind = "integer" if "#" in word else "string"
        made.append(Column(name, kind, "", priority=int("*" in word), format="name" if name == "Name" else ""))
    return tuple(made)


def _metadata(obj: Obj) -> Obj:
    found: Obj = obj.get("metadata", {})
    return found


def _name(obj: Obj) -> str:
    return str(_metadata(obj).get("name", ""))


def _age(obj: Obj, now: datetime) -> str:
    return age(_metadata(obj).get("creationTimestamp"), now)


def _spec(obj: Obj) -> Obj:
    return obj.get("spec") or {}


def _status(obj: Obj) -> Obj:
    return obj.get("status") or {}


def _selector(labels: Obj | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def _containers(owner: Obj) -> tuple[str, str]:
    """Names and images of a template's containers."""
    containers = _spec(_spec(owner).get("template") or {}).get("containers", ())
    return ",".join(item.get("name", "") for item in containers), ",".join(item.get("image", "") for item in containers)


def _modes(obj: Obj) -> str:
    return ",".join(_MODES.get(mode, mode) for mode in obj.get("accessModes", ()))


def _pod(pod: Obj, now: datetime) -> list[Any]:
    spec, status = _spec(pod), _status(pod)
    ready, total = ready_containers(pod)
    gates = spec.get("readinessGates", ())
    return [
        _name(pod), f"{ready}/{total}", pod_status(pod), restarts(pod, now), _age(pod, now),
        status.get("podIP") or NONE, spec.get("nodeName") or NONE, status.get("nominatedNodeName") or NONE,
        f"0/{len(gates)}" if gates else NONE,
    ]  # fmt: skip


def _job_status(job: Obj) -> str:
    for condition in reversed(_status(job).get("conditions", ())):
        if condition.get("status") == "True" and condition["type"] in ("Complete", "Failed", "Suspended"):
            return str(condition["type"])
    if _metadata(job).get("deletionTimestamp"):
        return "Terminating"
    targets = [item["type"] for item in _status(job).get("conditions", ()) if item.get("status") == "True"]
    return targets[-1] if targets else "Running"


def _job(job: Obj, now: datetime) -> list[Any]:
    spec, status = _spec(job), _status(job)
    done = status.get("succeeded", 0)
    parallelism = spec.get("parallelism", 1)
    if spec.get("completions") is not None:
        completions = f"{done}/{spec['completions']}"
    else:
        completions = f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"
    duration = between(status.get("startTime"), status.get("completionTime"), now)
    labels = (spec.get("selector") or {}).get("matchLabels")
    return [_name(job), _job_status(job), completions, duration, _age(job, now), *_containers(job), _selector(labels)]


def _event(event: Obj, now: datetime) -> list[Any]:
    about = event.get("involvedObject") or {}
    source = event.get("source") or {}
    first = event.get("firstTimestamp") or event.get("eventTime")
    last = (event.get("series") or {}).get("lastObservedTime") or event.get("lastTimestamp") or first
    count = (event.get("series") or {}).get("count") or event.get("count") or 1
    origin = ", ".join(str(part) for part in (source.get("component"), source.get("host")) if part)
    return [
        age(last, now), event.get("type", ""), event.get("reason", ""),
        f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}", about.get("fieldPath", ""),
        str(event.get("message", "")).strip(), origin or event.get("reportingComponent", ""), age(first, now), count,
        _name(event),
    ]  # fmt: skip


def _node(node: Obj, now: datetime) -> list[Any]:
    status = _status(node)
    info = status.get("nodeInfo") or {}
    ready = {item["type"]: item["status"] for item in status.get("conditions", ())}.get("Ready", "Unknown")
    words = [{"True": "Ready", "False": "NotReady"}.get(ready, "Unknown")]
    words += ["SchedulingDisabled"] if _spec(node).get("unschedulable") else []
    prefix = "node-role.kubernetes.io/"
    roles = sorted(key[len(prefix) :] for key in _metadata(node).get("labels", {}) if key.startswith(prefix))
    address = {item.get("type"): item.get("address") for item in status.get("addresses", ())}
    return [
        _name(node), ",".join(words), ",".join(roles) or NONE, _age(node, now), info.get("kubeletVersion", ""),
        address.get("InternalIP", NONE), address.get("ExternalIP", NONE), info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN, info.get("containerRuntimeVersion") or UNKNOWN,
    ]  # fmt: skip


def _claim(claim: Obj, now: datetime) -> list[Any]:
    spec, status = _spec(claim), _status(claim)
    phase = "Terminating" if _metadata(claim).get("deletionTimestamp") else status.get("phase", "")
    bound = spec.get("volumeName")
    return [
        _name(claim), phase, spec.get("volumeName", ""),
        (status.get("capacity") or {}).get("storage", "") if bound else "", _modes(status) if bound else "",
        spec.get("storageClassName", ""), spec.get("volumeAttributesClassName") or "<unset>", _age(claim, now),
        spec.get("volumeMode", "<unset>"),
    ]  # fmt: skip


def _volume(volume: Obj, now: datetime) -> list[Any]:
    spec, status = _spec(volume), _status(volume)
    claim = spec.get("claimRef") or {}
    return [
        _name(volume), (spec.get("capacity") or {}).get("storage", ""), _modes(spec),
        spec.get("persistentVolumeReclaimPolicy", ""), status.get("phase", ""),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "", spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName") or "<unset>", status.get("reason", ""), _age(volume, now),
        spec.get("volumeMode", "<unset>"),
    ]  # fmt: skip


def _service(service: Obj, now: datetime) -> list[Any]:
    spec = _spec(service)
    ports = [
        f"{port.get('port')}"
        + (f":{port['nodePort']}" if port.get("nodePort") else "")
        + f"/{port.get('protocol', 'TCP')}"
        for port in spec.get("ports", ())
    ]
    external = spec.get("externalName") or ",".join(spec.get("externalIPs", ())) or NONE
    return [
        _name(service), spec.get("type", ""), spec.get("clusterIP") or NONE, external, ",".join(ports) or NONE,
        _age(service, now), _selector(spec.get("selector")),
    ]  # fmt: skip


def _deployment(deployment: Obj, now: datetime) -> list[Any]:
    spec, status = _spec(deployment), _status(deployment)
    labels = (spec.get("selector") or {}).get("matchLabels")
    return [
        _name(deployment), f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0), status.get("availableReplicas", 0), _age(deployment, now),
        *_containers(deployment), _selector(labels),
    ]  # fmt: skip


def _binding(binding: Obj, now: datetime) -> list[Any]:
    role = binding.get("roleRef") or {}
    subjects = binding.get("subjects") or ()
    users, groups = (", ".join(item["name"] for item in subjects if item["kind"] == kind) for kind in ("User", "Group"))
    accounts = (f"{item.get('namespace', '')}/{item['name']}" for item in subjects if item["kind"] == "ServiceAccount")
    return [
        _name(binding), f"{role.get('kind', '')}/{role.get('name', '')}", _age(binding, now), users, groups,
        ", ".join(accounts),
    ]  # fmt: skip


def _created(obj: Obj, now: datetime) -> list[Any]:
    return [_name(obj), _metadata(obj).get("creationTimestamp", "")]


_CREATED = Printer(_columns("Name|Created At"), _created)
_BINDING = Printer(_columns("Name|Role|Age|Users*|Groups*|ServiceAccounts*"), _binding)

PRINTERS: dict[str, Printer] = {
    "ClusterRole": _CREATED,
    "ClusterRoleBinding": _BINDING,
    "ConfigMap": Printer(
        _columns("Name|Data#|Age"),
        lambda obj, now: [_name(obj), len(obj.get("data", ())) + len(obj.get("binaryData", ())), _age(obj, now)],
    ),
    "CustomResourceDefinition": _CREATED,
    "Deployment": Printer(_columns("Name|Ready|Up-to-date#|Available#|Age|Containers*|Images*|Selector*"), _deployment),
    "Event": Printer(
        _columns("Last Seen|Type|Reason|Object|Subobject*|Message|Source*|First Seen*|Count#*|Name*"), _event
    ),
    "Job": Printer(_columns("Name|Status|Completions|Duration|Age|Containers*|Images*|Selector*"), _job),
    "Lease": Printer(
        _columns("Name|Holder|Age"),
        lambda obj, now: [_name(obj), _spec(obj).get("holderIdentity", ""), _age(obj, now)],
    ),
    "Namespace": Printer(
        _columns("Name|Status|Age"), lambda obj, now: [_name(obj), _status(obj).get("phase", ""), _age(obj, now)]
    ),
    "Node": Printer(
        _columns(
            "Name|Status|Roles|Age|Version|Internal-IP*|External-IP*|OS-Image*|Kernel-Version*|Container-Runtime*"
        ),
        _node,
    ),
    "PersistentVolume": Printer(
        _columns(
            "Name|Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|Reason|Age"
            "|VolumeMode*"
        ),
        _volume,
    ),
    "PersistentVolumeClaim": Printer(
        _columns("Name|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|VolumeMode*"), _claim
    ),
    "Pod": Printer(_columns("Name|Ready|Status|Restarts|Age|IP*|Node*|Nominated Node*|Readiness Gates*"), _pod),
    "Role": _CREATED,
    "RoleBinding": _BINDING,
    "Secret": Printer(
        _columns("Name|Type|Data#|Age"),
        lambda obj, now: [_name(obj), obj.get("type", ""), len(obj.get("data", ())), _age(obj, now)],
    ),
    "Service": Printer(_columns("Name|Type|Cluster-IP|External-IP|Port(s)|Age|Selector*"), _service),
    "ServiceAccount": Printer(
        _columns("Name|Secrets#|Age"), lambda obj, now: [_name(obj), len(obj.get("secrets", ())), _age(obj, now)]
    ),
}
