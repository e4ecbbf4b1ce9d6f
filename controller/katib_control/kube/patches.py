"""The three patches of the Kubernetes API, as functions of (object, patch): nothing is changed in place.

Results share what did not change with their arguments. A patch that is malformed raises BadRequest (400), a JSON patch
that does not fit the object Invalid (422), as a real server answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from katib_control.kube.errors import BadRequest, Invalid, TooLarge
from katib_control.kube.merge_keys import shape_of
from katib_control.kube.resources import Resource
from katib_control.kube.strategic import merge_maps

MAX_JSON_PATCH_OPERATIONS = 10_000
_REJECTED = "the server rejected our request due to an error in our request"


def merge_patch(obj: Mapping[str, Any], patch: Any) -> dict[str, Any]:
    """Apply a JSON merge patch (RFC 7396): null removes, maps merge, everything else replaces."""
    return _merged(obj, _map_only(patch))


def strategic_merge_patch(obj: Mapping[str, Any], patch: Any, resource: Resource) -> dict[str, Any]:
    """Apply a strategic merge patch to an object of a built-in kind, with its merge keys and ``$`` directives."""
    return merge_maps(obj, _map_only(patch), shape_of(resource.group, resource.kind))


def json_patch(obj: Mapping[str, Any], patch: Any) -> dict[str, Any]:
    """Apply a JSON patch (RFC 6902): all of its operations, or an error."""
    # Loaded only when such a patch is sent.
    from jsonpatch import InvalidJsonPatch, JsonPatch, JsonPatchException
    from jsonpointer import JsonPointerException

    if not isinstance(patch, list) or not all(isinstance(step, dict) for step in patch):
        raise BadRequest("error decoding patch: a JSON patch is a list of operations, each a map")
    if len(patch) > MAX_JSON_PATCH_OPERATIONS:
        allowed = f"The allowed maximum operations in a JSON patch is {MAX_JSON_PATCH_OPERATIONS}, got {len(patch)}"
        raise TooLarge(allowed)
    try:
        steps = JsonPatch(patch)
    except (InvalidJsonPatch, JsonPointerException, TypeError) as error:
        raise BadRequest(f"error decoding patch: {error}") from error
    try:
        patched = steps.apply(obj)
    except InvalidJsonPatch as error:
        raise BadRequest(f"error decoding patch: {error}") from error
    except (JsonPatchException, JsonPointerException, TypeError, AttributeError) as error:
        raise _unfit(str(error)) from error
    if not isinstance(patched, dict):
        raise _unfit("the patched document is not a map")
    return patched


def _unfit(detail: str) -> Invalid:
    return Invalid(f"{_REJECTED}: {detail}", causes=[{"reason": "UnexpectedServerResponse", "message": detail}])


def _map_only(patch: Any) -> dict[str, Any]:
    if not isinstance(patch, dict):
        raise BadRequest(f"error decoding patch: a map is expected, got {type(patch).__name__}")
    return patch


def _merged(target: Any, patch: dict[str, Any]) -> dict[str, Any]:
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = _merged(merged.get(key), value)
        else:
            merged[key] = value
    return merged
