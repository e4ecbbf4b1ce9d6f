"""GET of an object and of a list."""

from __future__ import annotations

from typing import Any

from katib_control.api.errors import FieldError
from katib_control.apiserver import answers
from katib_control.apiserver.calls import Call
from katib_control.apiserver.core import Core
from katib_control.apiserver.fields import matcher, only_name
from katib_control.apiserver.listing import Page, Query, decode_continue, encode_continue, read_page
from katib_control.apiserver.problems import invalid_as, not_found
from katib_control.apiserver.store import Compacted
from katib_control.kube.errors import BadRequest, Gone, Unreachable
from katib_control.kube.http import Response

_MATCHES = ("", "Exact", "NotOlderThan")
_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter."
)


def get(core: Core, call: Call) -> Response:
    """Return one object."""
    stored = core.store.get(call.key)
    if stored is None:
        raise not_found(call.served, call.name)
    return answers.json_response(200, answers.shown(call, stored.text))


def list_objects(core: Core, call: Call) -> Response:
    """Return a list, or a page of one."""
    page = select(core, call)
    metadata: dict[str, Any] = {"resourceVersion": str(page.version)}
    if page.last:
        metadata["continue"] = encode_continue(page.version, page.last)
        if page.remaining:
            metadata["remainingItemCount"] = page.remaining
    return answers.json_response(200, answers.shown_list(call, page.texts, metadata))


def select(core: Core, call: Call) -> Page:
    """Return what selectors, limit, continue token and resourceVersion pick."""
    token = call.option("continue")
    version, exact = version_asked(call)
    at, after = (version if exact else None), None
    if token:
        if call.option("resourceVersion") not in ("", "0"):
            raise BadRequest("specifying resource version is not allowed when using continue")
        at, after = decode_continue(token)
    fields = call.fields
    query = Query(
        resource=call.resource,
        namespace=call.namespace,
        name=call.name or only_name(fields) or "",
        matches=matcher(call.resource, call.option("labelSelector"), fields, custom=call.served.custom),
        after=after,
        limit=call.number("limit") or 0,
        at=at,
    )
    if (version or 0) > core.store.version:
        raise too_large(version or 0, core.store.version)
    try:
        return read_page(core.store, query)
    except Compacted as error:
        raise Gone(_EXPIRED if token else str(error)) from None


def version_asked(call: Call) -> tuple[int | None, bool]:
    """Return resourceVersion (None: any, or the newest) and whether exactly that one is wanted; raise Invalid."""
    match = call.option("resourceVersionMatch")
    text = call.option("resourceVersion")
    if match not in _MATCHES:
        shown = ", ".join(f'"{name}"' for name in _MATCHES)
        _refuse(f'Unsupported value: "{match}": supported values: {shown}')
    if match and not text:
        _refuse("Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided")
    if match == "Exact" and text == "0":
        _refuse('Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    return parse_version(text), match == "Exact" or (not match and bool(call.option("limit")) and text not in ("", "0"))


def parse_version(text: str) -> int | None:
    """Return a resourceVersion as a number; None for "" and "0"; raise Invalid."""
    if text in ("", "0"):
        return None
    if not text.isascii() or not text.isdigit():
        error = FieldError("resourceVersion", f'Invalid value: "{text}": must be a decimal number')
        raise invalid_as('ListOptions.meta.k8s.io ""', [error], {"group": "meta.k8s.io", "kind": "ListOptions"})
    return int(text)


def too_large(asked: int, newest: int) -> Unreachable:
    """A version that has not been yet: a real server says that it timed out waiting."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version", "field": ""}
    return Timeout(
        f"Timeout: Too large resource version: {asked}, current: {newest}",
        details={"retryAfterSeconds": 1},
        causes=[cause],
    )


class Timeout(Unreachable):
    """The server has given up waiting."""

    code, reason = 504, "Timeout"


def _refuse(rule: str) -> None:
    error = FieldError("resourceVersionMatch", rule, reason="FieldValueForbidden")
    raise invalid_as('ListOptions.meta.k8s.io ""', [error], {"group": "meta.k8s.io", "kind": "ListOptions"})
