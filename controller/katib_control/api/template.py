"""From a trial template and one point of the search space to the run object: substitution inside the parsed tree.

What type a value gets where the *whole* value is one placeholder:

- text for ever: ``command``, ``args``, the value of a name/value pair (``env``), and everything in ``metadata``,
  labels, annotations and selectors. Kubernetes wants strings there.
- in Pod templates and in ``batch/v1`` Jobs: a number or boolean in the fields that Kubernetes defines as such
  (``backoffLimit``, ``parallelism``, ``runAsUser``, ...), text elsewhere.
- elsewhere (any custom resource): the parameter's own type: int, double, number of a discrete list; a categorical
  stays text.
- a template from a ConfigMap: as YAML types the filled-in text; quoted scalars stay text.

A placeholder inside a longer text is always text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum
from typing import Any

from katib_control.api.errors import TemplateError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.names import LINEAGE_LABELS
from katib_control.api.template_fields import BOOLEANS, NUMBERS, TEXT_BRANCHES
from katib_control.api.template_text import PLACEHOLDER, Plain, skeleton, typed

__all__ = ["is_metadata_reference", "metadata_value", "near", "placeholders", "render", "run_tree"]

_REFERENCE = re.compile(r"\$\{trialSpec\.(?P<field>[^\[\]{}]*)(?:\[(?P<key>.+)\])?\}")
_INTEGER = re.compile(r"[-+]?\d+", re.ASCII)
_REAL = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)


class _Place(Enum):
    TEXT = "strings only"
    KUBERNETES = "typed in known fields"
    FREE = "typed"


def is_metadata_reference(reference: str) -> bool:
    """Tell whether a reference means the trial itself (``${trialSpec.Name}``) and not a search parameter."""
    return reference.startswith("${trialSpec.")


def metadata_value(
    reference: str, tree: Mapping[str, Any], name: str, namespace: str, labels: Mapping[str, str] | None = None
) -> str:
    """Return what a reference to the trial stands for; raise TemplateError where there is no such thing.

    ``labels`` are those that the algorithm has given the trial; what it says of a trial's lineage is empty where the
    trial has none.
    """
    match = _REFERENCE.fullmatch(reference)
    label = match["field"] if match else ""
    simple = {
        "Name": name, "Namespace": namespace, "Kind": tree.get("kind", ""), "APIVersion": tree.get("apiVersion", ""),
    }  # fmt: skip
    if match and label in simple and match["key"] is None:
        return str(simple[label])
    if match and label in ("Annotations", "Labels"):
        if match["key"] is None:
            raise TemplateError(f"{reference} needs a key: ${{trialSpec.{label}[key]}}")
        values = (tree.get("metadata") or {}).get(label.lower()) or {}
        if label == "Labels":
            values = {**dict.fromkeys(LINEAGE_LABELS, ""), **values, **(labels or {})}
        if match["key"] not in values:
            raise TemplateError(f"{reference}: the template has no such entry in metadata.{label.lower()}")
        return str(values[match["key"]])
    known = "Name, Namespace, Kind, APIVersion, Annotations[key], Labels[key]"
    raise TemplateError(f"{reference} is not known: ${{trialSpec.X}} knows {known}")


def near(name: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'lr'?``, or what there is where nothing is like it."""
    options = list(known)
    close = get_close_matches(name, options, 1)
    return f"did you mean {close[0]!r}?" if close else f"there is {', '.join(map(repr, options)) or 'none'}"


def run_tree(spec: ExperimentSpec, text: str | None = None) -> dict[str, Any]:
    """Return the parsed template, placeholders still in it; raise TemplateError where it is no object.

    ``text`` is the text of a template that is kept in a ConfigMap. The result is shared: never change it.
    """
    template = spec.trial_template
    tree = skeleton(text) if text is not None else template.trial_spec if template else None
    if not isinstance(tree, dict):
        raise TemplateError("trial template must be an object with apiVersion and kind")
    return tree


def placeholders(tree: Any) -> list[str]:
    """Return the names used as ``${trialParameters.<name>}``, each once, in their order."""
    return list(dict.fromkeys(name for text in _texts(tree) for name in PLACEHOLDER.findall(text)))


