"""Who owns whom, and what follows from it for one object. Pure: no client, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
Propagation = Literal["Background", "Foreground", "Orphan"]
OwnerState = Literal["solid", "waiting", "absent"]


class Owner(NamedTuple):
    """One entry of metadata.ownerReferences."""

    api_version: str
    kind: str
    name: str
    uid: str
    blocks: bool


class Item(NamedTuple):
    """What garbage collection needs to know of an object."""

    namespace: str
    name: str
    uid: str
    owners: tuple[Owner, ...]
    deleting: bool
    finalizers: tuple[str, ...]

    @property
    def waits_for_dependents(self) -> bool:
        """Whether it is being deleted in the foreground."""
        return self.deleting and FOREGROUND in self.finalizers

    @property
    def orphans_dependents(self) -> bool:
        """Whether it is being deleted and its dependents are to stay."""
        return self.deleting and ORPHAN in self.finalizers


def read_item(obj: Mapping[str, Any]) -> Item:
    """Return what is needed of an object."""
    metadata = obj["metadata"]
    return Item(
        metadata.get("namespace", ""),
        metadata["name"],
        metadata["uid"],
        tuple(
            Owner(
                owner["apiVersion"], owner["kind"], owner["name"], owner["uid"], bool(owner.get("blockOwnerDeletion"))
            )
            for owner in metadata.get("ownerReferences") or ()
        ),
        "deletionTimestamp" in metadata,
        tuple(metadata.get("finalizers") or ()),
    )


@dataclass(frozen=True)
class Verdict:
    """What is to be done with a dependent: delete it, or drop references to owners, or (neither) leave it."""

    delete: Propagation | None = None
    drop: tuple[str, ...] = ()


def judge(item: Item, state: Callable[[Owner], OwnerState], *, has_dependents: Callable[[], bool]) -> Verdict:
    """Decide about an object that has owners and is not being deleted itself.

    An object lives as long as one owner does; then references to the others are dropped.
    """
    states = {owner.uid: state(owner) for owner in item.owners}
    if "solid" in states.values():
        return Verdict(drop=tuple(uid for uid, found in states.items() if found != "solid"))
    if "waiting" in states.values() and has_dependents():
        return Verdict(delete="Foreground")
    if ORPHAN in item.finalizers:
        return Verdict(delete="Orphan")
    return Verdict(delete="Foreground" if FOREGROUND in item.finalizers else "Background")
