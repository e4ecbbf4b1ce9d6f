"""The environment variables of a container: env, envFrom and valueFrom, over what the machine gives. Pure."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from katib_control.node import quantity
from katib_control.node.expansion import expand
from katib_control.node.sources import ContainerError, NotYet, Pod, Sources

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
# A variable of kfp's own process that makes `import kfp` behave as inside a component.
_NOT_INHERITED = frozenset({"_KFP_RUNTIME"})
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the node gives to every container.

    ``inherited``: environment of the control plane; ``added``: variables of the local services, which containers may
    override; ``path``: directories that come first in PATH; ``resources``: cpu (cores) and memory (bytes) there are.
    """

    python: str
    directory: str
    name: str = "local"
    path: tuple[str, ...] = ()
    inherited: Mapping[str, str] = field(default_factory=dict)
    added: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, Decimal] = field(default_factory=dict)


def environment(pod: Pod, container: Mapping[str, Any], sources: Sources, machine: Machine) -> dict[str, str]:
    """Return what the Pod itself defines for the container, references expanded. Raises NotYet, ContainerError."""
    defined: dict[str, str] = dict(machine.added)
    for source in container.get("envFrom") or ():
        defined.update(_env_from(source, sources))
    for entry in container.get("env") or ():
        name = entry["name"]
        if origin := entry.get("valueFrom"):
            value = _value_from(origin, pod, container, sources, machine)
            if value is not None:
                defined[name] = value
        else:
            defined[name] = expand(str(entry.get("value") or ""), defined)
    return defined


def complete(defined: Mapping[str, str], container: Mapping[str, Any], machine: Machine) -> dict[str, str]:
    """Return the whole environment of the process: the machine's, with what the Pod defines over it."""
    env = {key: value for key, value in machine.inherited.items() if key not in _NOT_INHERITED}
    path = defined.get("PATH") or env.get("PATH") or os.defpath
    env.setdefault("PYTHONUNBUFFERED", "1")
    limit = ((container.get("resources") or {}).get("limits") or {}).get("cpu")
    if limit is not None:
        threads = str(max(1, math.ceil(quantity.parse(limit))))
        env.update(dict.fromkeys(_THREADS, threads))
    return {**env, **defined, "PATH": os.pathsep.join([*machine.path, path])}


def resource(container: Mapping[str, Any], name: str, machine: Machine) -> Decimal:
    """Return ``limits.cpu`` and the like of a container; a limit that is not set is what the machine has."""
    kind, _, what = name.partition(".")
    resources = container.get("resources") or {}
    value = (resources.get(kind) or {}).get(what)
    if value is None and kind == "requests":
        value = (resources.get("limits") or {}).get(what, 0)
    return machine.resources.get(what, Decimal(0)) if value is None else quantity.parse(value)


def field_value(pod: Pod, path: str, machine: Machine) -> str:
    """Return what a fieldRef points to; raise ContainerError for a path that is not supported."""
    metadata = pod["metadata"]
    if match := _SUBSCRIPT.fullmatch(path):
        return str((metadata.get(match[1]) or {}).get(match[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        entries = metadata.get(path.partition(".")[2]) or {}
        return "\n".join(f'{key}="{value}"' for key, value in sorted(entries.items()))
    simple = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata.get("namespace", ""),
        "metadata.uid": metadata.get("uid", ""),
        "spec.nodeName": machine.name,
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName") or "default",
        "status.hostIP": "127.0.0.1", "status.hostIPs": "127.0.0.1",
        "status.podIP": "127.0.0.1", "status.podIPs": "127.0.0.1",
    }  # fmt: skip
    if path not in simple:
        raise ContainerError("CreateContainerConfigError", f"fieldRef.fieldPath: not a field of a Pod (got {path!r})")
    return str(simple[path])


def _env_from(source: Mapping[str, Any], sources: Sources) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    for kind, key in (("configmap", "configMapRef"), ("secret", "secretRef")):
        if ref := source.get(key):
            data = sources.data(kind, ref["name"], optional=bool(ref.get("optional"))) or {}
            return {prefix + name: value.decode("utf-8", "replace") for name, value in data.items()}
    return {}


def _value_from(
    origin: Mapping[str, Any], pod: Pod, container: Mapping[str, Any], sources: Sources, machine: Machine
) -> str | None:
    if ref := origin.get("fieldRef"):
        return field_value(pod, ref["fieldPath"], machine)
    if ref := origin.get("resourceFieldRef"):
        return resource_value(ref, pod, container, machine)
    for kind, key in (("configmap", "configMapKeyRef"), ("secret", "secretKeyRef")):
        if ref := origin.get(key):
            optional = bool(ref.get("optional"))
            data = sources.data(kind, ref["name"], optional=optional)
            if data is None or (optional and ref["key"] not in data):
                return None
            if ref["key"] not in data:
                raise NotYet(
                    f"couldn't find key {ref['key']} in {kind} {pod['metadata'].get('namespace')}/{ref['name']}"
                )
            return data[ref["key"]].decode("utf-8", "replace")
    return None


def resource_value(ref: Mapping[str, Any], pod: Pod, container: Mapping[str, Any], machine: Machine) -> str:
    """Return what a resourceFieldRef points to, in units of its divisor, rounded up."""
    named = ref.get("containerName")
    spec = pod["spec"]
    every = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    target = next((item for item in every if item["name"] == named), container) if named else container
    divisor = quantity.parse(ref.get("divisor") or "1")
    return quantity.in_units(resource(target, ref["resource"], machine), divisor)
