"""CustomResourceDefinition objects: what they serve, what is wrong with them, and their status. Pure."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

from katib_control.api.errors import FieldError
from katib_control.apiserver.schema import compile_schema
from katib_control.apiserver.structural import structural_errors
from katib_control.apiserver.types import Column, ScalePaths, ServedType
from katib_control.apiserver.versions import rank
from katib_control.kube.resources import Resource

_LOG = logging.getLogger(__name__)
AGE = Column("Age", "date", ".metadata.creationTimestamp", "How long the object has been there.")
_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_COLUMN_TYPES = ("integer", "number", "string", "boolean", "date")


def served_types(crd: Mapping[str, Any]) -> tuple[ServedType, ...]:
    """Return one ServedType for each served version, the preferred version first."""
    spec = crd["spec"]
    stored = next((version["name"] for version in spec["versions"] if version.get("storage")), "")
    served = [version for version in spec["versions"] if version.get("served")]
    return tuple(_served(spec, version, stored) for version in sorted(served, key=lambda item: rank(item["name"])))


def _served(spec: Mapping[str, Any], version: Mapping[str, Any], stored: str) -> ServedType:
    names = spec["names"]
    raw = version.get("schema", {}).get("openAPIV3Schema", {})
    if _has_cel(raw):
        _LOG.warning("x-kubernetes-validations of %s/%s are not evaluated here", spec["group"], names["kind"])
    return ServedType(
        resource=Resource(
            spec["group"], version["name"], names["plural"], names["kind"], namespaced=spec["scope"] == "Namespaced"
        ),
        singular=names.get("singular") or names["kind"].lower(),
        list_kind=names.get("listKind") or names["kind"] + "List",
        short_names=tuple(names.get("shortNames", ())),
        categories=tuple(names.get("categories", ())),
        schema=compile_schema(raw),
        openapi=raw,
        columns=tuple(map(_column, version.get("additionalPrinterColumns", ()))) or (AGE,),
        has_status="status" in version.get("subresources", {}),
        scale=_scale(version.get("subresources", {}).get("scale")),
        custom=True,
        storage_version=stored,
    )


def _scale(raw: Mapping[str, str] | None) -> ScalePaths | None:
    if not raw:
        return None
    fields = ("specReplicasPath", "statusReplicasPath", "labelSelectorPath")
    return ScalePaths(*(raw.get(field, "").lstrip(".") for field in fields))


def _column(raw: Mapping[str, Any]) -> Column:
    return Column(
        raw["name"],
        raw["type"],
        raw["jsonPath"],
        raw.get("description", ""),
        raw.get("priority", 0),
        raw.get("format", ""),
    )


def _has_cel(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        return "x-kubernetes-validations" in schema or any(map(_has_cel, schema.values()))
    return isinstance(schema, list) and any(map(_has_cel, schema))


def fill(crd: dict[str, Any]) -> dict[str, Any]:
    """Return the CRD with the names that follow from its kind: singular and listKind."""
    spec = crd.get("spec")
    if not isinstance(spec, dict):
        return crd
    names = spec.get("names")
    if not isinstance(names, dict) or not isinstance(names.get("kind"), str):
        return crd
    whole = {"singular": names["kind"].lower(), "listKind": names["kind"] + "List"} | names
    return crd if whole == names else crd | {"spec": spec | {"names": whole}}


def check(crd: Mapping[str, Any]) -> list[FieldError]:
    """Return the rules that a CRD breaks beyond its own schema, in Kubernetes' words."""
    spec = crd.get("spec", {})
    names = spec.get("names", {})
    errors = []
    expected = f"{names.get('plural', '')}.{spec.get('group', '')}"
    if crd.get("metadata", {}).get("name") != expected:
        errors.append(
            _invalid(
                "metadata.name", crd.get("metadata", {}).get("name", ""), 'must be spec.names.plural+"."+spec.group'
            )
        )
    if "." not in spec.get("group", ""):
        errors.append(_invalid("spec.group", spec.get("group", ""), "should be a domain with at least one dot"))
    if spec.get("scope") not in ("Cluster", "Namespaced"):
        errors.append(_unsupported("spec.scope", spec.get("scope", ""), ("Cluster", "Namespaced")))
    errors += _name_errors(names)
    strategy = spec.get("conversion", {}).get("strategy", "None")
    if strategy != "None":
        errors.append(_unsupported("spec.conversion.strategy", strategy, ("None",)))
    return errors + _version_errors(spec.get("versions", []))


def _name_errors(names: Mapping[str, Any]) -> list[FieldError]:
    errors = []
    for field in ("plural", "singular"):
        value = names.get(field, "")
        if value and not _LABEL.fullmatch(value):
            rule = (
                "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic"
            )
            rule += " character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123')"
            errors.append(_invalid(f"spec.names.{field}", value, rule))
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        errors.append(_invalid("spec.names.listKind", names["kind"], "kind and listKind may not be the same"))
    return errors


