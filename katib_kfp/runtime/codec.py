"""An Experiment on its way through a KFP parameter, there and back without a change. Pure.

KFP turns whole numbers inside dicts into floats, ``kfp.local`` rewrites ``python3`` inside any value, ``{{`` is
read as a placeholder and Kubernetes expands ``$$`` and ``$(VAR)`` in arguments. So ``encode`` sends ``{"$json":
"<text>"}`` whose text holds none of these; ``decode`` takes that form, and repairs plain dicts as far as they can
be repaired.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from katib_control.api.errors import FieldError, InvalidObject

KEY = "$json"
LIMIT = 100_000
"""Characters; one KFP parameter of more than about 130,000 cannot be handed to a process."""

_EXACT = 2**53
_COUNTS = ("maxTrialCount", "parallelTrialCount", "maxFailedTrialCount")


def encode(value: Any) -> dict[str, Any]:
    """Return the form that survives KFP; raise InvalidObject for what is no JSON or too large."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidObject([FieldError("experiment_spec", f"must be JSON: {error}")]) from None
    if len(text) > LIMIT:
        raise InvalidObject(
            [
                FieldError(
                    "experiment_spec",
                    f"at most {LIMIT} characters as JSON; keep the template in a ConfigMap",
                    len(text),
                )
            ]
        )
    return {KEY: escape(text)}


def escape(text: str) -> str:
    """Return the same JSON without ``python3``, ``{{`` and ``$``: they occur only inside JSON strings."""
    return text.replace("python3", "python\\u0033").replace("{{", "\\u007b\\u007b").replace("$", "\\u0024")


def decode(value: Any, environ: Mapping[str, str], executable: str = sys.executable) -> Any:
    """Return what was meant: the JSON of ``$json``, else the value with ints and ``python3`` restored."""
    if isinstance(value, dict) and set(value) == {KEY}:
        try:
            return json.loads(value[KEY])
        except (TypeError, ValueError) as error:
            raise InvalidObject([FieldError(f"experiment_spec.{KEY}", f"must be JSON text: {error}")]) from None
    local = "KFP_POD_NAME" not in environ and executable
    return _walk(value, lambda leaf: _repair(leaf, executable if local else ""))


def restore(
    arguments: Mapping[str, Any], environ: Mapping[str, str], executable: str = sys.executable
) -> dict[str, Any]:
    """Return a function's arguments as they were meant: KFP keeps the type of a number, but not inside a list or dict.

    What was left out (None) is left out.
    """
    return {
        name: value if isinstance(value, float) else decode(value, environ, executable)
        for name, value in arguments.items()
        if value is not None
    }


def experiment_body(value: Any) -> dict[str, Any]:
    """Return the Experiment that a decoded value is; its spec alone will do, as for the old launcher."""
    if not isinstance(value, dict) or not value:
        raise InvalidObject([FieldError("experiment_spec", "must be an Experiment or its spec, as a dict", value)])
    whole = "spec" in value or "kind" in value
    if whole and value.get("kind", "Experiment") != "Experiment":
        raise InvalidObject([FieldError("experiment_spec.kind", "must be Experiment", value["kind"])])
    body = dict(value) if whole else {"spec": value}
    spec = body.get("spec")
    if not isinstance(spec, dict):
        raise InvalidObject([FieldError("experiment_spec.spec", "must be a dict", spec)])
    body["spec"] = _typed(spec)
    return {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": {}} | body


def substitute(template: Any, values: Mapping[str, Any]) -> Any:
    """Return the template with ``${trialParameters.name}`` replaced by fixed values, inside strings only."""

    def replace(leaf: Any) -> Any:
        if isinstance(leaf, str):
            for name, value in values.items():
                leaf = leaf.replace(f"${{trialParameters.{name}}}", _text(value))
        return leaf

    return _walk(template, replace)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(_repair(value, ""))


def _typed(spec: dict[str, Any]) -> dict[str, Any]:
    counts = {name: _count(spec[name]) for name in _COUNTS if isinstance(spec.get(name), str)}
    objective = spec.get("objective")
    if isinstance(objective, dict) and isinstance(objective.get("goal"), str):
        counts["objective"] = {**objective, "goal": _number(objective["goal"])}
    return {**spec, **counts}


def _count(text: str) -> Any:
    value = _number(text)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text  # validation names the field


def _walk(value: Any, leaf: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _walk(item, leaf) for key, item in value.items()}
    if isinstance(value, list):
        return [_walk(item, leaf) for item in value]
    return leaf(value)


def _repair(leaf: Any, executable: str) -> Any:
    if isinstance(leaf, float) and leaf.is_integer() and abs(leaf) < _EXACT:
        return int(leaf)
    if executable and isinstance(leaf, str):
        return leaf.replace(executable, "python3")
    return leaf
