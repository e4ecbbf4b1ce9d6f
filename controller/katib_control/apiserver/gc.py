"""Garbage collection as an ordinary controller: dependents go when their last owner has gone.

Background, foreground (``foregroundDeletion``) and orphan deletion, as ownerReferences and finalizers ask for. The cost
of a change is that of the object and its dependents: they are found by an index on the owner's uid.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from katib_control.apiserver.builtin import BUILTINS
from katib_control.apiserver.cleanup import ContentCleaner
from katib_control.apiserver.crds import established, served_types
from katib_control.apiserver.ownership import FOREGROUND, ORPHAN, Item, Owner, OwnerState, judge, read_item
from katib_control.kube.client import Client
from katib_control.kube.errors import NotFound
from katib_control.kube.resources import CRDS, EVENTS, Resource
from katib_control.runtime.controller import Controller, Key
from katib_control.runtime.informer import Informer, Informers

_SYNC_SECONDS = 30.0
_UNSEEN_SECONDS = 1.0
_REMEMBERED = 20_000
Items = Informer[Item]


class GarbageCollector:
    """Watches every kind that is served (Events apart), and empties Namespaces and definitions that are deleted.

    ``informers``: those of the process, where others watch the same kinds.
    """

    def __init__(self, client: Client, informers: Informers | None = None) -> None:
        self._client = client
        self._shared = informers or Informers(client)
        self._informers: dict[str, Items] = {}
        self._changing = threading.Lock()
        self._stopped = False
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._removed: set[tuple[str, str]] = set()  # group and kind of definitions that were deleted
        self._controller = Controller("garbage-collector", self.reconcile, workers=2)
        self._definitions: Informer[tuple[Resource, ...]] = self._shared.of(CRDS, decode=_custom_resources)
        self._definitions.on_change(self._definition_changed)
        self._cleaner = ContentCleaner(client, self.resources, self._shared)

    def resources(self) -> tuple[Resource, ...]:
        """Return the kinds that are watched."""
        return tuple(informer.resource for informer in tuple(self._informers.values()))

    def start(self) -> None:
        """Begin; returns when everything there is has been seen."""
        for served in BUILTINS:
            if served.resource != EVENTS and served.alias is None:
                self._watch(served.resource)
        self._definitions.start()
        self._definitions.wait_synced(_SYNC_SECONDS)
        for informer in tuple(self._informers.values()):
            informer.wait_synced(_SYNC_SECONDS)
        self._controller.start()
        self._cleaner.start()

    def stop(self) -> None:
        """End."""
        self._cleaner.stop()
        self._controller.stop()
        self._definitions.stop()
        with self._changing:
            self._stopped = True
            informers = tuple(self._informers.values())
        for informer in informers:
            informer.stop()

    def reconcile(self, key: Key) -> float | None:
        """Do for one object (resource, namespace/name) what its owners and its own deletion ask for."""
        informer = self._informers.get(key[0])
        item = informer.get(*_split(key[1])) if informer else None
        if informer is None or item is None:
            return None
        if item.orphans_dependents:
            self._orphan(informer.resource, item)
        elif item.waits_for_dependents:
            self._delete_dependents(informer.resource, item)
        elif item.owners and not item.deleting:
            return self._collect(informer.resource, item)
        return None

    def _collect(self, resource: Resource, item: Item) -> float | None:
        unseen: list[Owner] = []
        verdict = judge(
            item,
            lambda owner: self._state(item, owner, unseen),
            has_dependents=lambda: next(iter(self._dependents(item.uid)), None) is not None,
        )
        if verdict.delete:
            self._delete(resource, item, verdict.delete)
        elif verdict.drop:
            self._drop_owners(resource, item, set(verdict.drop))
        # The end of an owner that no informer has seen yet may never be told: look again.
        return _UNSEEN_SECONDS if unseen else None

    def _state(self, item: Item, owner: Owner, unseen: list[Owner]) -> OwnerState:
        if owner.uid in self._gone:
            return "absent"
        resource = self._resource(owner)
        if resource is None:
            # A kind that was taken away took its objects along; of one that nobody serves yet nothing can be said.
            return "absent" if _kind(owner) in self._removed else "solid"
        namespace = item.namespace if resource.namespaced else ""
        informer = self._informers.get(_name(resource))
        found = informer.get(namespace, owner.name) if informer else None
        if found is None or found.uid != owner.uid:
            found = self._read(resource, owner.name, namespace)
            unseen.append(owner)
        if found is None or found.uid != owner.uid:
            return "absent"
        return "waiting" if found.waits_for_dependents else "solid"

    def _resource(self, owner: Owner) -> Resource | None:
        try:
            return self._client.resource_for(owner.api_version, owner.kind)
        except NotFound:
            return None

    def _read(self, resource: Resource, name: str, namespace: str) -> Item | None:
        try:
            return read_item(self._client.get(resource, name, namespace or None))
        except NotFound:
            return None

    def _orphan(self, resource: Resource, item: Item) -> None:
        for theirs, dependent in self._dependents(item.uid):
            self._drop_owners(theirs, dependent, {item.uid})
        self._drop_finalizer(resource, item, ORPHAN)

    def _delete_dependents(self, resource: Resource, item: Item) -> None:
        blocked = False
        for theirs, dependent in self._dependents(item.uid):
            blocked |= any(owner.uid == item.uid and owner.blocks for owner in dependent.owners)
            if not dependent.deleting:
                self._controller.enqueue((_name(theirs), f"{dependent.namespace}/{dependent.name}"))
        if not blocked:
            self._drop_finalizer(resource, item, FOREGROUND)

    def _delete(self, resource: Resource, item: Item, policy: Any) -> None:
        try:
            self._client.delete(resource, item.name, item.namespace or None, propagation=policy, uid=item.uid)
        except NotFound:
            return

    def _drop_owners(self, resource: Resource, item: Item, uids: set[str]) -> None:
        def changed(metadata: Mapping[str, Any]) -> dict[str, Any]:
            owners = [owner for owner in metadata.get("ownerReferences") or () if owner["uid"] not in uids]
            return {"ownerReferences": owners or None}

        self._edit(resource, item, changed)

    def _drop_finalizer(self, resource: Resource, item: Item, finalizer: str) -> None:
        def changed(metadata: Mapping[str, Any]) -> dict[str, Any]:
            return {"finalizers": [name for name in metadata.get("finalizers") or () if name != finalizer] or None}

        self._edit(resource, item, changed)

    def _edit(self, resource: Resource, item: Item, changed: Any) -> None:
        """Patch metadata of the very object that was seen; a conflict brings it back later."""
        try:
            live = self._client.get(resource, item.name, item.namespace or None)["metadata"]
            if live["uid"] == item.uid:
                body = {"metadata": changed(live) | {"resourceVersion": live["resourceVersion"]}}
                self._client.patch(resource, item.name, body, item.namespace or None)
        except NotFound:
            return

    def _dependents(self, uid: str) -> Iterable[tuple[Resource, Item]]:
        for informer in tuple(self._informers.values()):
            for item in informer.by_index("owner", uid):
                yield informer.resource, item

    def _watch(self, resource: Resource) -> None:
        with self._changing:
            if self._stopped or _name(resource) in self._informers:
                return
            informer: Items = self._shared.of(
                resource, decode=read_item, indexes={"owner": lambda item: [owner.uid for owner in item.owners]}
            )
            informer.on_change(lambda old, new: self._changed(resource, old, new))
            self._informers[_name(resource)] = informer
        informer.start()

    def _changed(self, resource: Resource, old: Item | None, new: Item | None) -> None:
        if new is not None:
            if (old is None or old != new) and (new.deleting or not self._is_held(new)):
                self._controller.enqueue((_name(resource), f"{new.namespace}/{new.name}"))
        elif old is not None:
            self._remember(old.uid)
            self._wake_dependents(old)
        if old is not None and (new is None or old.owners != new.owners):
            self._wake_owners(old)

    def _is_held(self, item: Item) -> bool:
        """Whether every owner is known to be there for good: the end of one of them will be told, and find the item."""
        for owner in item.owners:
            resource = self._resource(owner)
            informer = self._informers.get(_name(resource)) if resource else None
            if resource is None or informer is None:
                return False
            found = informer.get(item.namespace if resource.namespaced else "", owner.name)
            if found is None or found.uid != owner.uid or found.waits_for_dependents:
                return False
        return True

    def _wake_dependents(self, item: Item) -> None:
        for resource, dependent in self._dependents(item.uid):
            self._controller.enqueue((_name(resource), f"{dependent.namespace}/{dependent.name}"))

    def _wake_owned_by(self, kind: tuple[str, str]) -> None:
        """Everything whose owner was of this kind looks again: the owner's own end may never have been told."""
        for informer in tuple(self._informers.values()):
            for item in informer.all():
                if any(_kind(owner) == kind for owner in item.owners):
                    self._controller.enqueue((_name(informer.resource), f"{item.namespace}/{item.name}"))

    def _wake_owners(self, item: Item) -> None:
        """Owners that wait for their dependents look again when one has gone."""
        for owner in item.owners:
            if (resource := self._resource(owner)) is None:
                continue
            informer = self._informers.get(_name(resource))
            namespace = item.namespace if resource.namespaced else ""
            found = informer.get(namespace, owner.name) if informer else None
            if found is not None and found.waits_for_dependents:
                self._controller.enqueue((_name(resource), f"{namespace}/{owner.name}"))

    def _remember(self, uid: str) -> None:
        with self._changing:
            self._gone[uid] = None
            if len(self._gone) > _REMEMBERED:
                self._gone.popitem(last=False)

    def _definition_changed(self, old: tuple[Resource, ...] | None, new: tuple[Resource, ...] | None) -> None:
        for resource in (new or ())[:1]:
            self._removed.discard((resource.group, resource.kind))
            self._watch(resource)
        if old and not new:
            with self._changing:
                informer = self._informers.pop(_name(old[0]), None)
            if informer:
                informer.stop()
            self._removed.add((old[0].group, old[0].kind))
            self._wake_owned_by((old[0].group, old[0].kind))


def _custom_resources(crd: dict[str, Any]) -> tuple[Resource, ...]:
    return tuple(served.resource for served in served_types(crd)) if established(crd) else ()


def _kind(owner: Owner) -> tuple[str, str]:
    return owner.api_version.rpartition("/")[0], owner.kind


def _name(resource: Resource) -> str:
    return f"{resource.plural}.{resource.group}"


def _split(text: str) -> tuple[str, str]:
    namespace, _, name = text.partition("/")
    return namespace, name