def _version_errors(versions: list[Mapping[str, Any]]) -> list[FieldError]:
    errors = []
    seen: set[str] = set()
    for index, version in enumerate(versions):
        path = f"spec.versions[{index}]"
        if version["name"] in seen:
            errors.append(_invalid(path + ".name", version["name"], "must contain unique version names"))
        seen.add(version["name"])
        raw = version.get("schema", {}).get("openAPIV3Schema")
        if raw is None:
            errors.append(
                FieldError(
                    path + ".schema.openAPIV3Schema",
                    "Required value: schemas are required",
                    reason="FieldValueRequired",
                )
            )
        else:
            errors += structural_errors(raw, path + ".schema.openAPIV3Schema")
        errors += _column_errors(version, path)
    if sum(bool(version.get("storage")) for version in versions) != 1:
        errors.append(
            _invalid("spec.versions", [], "must have exactly one version marked as storage version", shown="[...]")
        )
    return errors


def _column_errors(version: Mapping[str, Any], path: str) -> list[FieldError]:
    errors = []
    for index, column in enumerate(version.get("additionalPrinterColumns", ())):
        where = f"{path}.additionalPrinterColumns[{index}]"
        if column["type"] not in _COLUMN_TYPES:
            errors.append(_unsupported(where + ".type", column["type"], _COLUMN_TYPES))
        if not column["jsonPath"].startswith("."):
            rule = "must be a simple json path starting with ."
            errors.append(_invalid(where + ".jsonPath", column["jsonPath"], rule))
    return errors


def _invalid(field: str, value: Any, rule: str, *, shown: str = "") -> FieldError:
    return FieldError(field, f"Invalid value: {shown or _quoted(value)}: {rule}")


def _unsupported(field: str, value: Any, allowed: Iterable[str]) -> FieldError:
    names = ", ".join(map(_quoted, allowed))
    rule = f"Unsupported value: {_quoted(value)}: supported values: {names}"
    return FieldError(field, rule, reason="FieldValueNotSupported")


def _quoted(value: Any) -> str:
    return f'"{value}"'


def status(crd: Mapping[str, Any], others: Iterable[Mapping[str, Any]], now: str) -> dict[str, Any]:
    """Return the CRD's status: accepted names, stored versions, NamesAccepted and Established.

    ``others`` are the other CRDs, ``now`` is an RFC 3339 time. Names that another CRD of the group has taken are not
    accepted, and the CRD is then not established (its kind must not be served).
    """
    spec, old = crd["spec"], crd.get("status", {})
    taken = _taken(spec, others)
    stored = list(old.get("storedVersions", ()))
    stored += [item["name"] for item in spec["versions"] if item.get("storage") and item["name"] not in stored]
    if taken:
        accepted = _condition("NamesAccepted", "False", *taken)
        established = _condition("Established", "False", "NotAccepted", "not all names are accepted")
    else:
        accepted = _condition("NamesAccepted", "True", "NoConflicts", "no conflicts found")
        established = _condition("Established", "True", "InitialNamesAccepted", "the initial names have been accepted")
    before = {item["type"]: item for item in old.get("conditions", ())}
    return {
        "acceptedNames": old.get("acceptedNames", {"plural": "", "kind": ""}) if taken else dict(spec["names"]),
        "conditions": [_since(before.get(item["type"], {}), item, now) for item in (accepted, established)],
        "storedVersions": stored,
    }


def established(crd: Mapping[str, Any]) -> bool:
    """Whether the CRD's kind is to be served."""
    conditions = crd.get("status", {}).get("conditions", ())
    return any(item["type"] == "Established" and item["status"] == "True" for item in conditions)


def _taken(spec: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> tuple[str, str] | None:
    names = spec["names"]
    mine = {names["plural"], names.get("singular", ""), *names.get("shortNames", ())} - {""}
    kinds = {names["kind"], names.get("listKind", "")} - {""}
    for other in others:
        accepted = other.get("status", {}).get("acceptedNames", {})
        if other["spec"]["group"] != spec["group"] or other["spec"]["names"]["plural"] == names["plural"]:
            continue
        theirs = {accepted.get("plural"), accepted.get("singular"), *accepted.get("shortNames", ())}
        if clash := sorted(mine & theirs) or sorted(kinds & {accepted.get("kind"), accepted.get("listKind")}):
            return "NameConflict", f'"{clash[0]}" is already in use'
    return None


def _condition(kind: str, value: str, reason: str, message: str) -> dict[str, Any]:
    return {"type": kind, "status": value, "reason": reason, "message": message}


def _since(before: Mapping[str, Any], after: dict[str, Any], now: str) -> dict[str, Any]:
    same = before.get("status") == after["status"]
    return after | {"lastTransitionTime": before.get("lastTransitionTime", now) if same else now}
