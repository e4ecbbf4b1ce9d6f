"""One client for all kinds: raw JSON dicts over a Transport, errors of ``kube.errors``.

Does not retry, cache (but for discovery) or convert anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import unquote

from katib_control.kube.errors import ApiError, BadRequest, Gone, NotFound, ServerError, from_status
from katib_control.kube.http import Request, Response, Transport
from katib_control.kube.resources import Resource
from katib_control.kube.streams import LogOptions, LogStream, Watch

Propagation = Literal["Background", "Foreground", "Orphan"]
PatchKind = Literal["merge", "json", "strategic"]
PAGE = 500

_READ = {"accept": "application/json"}
_WRITE = {"accept": "application/json", "content-type": "application/json"}
_PATCH = {
    "merge": {"accept": "application/json", "content-type": "application/merge-patch+json"},
    "json": {"accept": "application/json", "content-type": "application/json-patch+json"},
    "strategic": {"accept": "application/json", "content-type": "application/strategic-merge-patch+json"},
}
_NO_QUERY: dict[str, str] = {}
_DRY_RUN = {"dryRun": "All"}


class Client:
    """Verbs of the Kubernetes API. Safe to use from many threads when the transport is."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._kinds: dict[str, dict[str, Resource]] = {}

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> dict[str, Any]:
        """Return the object; raise NotFound."""
        return self._ask("GET", _object_path(resource, name, namespace))

    def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        limit: int = 0,
        resource_version: str = "",
    ) -> dict[str, Any]:
        """Return the whole list object, its pages followed and joined; with a limit no more than the first page.

        Items of a real server's list may lack ``kind`` and ``apiVersion``.
        """
        path = resource.path(namespace)
        query = _given(labelSelector=labels, fieldSelector=fields, resourceVersion=resource_version)
        if limit:
            return self._ask("GET", path, query | {"limit": str(limit)})
        try:
            return self._pages(path, query)
        except Gone:
            if resource_version:
                raise
            # The continue token expired between two pages: a list in one piece cannot.
            return self._ask("GET", path, query)

    def create(
        self,
        resource: Resource,
        body: dict[str, Any],
        namespace: str | None = None,
        *,
        dry_run: bool = False,
        strict: bool = False,
    ) -> dict[str, Any]:
        """Return the object as the server stored it; raise AlreadyExists, Invalid.

        The namespace is the argument, else the body's own. ``strict`` refuses fields that the kind does not have.
        """
        namespace = namespace or body.get("metadata", {}).get("namespace")
        if resource.namespaced and not namespace:
            raise BadRequest("an empty namespace may not be set during creation")
        return self._ask(
            "POST", resource.path(namespace), _write_query(dry_run, strict), _WRITE, _encode(body)
        )  # fmt: skip

    def replace(
        self,
        resource: Resource,
        body: dict[str, Any],
        *,
        subresource: str | None = None,
        dry_run: bool = False,
        strict: bool = False,
    ) -> dict[str, Any]:
        """Put the object; its name, namespace and (guard against stale writes) resourceVersion are the body's."""
        metadata = body.get("metadata", {})
        path = _object_path(resource, metadata.get("name", ""), metadata.get("namespace"), subresource)
        return self._ask("PUT", path, _write_query(dry_run, strict), _WRITE, _encode(body))

    def patch(  # noqa: PLR0913  the options are keyword-only, and the API's own
        self,
        resource: Resource,
        name: str,
        body: Any,
        namespace: str | None = None,
        *,
        kind: PatchKind = "merge",
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Return the patched object; a ``metadata.resourceVersion`` in a merge patch guards against stale writes."""
        path = _object_path(resource, name, namespace, subresource)
        return self._ask("PATCH", path, _DRY_RUN if dry_run else _NO_QUERY, _PATCH[kind], _encode(body))

    def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        propagation: Propagation = "Background",
        uid: str | None = None,
        grace_seconds: int | None = None,
    ) -> dict[str, Any]:
        """Return the server's answer: a Status, or the object while its finalizers are still at work.

        With a uid another object of the same name raises Conflict.
        """
        options = _delete_options(propagation)
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        return self._ask("DELETE", _object_path(resource, name, namespace), _NO_QUERY, _WRITE, _encode(options))

    def delete_collection(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        propagation: Propagation = "Background",
    ) -> None:
        """Delete every object that the selectors match."""
        query = _given(labelSelector=labels, fieldSelector=fields)
        self._ask("DELETE", resource.path(namespace), query, _WRITE, _encode(_delete_options(propagation)))

    def watch(  # noqa: PLR0913  the options are keyword-only, and the API's own
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str = "",
        labels: str = "",
        fields: str = "",
        timeout_seconds: int | None = None,
        bookmarks: bool = True,
    ) -> Watch:
        """Return the changes after ``resource_version`` as they come; Gone, here or while iterating: list again."""
        query = {"watch": "true"} | _given(
            resourceVersion=resource_version,
            labelSelector=labels,
            fieldSelector=fields,
            timeoutSeconds="" if timeout_seconds is None else str(timeout_seconds),
            allowWatchBookmarks="true" if bookmarks else "",
        )
        return Watch(self._send(Request("GET", resource.path(namespace), query, _READ)).body)

    def logs(self, pod: str, namespace: str, *, options: LogOptions = LogOptions()) -> LogStream:  # noqa: B008  frozen
        """Return the container's log, chunk by chunk; with ``follow`` it ends when the container does."""
        path = f"/api/v1/namespaces/{namespace}/pods/{_checked(pod)}/log"
        return LogStream(self._send(Request("GET", path, options.query(), {"accept": "*/*"})).body)

    def resource_for(self, api_version: str, kind: str) -> Resource:
        """Return how a kind is served, by the server's discovery (asked once); raise NotFound."""
        found = self._kinds.get(api_version, {}).get(kind)
        if found is None:
            # Not known yet, or known of a time before its CustomResourceDefinition was made.
            self._kinds[api_version] = self._discover(api_version)
            found = self._kinds[api_version].get(kind)
        if found is None:
            raise NotFound(f'no matches for kind "{kind}" in version "{api_version}"')
        return found

    def version(self) -> dict[str, Any]:
        """Return the server's version: ``gitVersion``, ``major``, ``minor`` and more."""
        return self._ask("GET", "/version")

    def _discover(self, api_version: str) -> dict[str, Resource]:
        group, _, version = api_version.rpartition("/")
        root = f"/apis/{api_version}" if group else f"/api/{api_version}"
        try:
            served = self._ask("GET", root).get("resources", [])
        except NotFound:
            return {}
        return {
            item["kind"]: Resource(group, version, item["name"], item["kind"], bool(item.get("namespaced")))
            for item in served
            if "/" not in item["name"]
        }

    def _pages(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        whole = page = self._ask("GET", path, query | {"limit": str(PAGE)})
        rest = {key: value for key, value in query.items() if key != "resourceVersion"}
        items = whole.get("items") or []
        while token := page.get("metadata", {}).get("continue"):
            page = self._ask("GET", path, rest | {"limit": str(PAGE), "continue": token})
            items += page.get("items") or []
        metadata = {key: value for key, value in page.get("metadata", {}).items() if key != "continue"}
        return whole | {"metadata": metadata, "items": items}

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] = _NO_QUERY,
        headers: Mapping[str, str] = _READ,
        body: bytes = b"",
    ) -> dict[str, Any]:
        response = self._send(Request(method, path, query, headers, body))
        answer: dict[str, Any] = response.json()
        return answer

    def _send(self, request: Request) -> Response:
        response = self._transport(request)
        if response.status >= 400:
            raise _error(request, response)
        return response


