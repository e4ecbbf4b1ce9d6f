"""CustomResourceDefinitions at work: their status, and serving their kinds from the moment they are written."""

from __future__ import annotations

from typing import Any

from katib_control.api.times import to_wire
from katib_control.apiserver.changes import Key
from katib_control.apiserver.core import Core, loads
from katib_control.apiserver.crds import established, served_types, status
from katib_control.apiserver.fields import marks
from katib_control.apiserver.listing import Query, read_page
from katib_control.apiserver.store import Stale

RESOURCE = "customresourcedefinitions.apiextensions.k8s.io"
Object = dict[str, Any]


class CustomKinds:
    """Keeps the registry in step with the stored definitions."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._names: dict[str, tuple[str, str]] = {}
        core.written[RESOURCE] = self.written
        for text in read_page(core.store, Query(resource=RESOURCE)).texts:
            crd = loads(text)
            self.written(crd["metadata"]["name"], crd)

    def written(self, name: str, obj: Object | None) -> None:
        """Serve what a definition says now, and write its status when that has changed."""
        if obj is None:
            if place := self._names.pop(name, None):
                self._core.registry.replace_custom(*place, ())
            return
        obj = self._with_status(name, obj)
        self._names[name] = place = obj["spec"]["group"], obj["spec"]["names"]["plural"]
        self._core.registry.replace_custom(*place, served_types(obj) if established(obj) else ())

    def _with_status(self, name: str, obj: Object) -> Object:
        key = Key(RESOURCE, "", name)
        while True:
            others = [loads(text) for text in read_page(self._core.store, Query(resource=RESOURCE)).texts]
            wanted = status(
                obj, [other for other in others if other["metadata"]["name"] != name], to_wire(self._core.clock())
            )
            if obj.get("status") == wanted:
                return obj
            new = obj | {"status": wanted, "metadata": dict(obj["metadata"])}
            try:
                self._core.store.update(key, new, marks(RESOURCE, new), int(obj["metadata"]["resourceVersion"]))
                return new
            except Stale:
                stored = self._core.store.get(key)
                if stored is None:
                    return obj
                obj = loads(stored.text)
