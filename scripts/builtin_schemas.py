#!/usr/bin/env python3
"""Writes the schemas of the built-in kinds from the model classes of the official client, release 30.

    python scripts/builtin_schemas.py          rewrites builtin_schemas.json of katib_control/apiserver
    python scripts/builtin_schemas.py --check  exits 1 when it is not what this would write

Later releases of the client have other model classes, so the file is committed. What the classes do not tell
(quantities, int-or-string, what a list is keyed by, defaults) is patched by the tables below.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

from kubernetes.client import models

FOLDER = Path(__file__).resolve().parent.parent / "controller" / "katib_control" / "apiserver"
ROOTS = (
    "V1Namespace", "V1Node", "V1Pod", "V1Job", "CoreV1Event", "EventsV1Event", "V1Lease", "V1ConfigMap", "V1Secret",
    "V1ServiceAccount", "V1PersistentVolume", "V1PersistentVolumeClaim", "V1Service", "V1Deployment", "V1Role",
    "V1RoleBinding", "V1ClusterRole", "V1ClusterRoleBinding", "V1CustomResourceDefinition",
)  # fmt: skip
SCALARS: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "datetime": {"type": "string", "format": "date-time"},
    "object": {"x-kubernetes-preserve-unknown-fields": True},
}
QUANTITY = {"type": "string", "format": "quantity"}
QUANTITIES = {"type": "object", "additionalProperties": QUANTITY}
INT_OR_STRING = {"x-kubernetes-int-or-string": True}
BYTES = {"type": "object", "additionalProperties": {"type": "string", "format": "byte"}}
PATCHES: dict[str, dict[str, Any]] = {
    "ConfigMap": {"binaryData": BYTES},
    "ContainerStatus": {"allocatedResources": QUANTITIES},
    "CustomResourceSubresources": {"status": {"type": "object"}},
    "EmptyDirVolumeSource": {"sizeLimit": QUANTITY},
    "HTTPGetAction": {"port": INT_OR_STRING},
    "JSONSchemaProps": {"items": {"$ref": "JSONSchemaProps"}},
    "NodeStatus": {"allocatable": QUANTITIES, "capacity": QUANTITIES},
    "PersistentVolumeClaimStatus": {"allocatedResources": QUANTITIES, "capacity": QUANTITIES},
    "PersistentVolumeSpec": {"capacity": QUANTITIES},
    "PodSpec": {"overhead": QUANTITIES},
    "ResourceFieldSelector": {"divisor": QUANTITY},
    "ResourceRequirements": {"limits": QUANTITIES, "requests": QUANTITIES},
    "RollingUpdateDeployment": {"maxSurge": INT_OR_STRING, "maxUnavailable": INT_OR_STRING},
    "Secret": {"data": BYTES},
    "ServicePort": {"targetPort": INT_OR_STRING},
    "TCPSocketAction": {"port": INT_OR_STRING},
    "VolumeResourceRequirements": {"limits": QUANTITIES, "requests": QUANTITIES},
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "CustomResourceDefinitionSpec": {"conversion": {"strategy": "None"}},
    "DeploymentSpec": {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600},
    "JobSpec": {"backoffLimit": 6, "completionMode": "NonIndexed", "suspend": False},
    "PersistentVolumeClaimSpec": {"volumeMode": "Filesystem"},
    "PersistentVolumeSpec": {"volumeMode": "Filesystem", "persistentVolumeReclaimPolicy": "Retain"},
    "PodSpec": {"restartPolicy": "Always", "terminationGracePeriodSeconds": 30},
    "Secret": {"type": "Opaque"},
    "ServicePort": {"protocol": "TCP"},
    "ServiceSpec": {"type": "ClusterIP", "sessionAffinity": "None"},
}
ENUMS: dict[str, dict[str, list[str]]] = {
    "Container": {"imagePullPolicy": ["Always", "IfNotPresent", "Never"]},
    "ContainerPort": {"protocol": ["SCTP", "TCP", "UDP"]},
    "JobSpec": {
        "completionMode": ["Indexed", "NonIndexed"],
        "podReplacementPolicy": ["Failed", "TerminatingOrFailed"],
    },
    "PodSpec": {"restartPolicy": ["Always", "OnFailure", "Never"]},
    "ServiceSpec": {"type": ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]},
}
# The classes say nothing of the kinds themselves.
KINDS = {
    "ClusterRole": "ClusterRole is a list of rules that may be granted everywhere.",
    "ClusterRoleBinding": "ClusterRoleBinding grants a ClusterRole everywhere.",
    "ConfigMap": "ConfigMap holds text that Pods read as variables or files.",
    "CustomResourceDefinition": "CustomResourceDefinition adds a kind to the API: its names, versions and schemas.",
    "Deployment": "Deployment keeps a number of equal Pods going.",
    "Event": "Event tells what has happened to another object.",
    "EventsV1Event": "Event tells what has happened to another object.",
    "Job": "Job runs Pods until enough of them have ended well.",
    "Lease": "Lease says who leads, and until when.",
    "Namespace": "Namespace keeps the names of objects apart; they go when it goes.",
    "Node": "Node is a machine that runs Pods.",
    "PersistentVolume": "PersistentVolume is storage that outlives Pods.",
    "PersistentVolumeClaim": "PersistentVolumeClaim asks for a PersistentVolume.",
    "Pod": "Pod is what runs: containers on one machine, with the volumes and the address that they share.",
    "Role": "Role is a list of rules that may be granted in its namespace.",
    "RoleBinding": "RoleBinding grants a Role in its namespace.",
    "Secret": "Secret holds data that not everybody may read.",
    "Service": "Service is one address for several Pods.",
    "ServiceAccount": "ServiceAccount is who a Pod is to the API.",
}
# What a server demands of nobody, though the classes do: statuses are written by controllers, bit by bit.
LENIENT = re.compile(r"(Status|Condition|Conditions|StateTerminated|StateRunning|NodeSystemInfo|PodIP|HostIP)$")


def wire_name(class_name: str) -> str:
    """Return the definition's name: V1Container is Container, CoreV1Event is Event, EventsV1Event keeps its name."""
    if class_name == "EventsV1Event":
        return class_name
    return re.sub(r"^(Core|Rbac|Apiextensions|Events)?V1", "", class_name)