def render(
    spec: ExperimentSpec,
    assignments: Mapping[str, str],
    *,
    name: str,
    namespace: str,
    text: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the run object of one trial, named and placed.

    ``assignments`` are the search parameters by name, ``text`` the template where it is kept in a ConfigMap, ``labels``
    those that the algorithm has given the trial. Raises TemplateError for a placeholder that is not known, a parameter
    without a value, or one that the template never uses.
    """
    tree = run_tree(spec, text)
    if not tree.get("apiVersion") or not tree.get("kind"):
        raise TemplateError("trial template must have apiVersion and kind")
    values = _values(spec, assignments, metadata_value=lambda ref: metadata_value(ref, tree, name, namespace, labels))
    filling = _Filling(values, None if text is not None else _types(spec))
    place = _Place.KUBERNETES if _is_builtin(tree["apiVersion"]) else _Place.FREE
    run: dict[str, Any] = filling.fill(tree, place, "")
    unused = [name for name in values if name not in filling.used]
    if unused:
        raise TemplateError(f"trial template never uses ${{trialParameters.{unused[0]}}}")
    run["metadata"] = {**(run.get("metadata") or {}), "name": name, "namespace": namespace}
    return run


def _values(spec: ExperimentSpec, assignments: Mapping[str, str], *, metadata_value: Any) -> dict[str, str]:
    """Return the text of each placeholder."""
    values: dict[str, str] = {}
    used = set()
    for parameter in spec.trial_template.trial_parameters if spec.trial_template else ():
        reference = parameter.reference
        if is_metadata_reference(reference):
            values[parameter.name] = metadata_value(reference)
        elif reference in assignments:
            values[parameter.name] = assignments[reference]
            used.add(reference)
        else:
            raise TemplateError(
                f"trial parameter {parameter.name!r} refers to {reference!r}: {near(reference, assignments)}"
            )
    for name in assignments:
        if name not in used:
            raise TemplateError(f"no entry of trialParameters refers to the parameter {name!r}")
    return values


def _types(spec: ExperimentSpec) -> dict[str, str]:
    """Return the parameter type behind each placeholder, where it has one."""
    known = {item.name: item.parameter_type for item in spec.parameters}
    template = spec.trial_template
    return {item.name: known.get(item.reference, "") for item in (template.trial_parameters if template else ())}


def _is_builtin(api_version: str) -> bool:
    """Kubernetes' own groups have no dot (``v1``, ``batch/v1``) or end in k8s.io."""
    group, slash, _ = str(api_version).partition("/")
    return not slash or "." not in group or (group.endswith(".k8s.io") and group.count(".") == 2)


@dataclass
class _Filling:
    values: Mapping[str, str]
    types: Mapping[str, str] | None
    """Parameter types by name; None: a template from text, where quotes and their absence decide."""
    used: set[str] = field(default_factory=set)

    def fill(self, node: Any, place: _Place, key: str) -> Any:
        """Return a copy of the tree with all placeholders filled in; ``key`` is the member that holds the node."""
        if isinstance(node, dict):
            inside = _Place.KUBERNETES if place is _Place.FREE and isinstance(node.get("containers"), list) else place
            return {
                self._name(name): self.fill(value, _below(inside, name, node), name) for name, value in node.items()
            }
        if isinstance(node, list):
            return [self.fill(item, place, key) for item in node]
        return self._text(node, place, key) if isinstance(node, str) and "${" in node else node

    def _name(self, name: Any) -> Any:
        return PLACEHOLDER.sub(self._value, name) if isinstance(name, str) and "${" in name else name

    def _value(self, match: re.Match[str]) -> str:
        name = match[1]
        if name not in self.values:
            raise TemplateError(f"{match.group()} is not declared in trialParameters: {near(name, self.values)}")
        self.used.add(name)
        return self.values[name]

    def _text(self, text: str, place: _Place, key: str) -> Any:
        filled = PLACEHOLDER.sub(self._value, text)
        whole = PLACEHOLDER.fullmatch(text)
        if place is _Place.TEXT:
            return filled
        if isinstance(text, Plain):
            return typed(filled)
        if whole is None or self.types is None:
            return filled
        if place is _Place.KUBERNETES:
            return _kubernetes(filled, key)
        return _own(filled, self.types.get(whole[1], ""))


def _below(place: _Place, name: Any, parent: Mapping[str, Any]) -> _Place:
    pair = name == "value" and ("name" in parent or "key" in parent)
    return _Place.TEXT if pair or name in TEXT_BRANCHES else place


def _kubernetes(text: str, key: str) -> Any:
    if key in NUMBERS:
        return _number(text)
    return text == "true" if key in BOOLEANS and text in ("true", "false") else text


def _own(text: str, kind: str) -> Any:
    if kind == "double" and _REAL.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return _number(text) if kind in ("int", "discrete") else text


def _number(text: str) -> int | float | str:
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _REAL.fullmatch(text) and math.isfinite(float(text)) else text


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for name, value in node.items():
            yield from _texts(name)
            yield from _texts(value)
    elif isinstance(node, list):
        for item in node:
            yield from _texts(item)
