"""Objects in Kubernetes' protobuf encoding, as ``kubectl create`` and ``kubectl auth`` send them: read only.

The wire: four bytes of magic, then runtime.Unknown, whose ``raw`` is the kind's message. The kinds that kubectl sends
like that are in the table below; anything else is refused with the advice to send JSON or YAML.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, NamedTuple

from katib_control.api.times import to_wire
from katib_control.kube.errors import BadRequest, UnsupportedMediaType

MAGIC = b"k8s\x00"

# Fields as number:name:type, in the order of their numbers. Types: text when none is given, int, bool, bytes, time,
# quantity, intstr, or a message; [] is a list, {} a map from text. A "?" ends the type of what may be there and zero:
# everything else is sent even when it is empty, and then means nothing.
_MESSAGES = {
    "ClusterRole": "1:metadata:ObjectMeta 2:rules:PolicyRule[]",
    "ClusterRoleBinding": "1:metadata:ObjectMeta 2:subjects:Subject[] 3:roleRef:RoleRef",
    "ConfigMap": "1:metadata:ObjectMeta 2:data:{} 3:binaryData:bytes{} 4:immutable:bool?",
    "Container": "1:name 2:image 3:command:[] 4:args:[] 5:workingDir 6:ports:ContainerPort[] 7:env:EnvVar[]"
    " 8:resources:ResourceRequirements 13:terminationMessagePath 14:imagePullPolicy 16:stdin:bool 17:stdinOnce:bool"
    " 18:tty:bool 20:terminationMessagePolicy 24:restartPolicy",
    "ContainerPort": "1:name 2:hostPort:int 3:containerPort:int 4:protocol 5:hostIP",
    "DeleteOptions": "1:gracePeriodSeconds:int? 2:preconditions:Preconditions 3:orphanDependents:bool?"
    " 4:propagationPolicy 5:dryRun:[]",
    "Deployment": "1:metadata:ObjectMeta 2:spec:DeploymentSpec 3:status:Empty",
    "DeploymentSpec": "1:replicas:int? 2:selector:LabelSelector 3:template:PodTemplateSpec"
    " 4:strategy:DeploymentStrategy 5:minReadySeconds:int 6:revisionHistoryLimit:int? 7:paused:bool"
    " 9:progressDeadlineSeconds:int?",
    "DeploymentStrategy": "1:type",
    "EnvVar": "1:name 2:value",
    "Job": "1:metadata:ObjectMeta 2:spec:JobSpec 3:status:Empty",
    "JobSpec": "1:parallelism:int? 2:completions:int? 3:activeDeadlineSeconds:int? 4:selector:LabelSelector"
    " 5:manualSelector:bool? 6:template:PodTemplateSpec 7:backoffLimit:int? 8:ttlSecondsAfterFinished:int?"
    " 9:completionMode 10:suspend:bool?",
    "LabelSelector": "1:matchLabels:{} 2:matchExpressions:LabelSelectorRequirement[]",
    "LabelSelectorRequirement": "1:key 2:operator 3:values:[]",
    "LocalObjectReference": "1:name",
    "Namespace": "1:metadata:ObjectMeta 2:spec:NamespaceSpec 3:status:Empty",
    "NamespaceSpec": "1:finalizers:[]",
    "NonResourceAttributes": "1:path 2:verb",
    "ObjectMeta": "1:name 2:generateName 3:namespace 4:selfLink 5:uid 6:resourceVersion 7:generation:int"
    " 8:creationTimestamp:time 9:deletionTimestamp:time 10:deletionGracePeriodSeconds:int? 11:labels:{}"
    " 12:annotations:{} 13:ownerReferences:OwnerReference[] 14:finalizers:[]",
    "ObjectReference": "1:kind 2:namespace 3:name 4:uid 5:apiVersion 6:resourceVersion 7:fieldPath",
    "OwnerReference": "1:kind 3:name 4:uid 5:apiVersion 6:controller:bool? 7:blockOwnerDeletion:bool?",
    "PodSpec": "2:containers:Container[] 3:restartPolicy 4:terminationGracePeriodSeconds:int?"
    " 5:activeDeadlineSeconds:int? 6:dnsPolicy 7:nodeSelector:{} 8:serviceAccountName 9:serviceAccount 10:nodeName"
    " 11:hostNetwork:bool 12:hostPID:bool 13:hostIPC:bool 15:imagePullSecrets:LocalObjectReference[] 16:hostname"
    " 17:subdomain 19:schedulerName 20:initContainers:Container[] 24:priorityClassName",
    "PodTemplateSpec": "1:metadata:ObjectMeta 2:spec:PodSpec",
    "PolicyRule": "1:verbs:[] 2:apiGroups:[] 3:resources:[] 4:resourceNames:[] 5:nonResourceURLs:[]",
    "Preconditions": "1:uid 2:resourceVersion",
    "ResourceAttributes": "1:namespace 2:verb 3:group 4:version 5:resource 6:subresource 7:name",
    "ResourceRequirements": "1:limits:quantity{} 2:requests:quantity{}",
    "Role": "1:metadata:ObjectMeta 2:rules:PolicyRule[]",
    "RoleBinding": "1:metadata:ObjectMeta 2:subjects:Subject[] 3:roleRef:RoleRef",
    "RoleRef": "1:apiGroup 2:kind 3:name",
    "Secret": "1:metadata:ObjectMeta 2:data:bytes{} 3:type 4:stringData:{} 5:immutable:bool?",
    "SelfSubjectAccessReview": "1:metadata:ObjectMeta 2:spec:SelfSubjectAccessReviewSpec 3:status:Empty",
    "SelfSubjectAccessReviewSpec": "1:resourceAttributes:ResourceAttributes"
    " 2:nonResourceAttributes:NonResourceAttributes",
    "SelfSubjectReview": "1:metadata:ObjectMeta 2:status:Empty",
    "SelfSubjectRulesReview": "1:metadata:ObjectMeta 2:spec:SelfSubjectRulesReviewSpec 3:status:Empty",
    "SelfSubjectRulesReviewSpec": "1:namespace",
    "Service": "1:metadata:ObjectMeta 2:spec:ServiceSpec 3:status:Empty",
    "ServiceAccount": "1:metadata:ObjectMeta 2:secrets:ObjectReference[] 3:imagePullSecrets:LocalObjectReference[]"
    " 4:automountServiceAccountToken:bool?",
    "ServicePort": "1:name 2:protocol 3:port:int 4:targetPort:intstr 5:nodePort:int 6:appProtocol",
    "ServiceSpec": "1:ports:ServicePort[] 2:selector:{} 3:clusterIP 4:type 5:externalIPs:[] 7:sessionAffinity"
    " 8:loadBalancerIP 10:externalName 11:externalTrafficPolicy 12:healthCheckNodePort:int"
    " 13:publishNotReadyAddresses:bool",
    "Subject": "1:kind 2:apiGroup 3:name 4:namespace",
}
_KINDS = {"DeleteOptions", *(name for name, fields in _MESSAGES.items() if fields.startswith("1:metadata:"))}


class _Field(NamedTuple):
    name: str
    type: str
    many: bool
    keyed: bool
    keeps_zero: bool


def read_protobuf(body: bytes) -> dict[str, Any]:
    """Return the object; raise UnsupportedMediaType for other kinds, BadRequest for what cannot be read."""
    if not body.startswith(MAGIC):
        raise BadRequest("the body is not in Kubernetes' protobuf encoding: its first four bytes are not k8s and zero")
    try:
        unknown = dict(_fields(memoryview(body)[4:]))
        identity = {number: bytes(value).decode() for number, value in _fields(unknown.get(1, b""))}
        kind = identity.get(2, "")
        if kind not in _KINDS:
            raise UnsupportedMediaType(f"{kind or 'an object'} is not understood in protobuf: send JSON or YAML")
        found = _message(kind, unknown.get(2, b""))
    except (IndexError, ValueError, TypeError, OverflowError) as error:
        raise BadRequest(f"the body cannot be read as protobuf: {error}") from None
    return {"apiVersion": identity.get(1, ""), "kind": kind} | found


@lru_cache(maxsize=64)
def _layout(message: str) -> dict[int, _Field]:
    layout = {}
    for entry in _MESSAGES[message].split():
        number, name, kind = (*entry.split(":"), "")[:3]
        plain = kind.removesuffix("?").removesuffix("[]").removesuffix("{}")
        layout[int(number)] = _Field(name, plain, "[]" in kind, "{}" in kind, kind.endswith("?"))
    return layout


def _message(message: str, data: Any) -> dict[str, Any]:
    if message == "Empty":  # a status: nobody may set one on create
        return {}
    found: dict[str, Any] = {}
    layout = _layout(message)
    for number, raw in _fields(data):
        field = layout.get(number)
        if field is None:
            rule = f"field {number} of {message} is not understood in protobuf: send JSON or YAML"
            raise UnsupportedMediaType(rule)
        if field.keyed:
            entry = dict(_fields(raw))
            key = bytes(entry.get(1, b"")).decode()
            found.setdefault(field.name, {})[key] = _value(field.type, entry.get(2, b""))
        elif field.many:
            found.setdefault(field.name, []).append(_value(field.type, raw))
        else:
            value = _value(field.type, raw)
            if value or field.keeps_zero:
                found[field.name] = value
    return found


def _value(kind: str, raw: Any) -> Any:
    reader = _READERS.get(kind)
    return _message(kind, raw) if reader is None else reader(raw)


def _signed(raw: int) -> int:
    return raw - (1 << 64) if raw >= 1 << 63 else raw


def _time(raw: Any) -> str:
    parts = dict(_fields(raw))
    seconds = _signed(parts.get(1, 0))
    # Go's zero time, year 1, means none
    return to_wire(datetime.fromtimestamp(seconds, timezone.utc)) if seconds > 0 else ""


def _int_or_string(raw: Any) -> Any:
    parts = dict(_fields(raw))
    return bytes(parts.get(3, b"")).decode() if parts.get(1) else _signed(parts.get(2, 0))


_READERS: dict[str, Callable[[Any], Any]] = {
    "": lambda raw: bytes(raw).decode(),
    "int": _signed,
    "bool": bool,
    "bytes": lambda raw: base64.b64encode(bytes(raw)).decode(),
    "time": _time,
    "quantity": lambda raw: bytes(dict(_fields(raw)).get(1, b"")).decode(),
    "intstr": _int_or_string,
}


def _fields(data: Any) -> Iterator[tuple[int, Any]]:
    """Yield (number, value) of a message: int for varints, bytes for what has a length."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, position = _varint(data, position)
            yield number, value
        elif wire == 2:
            size, position = _varint(data, position)
            if position + size > len(data):
                raise ValueError("it ends too soon")
            yield number, data[position : position + size]
            position += size
        else:
            raise ValueError(f"wire type {wire} is not used by Kubernetes")


def _varint(data: Any, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