def _error(request: Request, response: Response) -> ApiError:
    body = response.body if isinstance(response.body, bytes) else b"".join(response.body)
    try:
        status = json.loads(body)
    except ValueError:
        status = None
    if isinstance(status, dict):
        return from_status(response.status, status)
    text = body[:200].decode("utf-8", "replace").strip()
    if response.status >= 500:
        return ServerError(f"{request.method} {request.path}: the server answered {response.status}: {text}")
    return from_status(response.status, {"message": f"{request.method} {request.path}: {text or response.status}"})


def _object_path(resource: Resource, name: str, namespace: str | None, subresource: str | None = None) -> str:
    if resource.namespaced and not namespace:
        raise BadRequest("an empty namespace may not be set when a resource name is provided")
    path = resource.path(namespace, _checked(name), subresource)
    return unquote(path) if "%" in path else path


def _checked(name: str) -> str:
    if not name:
        raise BadRequest("resource name may not be empty")
    if "/" in name or "%" in name or name in (".", ".."):
        raise BadRequest(f"invalid resource name \"{name}\": may not be '.' or '..', nor contain '/' or '%'")
    return name


def _write_query(dry_run: bool, strict: bool) -> dict[str, str]:
    if not strict:
        return _DRY_RUN if dry_run else _NO_QUERY
    return {"fieldValidation": "Strict"} | (_DRY_RUN if dry_run else _NO_QUERY)


def _delete_options(propagation: Propagation) -> dict[str, Any]:
    return {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}


def _given(**query: str) -> dict[str, str]:
    return {key: value for key, value in query.items() if value}


_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _encode(body: Any) -> bytes:
    return _encoder.encode(body).encode()
