"""Names that a retried step finds again: derived from run, task and spec. Pure.

An Experiment carries the label ``katib-kfp/run`` (who asked), ``katib-kfp/identity`` (run, task and spec in one
digest) and the annotation ``katib-kfp/spec-digest`` (what was asked).
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

MAX_NAME = 40
RUN_LABEL = "katib-kfp/run"
IDENTITY_LABEL = "katib-kfp/identity"
DIGEST_ANNOTATION = "katib-kfp/spec-digest"
KFP_RUN_LABEL = "pipeline/runid"
_STAMP = re.compile(r"-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d(-\d+)?$")
_LABEL = re.compile(r"[A-Za-z0-9]([\w.\-]{0,61}[A-Za-z0-9])?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Which step of which run asks. ``explicit`` tells whether the user named the run."""

    run: str
    task: str = ""
    explicit: bool = False


def asker(run_id: str, output_file: str, pod: Mapping[str, Any] | None) -> Asker:
    """Return who asks.

    The run is the first there is of: ``run_id``, the KFP run that the own Pod belongs to, the local run's output
    directory, a random one (nothing to re-attach to). The task is the Argo node of the own Pod, or the local output
    directory.
    """
    directories = [] if output_file.startswith("/tmp/kfp_outputs") else list(PurePath(output_file).parts[:-1])
    stamped = [index for index, part in enumerate(directories) if _STAMP.search(part)]
    after = directories[stamped[-1] + 1 :] if stamped else directories[-1:]
    metadata = (pod or {}).get("metadata") or {}
    node = (metadata.get("annotations") or {}).get("workflows.argoproj.io/node-name", "")
    task = re.sub(r"\(\d+\)", "", node) or "/".join(after)
    if run_id:
        return Asker(run=run_id, task=task, explicit=True)
    if run := (metadata.get("labels") or {}).get(KFP_RUN_LABEL, ""):
        return Asker(run=run, task=task)
    return Asker(run="/".join(directories[: stamped[-1] + 1]) if stamped else uuid.uuid4().hex, task=task)


def output_file(argv: Sequence[str]) -> str:
    """Return where the KFP executor that runs us writes its outputs; "" outside of one."""
    outputs = executor_input(argv).get("outputs") or {}
    return str(outputs.get("outputFile") or "")


def executor_input(argv: Sequence[str]) -> dict[str, Any]:
    """Return the KFP executor's input from its command line; empty outside of one."""
    words = list(argv)
    try:
        found = json.loads(words[words.index("--executor_input") + 1])
    except (ValueError, IndexError):
        return {}
    return found if isinstance(found, dict) else {}


def spec_digest(spec: Any) -> str:
    """Return a digest of the spec that does not depend on the order of keys."""
    return hashlib.sha1(json.dumps(spec, sort_keys=True).encode(), usedforsecurity=False).hexdigest()[:16]


def identity(who: Asker, digest: str) -> str:
    """Return the eight digits that end a derived name."""
    text = f"{who.run}|{who.task}|{digest}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:8]


def derived_name(base: str, suffix: str) -> str:
    """Return ``<slug of base>-<suffix>``, at most 40 characters, as a Kubernetes name that starts with a letter."""
    slug = re.sub(r"[^a-z0-9]+", "-", base.lower()).strip("-") or "tune"
    if not slug[0].isalpha():
        slug = f"x-{slug}"
    return f"{slug[: MAX_NAME - len(suffix) - 1].rstrip('-')}-{suffix}"


def attempt_name(name: str, attempt: int) -> str:
    """Return the name of the attempt-th try: the name itself, then ``name-r1``, ``name-r2``, ..."""
    if not attempt:
        return name
    suffix = f"-r{attempt}"
    return name[: MAX_NAME - len(suffix)].rstrip("-") + suffix


def label_value(text: str) -> str:
    """Return the text where it is a valid label value, else a digest of it."""
    if _LABEL.fullmatch(text):
        return text
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:16]
