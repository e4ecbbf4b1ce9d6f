"""Creating an Experiment exactly once: a step that is tried again finds its own and goes on with it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from katib_control.api.conditions import is_true
from katib_control.api.experiment import Experiment
from katib_control.kube.client import Client
from katib_control.kube.errors import AlreadyExists, NotFound
from katib_control.kube.resources import EXPERIMENTS, NAMESPACES
from katib_kfp.runtime import names
from katib_kfp.runtime.errors import NotAdoptable
from katib_kfp.runtime.names import Asker
from katib_kfp.runtime.wait import Waiter

logger = logging.getLogger(__name__)

IF_EXISTS = ("adopt", "recreate", "fail")
MAX_ATTEMPTS = 100
GONE_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An Experiment to be there: object, who wants it, what to do when its name is taken, exact name if any.

    ``digest`` says what was asked where that is not the spec to the letter.
    """

    body: Mapping[str, Any]
    namespace: str
    asker: Asker
    if_exists: str = "adopt"
    name: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Created:
    """The Experiment as it is on the server, and whether it was there before."""

    experiment: Experiment
    adopted: bool

    @property
    def name(self) -> str:
        """Its name."""
        return self.experiment.metadata.name

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return self.experiment.metadata.namespace


def manifest(wanted: Wanted) -> dict[str, Any]:
    """Return the object to create: named, labelled with run and identity, annotated with the digest of its spec."""
    metadata = dict(wanted.body.get("metadata") or {})
    digest = wanted.digest or names.spec_digest(wanted.body["spec"])
    identity = names.identity(wanted.asker, digest)
    base = metadata.get("name") or str(metadata.get("generateName") or "").rstrip("-") or "tune"
    labels = {
        **(metadata.get("labels") or {}),
        names.RUN_LABEL: names.label_value(wanted.asker.run),
        names.IDENTITY_LABEL: identity,
    }
    annotations = {**(metadata.get("annotations") or {}), names.DIGEST_ANNOTATION: digest}
    kept = {key: value for key, value in metadata.items() if key in ("finalizers", "ownerReferences")}
    return {
        "apiVersion": wanted.body.get("apiVersion", "kubeflow.org/v1beta1"),
        "kind": "Experiment",
        "metadata": {
            **kept,
            "name": wanted.name or names.derived_name(base, identity),
            "namespace": wanted.namespace,
            "labels": labels,
            "annotations": annotations,
        },
        "spec": wanted.body["spec"],
    }


Decision = Literal["adopt", "next", "delete", "wait"]


def decide(existing: Experiment, new: Mapping[str, Any], wanted: Wanted) -> Decision:
    """Return what to do about one that has the name: adopt it, try the next name, delete it, wait for its end.

    Raises NotAdoptable when it is somebody else's, or when ``if_exists`` is ``fail``.
    """
    where = f"Experiment {existing.metadata.namespace}/{existing.metadata.name}"
    if wanted.if_exists == "fail":
        raise NotAdoptable(f"{where} exists already (if_exists='fail')")
    if existing.metadata.deletion_timestamp:
        return "wait"
    labels, metadata = existing.metadata.labels, new["metadata"]
    own = labels.get(names.IDENTITY_LABEL) == metadata["labels"][names.IDENTITY_LABEL]
    failed = is_true(existing.status.conditions, "Failed")
    if wanted.if_exists == "recreate":
        return "adopt" if own and not failed else "delete"
    digest = existing.metadata.annotations.get(names.DIGEST_ANNOTATION)
    if digest is None:
        raise NotAdoptable(f"{where} was made by somebody else; choose another name or if_exists='recreate'")
    if digest != metadata["annotations"][names.DIGEST_ANNOTATION]:
        raise NotAdoptable(f"{where} has another spec; choose another name or if_exists='recreate'")
    run = labels.get(names.RUN_LABEL)
    if wanted.asker.explicit and run != metadata["labels"][names.RUN_LABEL]:
        raise NotAdoptable(f"{where} belongs to run {run}; choose another name or if_exists='recreate'")
    return "next" if failed else "adopt"


def create_or_adopt(client: Client, wanted: Wanted) -> Created:
    """Return the Experiment, made now or found; raise NotAdoptable, Invalid (422) and other ApiErrors.

    Unknown fields are refused.
    """
    if wanted.if_exists not in IF_EXISTS:
        raise NotAdoptable(f"if_exists: must be one of {', '.join(IF_EXISTS)} (got {wanted.if_exists!r})")
    body = manifest(wanted)
    first = body["metadata"]["name"]
    attempt = 0
    while attempt < MAX_ATTEMPTS:
        body["metadata"]["name"] = names.attempt_name(first, attempt)
        try:
            made = client.create(EXPERIMENTS, body, wanted.namespace, strict=True)
            return Created(Experiment.decode(made), adopted=False)
        except AlreadyExists:
            found = _existing(client, body)
        if found is None:
            continue  # deleted in between
        decision = decide(found, body, wanted)
        if decision == "adopt":
            return Created(found, adopted=True)
        if decision == "next":
            attempt += 1
            continue
        if decision == "delete":
            logger.info("deleting Experiment %s to make it anew", found.metadata.name)
            remove(client, found.metadata.name, found.metadata.namespace)
        Waiter(client=client).until_gone(found.metadata.name, found.metadata.namespace, timeout=GONE_SECONDS)
    raise NotAdoptable(
        f"Experiment {first} has failed {MAX_ATTEMPTS} times; look at the last one, or choose another name"
    )


def remove(client: Client, name: str, namespace: str) -> bool:
    """Delete an Experiment and what it owns; return whether it was there."""
    try:
        client.delete(EXPERIMENTS, name, namespace, propagation="Background")
    except NotFound:
        return False
    return True


def ensure_namespace(client: Client, namespace: str) -> None:
    """Make the namespace if it is not there: on one's own machine nobody else will."""
    try:
        client.get(NAMESPACES, namespace)
    except NotFound:
        with suppress(AlreadyExists):
            client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})


def _existing(client: Client, body: Mapping[str, Any]) -> Experiment | None:
    try:
        return Experiment.decode(client.get(EXPERIMENTS, body["metadata"]["name"], body["metadata"]["namespace"]))
    except NotFound:
        return None
