"""The API server as a function: ``ApiServer.handle`` takes a Request and returns a Response.

Routing and wiring only. Any number of threads may call ``handle``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from katib_control.apiserver import answers
from katib_control.apiserver.body import check_accept, check_size
from katib_control.apiserver.builtin import BUILTINS
from katib_control.apiserver.calls import Call
from katib_control.apiserver.changes import Key
from katib_control.apiserver.core import NAMESPACES, Core, Limits, loads
from katib_control.apiserver.create import create, create_object
from katib_control.apiserver.custom_kinds import CustomKinds
from katib_control.apiserver.database import StorageError
from katib_control.apiserver.delete import delete, delete_collection
from katib_control.apiserver.documents import document
from katib_control.apiserver.finalize import finalize
from katib_control.apiserver.listing import Query, read_page
from katib_control.apiserver.logs import log
from katib_control.apiserver.patch import patch
from katib_control.apiserver.pod_subresources import bind, evict, posted_binding
from katib_control.apiserver.ports import Admit, Logs
from katib_control.apiserver.problems import no_such_resource
from katib_control.apiserver.read import get, list_objects
from katib_control.apiserver.registry import Registry
from katib_control.apiserver.reviews import review
from katib_control.apiserver.scale import get_scale, patch_scale, replace_scale
from katib_control.apiserver.store import Store
from katib_control.apiserver.types import ServedType
from katib_control.apiserver.update import replace
from katib_control.apiserver.watching import watch
from katib_control.kube.errors import ApiError, MethodNotAllowed, ServerError
from katib_control.kube.http import Request, Response
from katib_control.kube.paths import ObjectPath, parse
from katib_control.kube.resources import Resource
from katib_control.runtime.clock import Clock, monotonic, system_clock

logger = logging.getLogger(__name__)

Handler = Callable[[Core, Call], Response]
DEFAULT_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_ON_COLLECTION: Mapping[str, tuple[str, Handler]] = {
    "GET": ("list", list_objects),
    "POST": ("create", create),
    "DELETE": ("deletecollection", delete_collection),
}
_ON_OBJECT: Mapping[str, tuple[str, Handler]] = {
    "GET": ("get", get),
    "PUT": ("update", replace),
    "PATCH": ("patch", patch),
    "DELETE": ("delete", delete),
}
#: Subresource -> method -> verb and handler; which kinds have it, ``_has`` knows.
_ON_SUBRESOURCE: Mapping[str, Mapping[str, tuple[str, Handler]]] = {
    "status": {method: _ON_OBJECT[method] for method in ("GET", "PUT", "PATCH")},
    "scale": {"GET": ("get", get_scale), "PUT": ("update", replace_scale), "PATCH": ("patch", patch_scale)},
    "log": {"GET": ("get", log)},
    "binding": {"POST": ("create", bind)},
    "eviction": {"POST": ("create", evict)},
    "finalize": {"PUT": ("update", finalize)},
}


class ApiServer:
    """The embedded API server over a store. ``close`` ends its watches and closes the store."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock = system_clock,
        admit: Admit | None = None,
        logs: Logs | None = None,
        builtins: Iterable[ServedType] = BUILTINS,
        limits: Limits = Limits(),  # noqa: B008  frozen
    ) -> None:
        self.core = Core(
            store=store,
            registry=Registry(builtins),
            clock=clock,
            monotonic=monotonic,
            limits=limits,
            admit=admit,
            logs=logs,
        )
        self.core.written[NAMESPACES] = self._namespace_written
        self._start_namespaces()
        CustomKinds(self.core)

    def resources(self) -> tuple[Resource, ...]:
        """Return every kind that is served now."""
        return tuple(served.resource for served in self.core.registry.all())

    def handle(self, request: Request) -> Response:
        """Answer one request; never raises: what goes wrong is a Status."""
        try:
            check_size(request.body, self.core.limits.body_bytes)
            return self._route(request)
        except ApiError as error:
            return answers.failure(error)
        except StorageError as error:
            return answers.failure(ServerError(str(error)))
        except Exception:
            logger.exception("failed to handle a request: %s %s", request.method, request.path)
            return answers.failure(ServerError(f"internal error while handling {request.method} {request.path}"))

    def _route(self, request: Request) -> Response:
        path = parse(request.path)
        if path is None:
            return document(self.core, request)
        if response := review(self.core, request, path) or posted_binding(self.core, request, path):
            return response
        if path.subresource != "log":
            check_accept(request)
        served = self.core.registry.find(path.group, path.version, path.plural)
        if path.namespace and not served.resource.namespaced:
            raise no_such_resource()
        call = Call(request, served, path.namespace or "", path.name or "", path.subresource or "", self.core.clock)
        verb, handler = self._handler(call, path)
        if verb not in served.verbs:
            raise _not_allowed()
        return handler(self.core, call)

    def _handler(self, call: Call, path: ObjectPath) -> tuple[str, Handler]:
        method = call.request.method
        if path.subresource:
            return self._subresource(call, path.subresource)
        if method == "GET" and call.flag("watch"):
            return "watch", watch
        if path.name and call.served.resource.namespaced and not path.namespace:
            raise no_such_resource()
        found = (_ON_OBJECT if path.name else _ON_COLLECTION).get(method)
        if found is None or (method == "POST" and call.served.resource.namespaced and not path.namespace):
            raise _not_allowed()
        return found

    def _subresource(self, call: Call, subresource: str) -> tuple[str, Handler]:
        if not _has(call, subresource):
            raise no_such_resource()
        found = _ON_SUBRESOURCE[subresource].get(call.request.method)
        if found is None:
            raise _not_allowed()
        return found

    def _namespace_written(self, name: str, obj: dict[str, Any] | None) -> None:
        if obj is None:
            self.core.namespaces.pop(name, None)
        else:
            self.core.namespaces[name] = bool(obj["metadata"].get("deletionTimestamp"))

    def _start_namespaces(self) -> None:
        for text in read_page(self.core.store, Query(resource=NAMESPACES)).texts:
            obj = loads(text)
            self._namespace_written(obj["metadata"]["name"], obj)
        served = self.core.registry.find("", "v1", NAMESPACES)
        for name in DEFAULT_NAMESPACES:
            if self.core.store.get(Key(NAMESPACES, "", name)) is None:
                obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
                create_object(self.core, Call(Request("POST", ""), served, clock=self.core.clock), obj)

    def close(self) -> None:
        """End every watch and close the store; twice is fine."""
        self.core.store.close()


def _has(call: Call, subresource: str) -> bool:
    served = call.served
    if subresource in ("status", "scale"):
        return served.has_status if subresource == "status" else served.scale is not None
    return subresource in served.subresources or (subresource == "finalize" and call.resource == NAMESPACES)


def _not_allowed() -> MethodNotAllowed:
    return MethodNotAllowed("the server does not allow this method on the requested resource")
