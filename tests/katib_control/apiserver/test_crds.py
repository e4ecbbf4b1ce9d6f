"""CustomResourceDefinitions: what they serve, what is refused, what their status says."""

from __future__ import annotations

from typing import Any

import pytest

from katib_control.apiserver import crds
from katib_control.apiserver.builtin import CrdSchema
from katib_control.apiserver.crds import established, served_types, status

NOW, LATER = "2026-01-31T12:00:00Z", "2026-01-31T13:00:00Z"
SCHEMA = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer"}}}}}


def version(name: str = "v1", **more: Any) -> dict[str, Any]:
    return {"name": name, "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}} | more


def crd(*versions: dict[str, Any], names: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    plain = {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"}
    whole = {"group": "example.com", "scope": "Namespaced", "names": plain | (names or {})} | spec
    whole["versions"] = list(versions) or [version()]
    name = f"{whole['names']['plural']}.{whole['group']}"
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name},
        "spec": whole,
    }  # fmt: skip


def test_a_served_type_has_what_the_definition_says() -> None:
    column = {"name": "N", "type": "integer", "jsonPath": ".spec.n", "priority": 1}
    (served,) = served_types(
        crd(
            version(subresources={"status": {}}, additionalPrinterColumns=[column]),
            names={"shortNames": ["wi"], "categories": ["all"]},
        )
    )
    assert served.resource.root == "/apis/example.com/v1"
    assert (served.resource.plural, served.resource.kind, served.singular) == ("widgets", "Widget", "widget")
    assert (served.list_kind, served.short_names, served.categories) == ("WidgetList", ("wi",), ("all",))
    assert (served.has_status, served.custom, served.resource.namespaced) == (True, True, True)
    assert [(item.name, item.json_path, item.priority) for item in served.columns] == [("N", ".spec.n", 1)]
    assert served.schema is not None
    assert served.schema.prune({"spec": {"n": 1, "m": 2}}) == ({"spec": {"n": 1}}, ["spec.m"])


def test_without_columns_the_age_is_shown() -> None:
    (served,) = served_types(crd())
    assert [column.name for column in served.columns] == ["Age"]


def test_versions_that_are_served_the_preferred_first_all_stored_as_one() -> None:
    found = served_types(
        crd(
            version("v1alpha1", storage=False), version("v1", storage=False), version("v2beta1"),
            version("v3", served=False, storage=False),
        )
    )  # fmt: skip
    assert [served.resource.version for served in found] == ["v1", "v2beta1", "v1alpha1"]
    assert {served.storage_version for served in found} == {"v2beta1"}


def test_rules_of_cel_are_not_evaluated_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    raw = {"type": "object", "x-kubernetes-validations": [{"rule": "true"}]}
    served_types(crd(version(schema={"openAPIV3Schema": raw})))
    assert "x-kubernetes-validations of example.com/Widget" in caplog.text


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        pytest.param(crd(), [], id="a plain one"),
        pytest.param(
            crd() | {"metadata": {"name": "x"}},
            ['metadata.name: Invalid value: "x": must be spec.names.plural+"."+spec.group'],
            id="a name that does not follow from the spec",
        ),
        pytest.param(
            crd(group="plain"), ['spec.group: Invalid value: "plain": should be a domain with at least one dot'],
            id="a group without a dot",
        ),
        pytest.param(
            crd(scope="Galaxy"),
            ['spec.scope: Unsupported value: "Galaxy": supported values: "Cluster", "Namespaced"'], id="a scope",
        ),
        pytest.param(
            crd(names={"listKind": "Widget"}),
            ['spec.names.listKind: Invalid value: "Widget": kind and listKind may not be the same'],
            id="a list that is named like its items",
        ),
        pytest.param(
            crd(conversion={"strategy": "Webhook"}),
            ['spec.conversion.strategy: Unsupported value: "Webhook": supported values: "None"'],
            id="conversion by a webhook",
        ),
        pytest.param(
            crd(version("v1"), version("v1", storage=False)),
            ['spec.versions[1].name: Invalid value: "v1": must contain unique version names'], id="a version twice",
        ),
        pytest.param(
            crd(version(storage=False)),
            ["spec.versions: Invalid value: [...]: must have exactly one version marked as storage version"],
            id="nothing is stored",
        ),
        pytest.param(
            crd({"name": "v1", "served": True, "storage": True}),
            ["spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required"], id="no schema",
        ),
        pytest.param(
            crd(version(additionalPrinterColumns=[{"name": "N", "type": "text", "jsonPath": "spec"}])),
            [
                'spec.versions[0].additionalPrinterColumns[0].type: Unsupported value: "text": supported values:'
                ' "integer", "number", "string", "boolean", "date"',
                'spec.versions[0].additionalPrinterColumns[0].jsonPath: Invalid value: "spec": must be a simple json'
                " path starting with .",
            ],
            id="a column",
        ),
    ],
)  # fmt: skip
def test_check(bad: dict[str, Any], expected: list[str]) -> None:
    assert [str(error) for error in crds.check(bad)] == expected


def test_the_schema_of_definitions_finds_missing_parts_before_the_rules_are_asked() -> None:
    found = CrdSchema("CustomResourceDefinition").validate({"metadata": {"name": "x"}, "spec": {"group": "a.b"}})
    assert [str(error) for error in found] == [
        "spec.names: Required value",
        "spec.scope: Required value",
        "spec.versions: Required value",
    ]


def test_a_new_definition_is_established() -> None:
    made = status(crd(), [], NOW)
    assert made["acceptedNames"] == crd()["spec"]["names"]
    assert made["storedVersions"] == ["v1"]
    assert [(item["type"], item["status"]) for item in made["conditions"]] == [
        ("NamesAccepted", "True"), ("Established", "True"),
    ]  # fmt: skip
    assert established(crd() | {"status": made})
    assert not established(crd())


def test_the_time_of_a_condition_moves_only_with_its_status() -> None:
    first = crd() | {"status": status(crd(), [], NOW)}
    assert {item["lastTransitionTime"] for item in status(first, [], LATER)["conditions"]} == {NOW}


def test_versions_that_were_stored_once_are_remembered() -> None:
    first = crd() | {"status": status(crd(), [], NOW)}
    second = crd(version("v1", storage=False), version("v2")) | {"status": first["status"]}
    assert status(second, [], LATER)["storedVersions"] == ["v1", "v2"]


@pytest.mark.parametrize(
    ("names", "clash"),
    [
        pytest.param({"plural": "others", "singular": "other", "kind": "Widget", "listKind": "L"}, "Widget", id="kind"),
        pytest.param(
            {"plural": "others", "singular": "widget", "kind": "Other", "listKind": "L"}, "widget", id="singular"
        ),
    ],
)
def test_a_name_that_another_definition_has_is_not_accepted(names: dict[str, Any], clash: str) -> None:
    other = crd() | {"status": status(crd(), [], NOW)}
    made = status(crd(names=names), [other], NOW)
    accepted, up = made["conditions"]
    assert (accepted["status"], accepted["reason"]) == ("False", "NameConflict")
    assert accepted["message"] == f'"{clash}" is already in use'
    assert (up["type"], up["status"]) == ("Established", "False")


def test_the_same_names_in_another_group_are_fine() -> None:
    other = crd() | {"status": status(crd(), [], NOW)}
    assert status(crd(group="other.com"), [other], NOW)["conditions"][1]["status"] == "True"
