"""Volumes on a machine without mount namespaces: where each one is, and what is in it.

A mountPath is not mounted: each volume is a directory, and the path is replaced wherever the container's command,
arguments and environment speak of it (see docs/decisions/0003-volumes-on-a-laptop.md).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from katib_control.node.environment import Machine, field_value, resource_value
from katib_control.node.expansion import expand
from katib_control.node.sources import ContainerError, NotYet, Pod, Sources

_FILES = ("configMap", "secret", "downwardAPI", "projected")
_BEFORE, _AFTER = r"(?<![\w./~-])", r"(?![\w.-])"


@dataclass(frozen=True)
class Mount:
    """One volumeMount: what the template calls ``path`` is ``real`` on this machine."""

    volume: str
    path: str
    real: str

    @property
    def honoured(self) -> bool:
        """Whether the path itself is the volume."""
        return os.path.realpath(self.path) == os.path.realpath(self.real)


def locate(pod: Pod, pods: Path, claims: Path) -> dict[str, str]:
    """Return the directory (or, for some hostPaths, file) of every volume, by name; raise ContainerError.

    ``pods`` is the Pod's own directory, ``claims`` that of all PersistentVolumeClaims.
    """
    places: dict[str, str] = {}
    for volume in pod["spec"].get("volumes") or ():
        name = volume["name"]
        if "hostPath" in volume:
            places[name] = volume["hostPath"]["path"]
        elif "persistentVolumeClaim" in volume:
            claim = volume["persistentVolumeClaim"]["claimName"]
            places[name] = str(claims / pod["metadata"].get("namespace", "default") / claim)
        elif "ephemeral" in volume or "emptyDir" in volume or any(kind in volume for kind in _FILES):
            places[name] = str(pods / "volumes" / name)
        else:
            kind = next((key for key in volume if key != "name"), "")
            raise ContainerError(
                "VolumeNotSupported",
                f'volume "{name}": a {kind or "volume without a source"} cannot be had on this machine; '
                "use emptyDir, hostPath, configMap, secret, downwardAPI, projected or persistentVolumeClaim",
            )
    return places


def mounts(container: Mapping[str, Any], places: Mapping[str, str], env: Mapping[str, str]) -> list[Mount]:
    """Return the container's mounts, those with the longest path first; raise ContainerError for an unknown volume."""
    found = []
    for mount in container.get("volumeMounts") or ():
        if mount["name"] not in places:
            raise ContainerError("CreateContainerConfigError", f'volumeMounts: no volume is called "{mount["name"]}"')
        inside = mount.get("subPath") or expand(mount.get("subPathExpr") or "", env)
        if os.path.isabs(inside) or ".." in inside.split("/"):
            raise ContainerError("CreateContainerConfigError", f"subPath must stay inside its volume (got {inside!r})")
        real = os.path.join(places[mount["name"]], inside) if inside else places[mount["name"]]
        found.append(Mount(mount["name"], "/" + mount["mountPath"].strip("/"), real))
    return sorted(found, key=lambda item: -len(item.path))


def rewrite(text: str, mounted: list[Mount]) -> str:
    """Return the text with every mountPath that stands as a path of its own, or begins one, replaced."""
    moved = {item.path: item.real for item in mounted if item.path != "/" and not item.honoured}
    if not moved or "/" not in text:
        return text
    alternatives = "|".join(map(re.escape, moved))
    pattern = f"{_BEFORE}(?:{alternatives}){_AFTER}"
    return re.sub(pattern, lambda match: moved[match[0]], text)


def mentions(container: Mapping[str, Any], path: str) -> bool:
    """Tell whether what a template can say of a container speaks of the path."""
    words = [*(container.get("command") or ()), *(container.get("args") or ()), container.get("workingDir") or ""]
    words += [str(entry.get("value") or "") for entry in container.get("env") or ()]
    return any(re.search(f"{_BEFORE}{re.escape(path)}{_AFTER}", str(word)) for word in words)


