"""Experiment files: YAML or JSON text to objects, with errors that name the file and the line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from katib_control.api.errors import KatibError


class ManifestError(KatibError):
    """A file that cannot be read as Kubernetes objects."""


@dataclass(frozen=True)
class Manifests:
    """The one Experiment of a file, and what stands beside it (ConfigMaps with templates, Secrets, ...)."""

    experiment: dict[str, Any]
    others: tuple[dict[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """The Experiment's name, or what the server will make its name from."""
        metadata = self.experiment["metadata"]
        return str(metadata.get("name") or metadata["generateName"])


def load(name: str, stdin: Callable[[], str] = sys.stdin.read) -> Manifests:
    """Read a file, or standard input for ``-``; raise ManifestError."""
    try:
        text = stdin() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ManifestError(f"{name}: cannot be read: {reason}") from error
    return parse(text, name)


def parse(text: str, name: str) -> Manifests:
    """Read the documents of one file; exactly one of them must be an Experiment."""
    objects = [_checked(item, name) for item in _documents(text, name) if item is not None]
    experiments = [item for item in objects if item["kind"] == "Experiment"]
    if len(experiments) != 1:
        kinds = ", ".join(item["kind"] for item in objects) or "nothing"
        raise ManifestError(f"{name}: one object of kind Experiment is needed, found {kinds}")
    experiment = experiments[0]
    if experiment["apiVersion"] != "kubeflow.org/v1beta1":
        raise ManifestError(
            f"{name}: apiVersion of the Experiment must be kubeflow.org/v1beta1 (got {experiment['apiVersion']!r})"
        )
    return Manifests(experiment, tuple(item for item in objects if item is not experiment))


def _documents(text: str, name: str) -> list[Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return list(yaml.load_all(text, Loader=loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ManifestError(f"{where}: not YAML: {problem}") from error


def _checked(item: Any, name: str) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise ManifestError(f"{name}: a Kubernetes object is a mapping (got {type(item).__name__} {str(item)[:60]!r})")
    for field in ("apiVersion", "kind"):
        if not isinstance(item.get(field), str) or not item[field]:
            raise ManifestError(f"{name}: {field} is missing; an Experiment begins with apiVersion and kind")
    metadata = item.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise ManifestError(f"{name}: metadata of the {item['kind']} must be a mapping (got {metadata!r})")
    if not (metadata.get("name") or metadata.get("generateName")):
        raise ManifestError(f"{name}: metadata.name is missing in the {item['kind']}")
    return item
