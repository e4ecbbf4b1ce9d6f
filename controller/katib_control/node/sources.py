"""What a Pod refers to by name, and the errors of a container that cannot be made. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from katib_control.api.errors import KatibError

Pod = Mapping[str, Any]


class ContainerError(KatibError):
    """A container that can never be started as it is written; ``reason`` and exit code go into its status."""

    def __init__(self, reason: str, message: str, exit_code: int = 128) -> None:
        super().__init__(message)
        self.reason = reason
        self.exit_code = exit_code


class NotYet(KatibError):
    """A container that can be started once what it refers to is there."""

    reason = "CreateContainerConfigError"


@dataclass(frozen=True)
class Sources:
    """The ConfigMaps and Secrets of the Pod's namespace that it refers to and that exist, by name."""

    config_maps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def data(self, kind: str, name: str, *, optional: bool) -> dict[str, bytes] | None:
        """Return the entries of a ``configmap`` or ``secret``; None when it is missing and may be; raise NotYet."""
        found = (self.config_maps if kind == "configmap" else self.secrets).get(name)
        if found is None:
            if optional:
                return None
            raise NotYet(f'{kind} "{name}" not found')
        if kind == "secret":
            entries = {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
            return entries | {key: value.encode() for key, value in (found.get("stringData") or {}).items()}
        entries = {key: value.encode() for key, value in (found.get("data") or {}).items()}
        return entries | {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}


def containers(pod: Pod) -> list[dict[str, Any]]:
    """Return init containers and containers, in this order."""
    spec = pod["spec"]
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def references(pod: Pod) -> tuple[set[str], set[str]]:
    """Return the names of all ConfigMaps and Secrets that the Pod's environment and volumes refer to."""
    config_maps: set[str] = set()
    secrets: set[str] = set()
    for kind, name in _references(pod):
        (config_maps if kind == "configmap" else secrets).add(name)
    return config_maps, secrets


def _references(pod: Pod) -> Iterator[tuple[str, str]]:
    for container in containers(pod):
        places = [entry.get("valueFrom") or {} for entry in container.get("env") or ()]
        for place in [*places, *(container.get("envFrom") or ())]:
            for key, ref in place.items():
                if key in ("configMapKeyRef", "configMapRef"):
                    yield "configmap", ref["name"]
                elif key in ("secretKeyRef", "secretRef"):
                    yield "secret", ref["name"]
    for volume in pod["spec"].get("volumes") or ():
        for part in [volume, *((volume.get("projected") or {}).get("sources") or ())]:
            if source := part.get("configMap"):
                yield "configmap", source["name"]
            if source := part.get("secret"):
                yield "secret", source.get("secretName") or source["name"]