def schema_of(openapi_type: str) -> dict[str, Any]:
    """Return the schema of a property's type as the classes write it: list[V1X], dict(str, str), int, V1X."""
    if match := re.fullmatch(r"list\[(.+)\]", openapi_type):
        return {"type": "array", "items": schema_of(match[1])}
    if match := re.fullmatch(r"dict\(str, (.+)\)", openapi_type):
        return {"type": "object", "additionalProperties": schema_of(match[1])}
    return dict(SCALARS.get(openapi_type) or {"$ref": wire_name(openapi_type)})


def is_required(cls: type, attribute: str) -> bool:
    """Whether the setter refuses None."""
    return f"and {attribute} is None" in inspect.getsource(getattr(cls, attribute).fset)


def definition(cls: type, name: str) -> dict[str, Any]:
    """Return the schema of one class."""
    properties, needed = {}, []
    for attribute, wire in sorted(cls.attribute_map.items(), key=lambda item: item[1]):  # type: ignore[attr-defined]
        schema = PATCHES.get(name, {}).get(wire) or schema_of(cls.openapi_types[attribute])  # type: ignore[attr-defined]
        if wire in ENUMS.get(name, {}):
            schema["enum"] = ENUMS[name][wire]
        if wire in DEFAULTS.get(name, {}):
            schema["default"] = DEFAULTS[name][wire]
        if is_required(cls, attribute) and not LENIENT.search(name):
            needed.append(wire)
        properties[wire] = schema
    schema = {"type": "object", "properties": properties}
    return schema | ({"required": needed} if needed else {})


def definitions() -> dict[str, Any]:
    """Return every definition that the built-in kinds reach."""
    schemas: dict[str, Any] = {}
    todo = list(ROOTS)
    while todo:
        class_name = todo.pop()
        name = wire_name(class_name)
        if name in schemas or class_name == "V1ObjectMeta":
            continue
        cls = getattr(models, class_name)
        schemas[name] = definition(cls, name)
        if name in KINDS:
            schemas[name]["description"] = KINDS[name]
        todo += re.findall(r"[A-Z]\w+", " ".join(cls.openapi_types.values()))
    return dict(sorted(schemas.items()))


def main() -> int:
    """Write, or compare."""
    schemas = definitions()
    text = json.dumps(schemas, separators=(",", ":"), ensure_ascii=False) + "\n"
    path = FOLDER / "builtin_schemas.json"
    if "--check" in sys.argv:
        return int(not path.exists() or path.read_text(encoding="utf-8") != text)
    path.write_text(text, encoding="utf-8")
    print(f"{path.name}: {len(schemas)} definitions, {len(text.encode()) // 1000} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