def prepare(pod: Pod, places: Mapping[str, str], sources: Sources, machine: Machine) -> None:
    """Make what is not there yet: directories, and the files of ConfigMaps, Secrets and the downward API.

    Raises NotYet when a source is missing, ContainerError when a hostPath is not what it must be.
    """
    for volume in pod["spec"].get("volumes") or ():
        place = Path(places[volume["name"]])
        if "hostPath" in volume:
            _host_path(volume["name"], place, volume["hostPath"].get("type") or "")
        elif any(kind in volume for kind in _FILES):
            _write_files(place, volume, pod, sources, machine)
        else:
            place.mkdir(parents=True, exist_ok=True)


def prepare_mounts(mounted: list[Mount]) -> None:
    """Make the directories that subPaths name."""
    for mount in mounted:
        if not os.path.exists(mount.real):
            os.makedirs(mount.real, exist_ok=True)


def remove(directory: Path) -> None:
    """Remove a Pod's directory with everything in it; what cannot be removed stays."""
    shutil.rmtree(directory, ignore_errors=True)


def _host_path(name: str, place: Path, kind: str) -> None:
    if kind == "DirectoryOrCreate":
        place.mkdir(parents=True, exist_ok=True)
    elif kind == "FileOrCreate":
        place.touch()
    elif not place.exists() or (kind == "Directory" and not place.is_dir()) or (kind == "File" and not place.is_file()):
        raise ContainerError(
            "VolumeNotFound",
            f'volume "{name}": hostPath {place} is not there as a {(kind or "file or directory").lower()}: create it',
        )  # fmt: skip


def _write_files(place: Path, volume: Mapping[str, Any], pod: Pod, sources: Sources, machine: Machine) -> None:
    place.mkdir(parents=True, exist_ok=True)
    source = next(volume[kind] for kind in _FILES if kind in volume)
    parts = source.get("sources") or [] if "projected" in volume else [volume]
    mode = source.get("defaultMode")
    for part in parts:
        for path, (content, own_mode) in _files(part, pod, sources, machine).items():
            target = place / path
            if ".." in Path(path).parts or not target.is_relative_to(place):
                raise ContainerError(
                    "CreateContainerConfigError", f"items[].path must stay inside the volume (got {path!r})"
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh = target.with_name(f".{target.name}.new")
            fresh.write_bytes(content)
            fresh.chmod(own_mode or mode or (0o600 if "secret" in part else 0o644))
            fresh.replace(target)


def _files(
    part: Mapping[str, Any], pod: Pod, sources: Sources, machine: Machine
) -> dict[str, tuple[bytes, int | None]]:
    if "downwardAPI" in part:
        return {
            item["path"]: (_downward(item, pod, machine).encode(), item.get("mode"))
            for item in part["downwardAPI"].get("items") or ()
        }
    kind = "configmap" if "configMap" in part else "secret"
    source = part.get("configMap") or part.get("secret")
    if source is None:
        raise ContainerError(
            "VolumeNotSupported", f"projected volume: cannot be had on this machine (got {sorted(part)})"
        )
    optional = bool(source.get("optional"))
    data = sources.data(kind, source.get("secretName") or source.get("name", ""), optional=optional) or {}
    if not source.get("items"):
        return {key: (value, None) for key, value in data.items()}
    chosen = {}
    for item in source["items"]:
        if item["key"] in data:
            chosen[item["path"]] = (data[item["key"]], item.get("mode"))
        elif not optional:
            raise NotYet(f'{kind} "{source.get("secretName") or source.get("name")}" has no key {item["key"]!r}')
    return chosen


def _downward(item: Mapping[str, Any], pod: Pod, machine: Machine) -> str:
    if ref := item.get("fieldRef"):
        return field_value(pod, ref["fieldPath"], machine)
    return resource_value(item["resourceFieldRef"], pod, {}, machine)
