"""A client that keeps Experiments in a dict: for tests of what asks the API, not of the API."""

from __future__ import annotations

import copy
import queue
from collections.abc import Iterator
from typing import Any

from katib_control.kube.errors import AlreadyExists, ApiError, NotFound


class FakeClient:
    """The verbs that katib_kfp uses, over ``experiments``; ``errors`` are raised, one by one, by the next reads."""

    def __init__(self) -> None:
        self.experiments: dict[str, dict[str, Any]] = {}
        self.items: dict[str, list[dict[str, Any]]] = {}
        self.deleted: list[str] = []
        self.errors: list[ApiError] = []
        self.changes: queue.Queue[tuple[str, dict[str, Any]] | None] = queue.Queue()
        self._version = 0

    def create(
        self, resource: Any, body: dict[str, Any], namespace: str = "", *, strict: bool = False
    ) -> dict[str, Any]:
        name = body["metadata"]["name"]
        if name in self.experiments:
            raise AlreadyExists(f"{name} exists")
        made = copy.deepcopy(body)
        made["metadata"]["namespace"] = namespace
        return self._store(name, made)

    def get(self, resource: Any, name: str, namespace: str = "") -> dict[str, Any]:
        if self.errors:
            raise self.errors.pop(0)
        if name not in self.experiments:
            raise NotFound(f"{resource.plural} {name} not found")
        return copy.deepcopy(self.experiments[name])

    def list(self, resource: Any, namespace: str = "", **selectors: str) -> dict[str, Any]:
        if resource.plural == "experiments":
            return {"items": list(self.experiments.values())}
        return {"items": self.items.get(resource.plural, [])}

    def delete(self, resource: Any, name: str, namespace: str = "", **options: Any) -> dict[str, Any]:
        if name not in self.experiments:
            raise NotFound(name)
        self.deleted.append(name)
        self.changes.put(("DELETED", self.experiments.pop(name)))
        return {}

    def watch(self, resource: Any, namespace: str = "", **options: Any) -> FakeWatch:
        return FakeWatch(self.changes)

    def update(self, name: str, **status: Any) -> None:
        body = copy.deepcopy(self.experiments[name])
        body["status"] = body.get("status", {}) | status
        self.changes.put(("MODIFIED", self._store(name, body)))

    def finish(self, name: str, kind: str, **status: Any) -> None:
        conditions = [{"type": kind, "status": "True", "reason": "Why", "message": "because"}]
        self.update(name, conditions=conditions, **status)

    def _store(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)
        self.experiments[name] = body
        return copy.deepcopy(body)


class FakeWatch:
    """Changes until there are no more at the moment, as a server ends a watch after its timeout."""

    def __init__(self, changes: queue.Queue[tuple[str, dict[str, Any]] | None]) -> None:
        self._changes = changes

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        while True:
            try:
                item = self._changes.get_nowait()
            except queue.Empty:
                return
            if item is None:
                return
            yield item

    def close(self) -> None:
        """Nothing is open."""
