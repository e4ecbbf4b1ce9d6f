"""Runs a Python function as a trial: reads arguments, calls, prints metrics.

The text of this file is put behind the function's own source and run by ``python -c`` wherever a trial runs, so it
uses the standard library only and nothing of this package.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any


class TrialArtifact:
    """What a component sees of an artifact: path, uri, name, metadata; every ``log_...`` call lands in the metadata."""

    def __init__(self, name: str = "", uri: str = "", path: str = "", metadata: Any = None) -> None:
        self.name, self.uri, self.path = name, uri or path, path or uri
        self.metadata: dict[str, Any] = dict(metadata or {})

    def log_metric(self, metric: str, value: float) -> None:
        """Keep a metric; it is printed when the function has returned."""
        self.metadata[metric] = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("log_"):
            return lambda *args, **kwargs: None
        raise AttributeError(name)


def ensure_installed(requirements: list[str]) -> None:
    """Install what is missing, pip's options first; ``name`` and ``name==version`` that are there cost nothing."""
    options = [text for text in requirements if text.startswith("--")]
    missing = [text for text in requirements if text not in options and not _installed(text)]
    if missing:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options, *missing]
        subprocess.run(command, check=True)


def _installed(requirement: str) -> bool:
    match = re.fullmatch(r"([\w.\-]+)(?:==([\w.!+]+))?", requirement.replace(" ", ""))
    if not match:
        return False
    try:
        version = importlib.metadata.version(match[1])
    except importlib.metadata.PackageNotFoundError:
        return False
    return match[2] in (None, version)


def run_trial(function: Callable[..., Any], plan: dict[str, Any], argv: list[str]) -> None:
    """Call the function and print its metrics.

    ``plan``: ``types`` (parameter -> "int", "float" or "str"), ``metric`` (name of the objective), ``returns``
    (names of the returned values of a component), ``artifacts`` and ``paths`` (names of output parameters),
    ``files`` (names of inputs that the function takes as a path).
    ``argv``: a JSON object of fixed arguments, then ``name=value`` for each tuned parameter.
    """
    arguments = {name: _fixed(value) for name, value in json.loads(argv[0]).items()}
    for pair in argv[1:]:
        name, _, text = pair.partition("=")
        arguments[name] = {"int": int, "float": float}.get(plan["types"].get(name, ""), str)(text)
    needed = plan["artifacts"] or plan["paths"] or plan["files"]
    directory = tempfile.mkdtemp(prefix="trial-") if needed else ""
    for name in plan["files"]:
        if arguments.get(name) is not None:
            arguments[name] = _file(arguments[name], os.path.join(directory, name))
    outputs = {name: TrialArtifact(name, path=os.path.join(directory, name)) for name in plan["artifacts"]}
    paths = {name: os.path.join(directory, name) for name in plan["paths"]}
    result = function(**arguments, **outputs, **paths)
    metrics: dict[str, Any] = {}
    for artifact in outputs.values():
        metrics.update(artifact.metadata)
    metrics.update(_named(result, plan))
    words = [f"{name}={value!r}" for name, value in _numbers(metrics)]
    if words:
        sys.stdout.write("\n".join(words) + "\n")
    sys.stdout.flush()


def _fixed(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"$artifact"}:
        return TrialArtifact(**value["$artifact"])
    return value


def _file(value: Any, path: str) -> str:
    if isinstance(value, TrialArtifact):
        return value.path
    with open(path, "w", encoding="utf-8") as file:
        file.write(value if isinstance(value, str) else json.dumps(value))
    return path


def _named(result: Any, plan: dict[str, Any]) -> dict[str, Any]:
    if result is None:
        return {}
    if isinstance(result, dict):
        return result
    if hasattr(result, "_asdict"):
        return dict(result._asdict())
    if isinstance(result, tuple):
        return dict(zip(plan["returns"], result))  # noqa: B905  trial images may have an older Python
    return {plan["metric"]: result}


def _numbers(metrics: dict[str, Any]) -> list[tuple[str, float]]:
    found = []
    for name, value in metrics.items():
        if isinstance(value, (str, bytes)):
            continue
        try:
            found.append((str(name), float(value)))
        except (TypeError, ValueError):
            continue
    return found
