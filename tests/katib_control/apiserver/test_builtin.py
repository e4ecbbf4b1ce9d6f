"""The table of built-in kinds, and their schemas at work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from katib_control.apiserver.builtin import BUILTINS, CrdSchema
from katib_control.apiserver.builtin_schemas import BuiltinSchema, definitions
from katib_control.apiserver.printers import PRINTERS

ROOT = Path(__file__).resolve().parents[3]
BY_KIND = {served.resource.kind: served for served in BUILTINS}


def container(**more: Any) -> dict[str, Any]:
    return {"name": "main", "image": "busybox", **more}


def job(spec: dict[str, Any] | None = None, **pod: Any) -> dict[str, Any]:
    template = {"spec": {"restartPolicy": "Never", "containers": [container()]} | pod}
    return {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "default"},
        "spec": {"template": template} | (spec or {}),
    }  # fmt: skip


def test_no_name_is_served_twice() -> None:
    places = [(served.resource.group, served.resource.plural) for served in BUILTINS]
    kinds = [served for served in BUILTINS if served.alias is None]  # a second view goes by the names of the first
    names = [name for served in kinds for name in (served.resource.plural, served.singular, *served.short_names)]
    assert len(set(places)) == len(places)
    assert len(set(names)) == len(names)


def test_every_kind_has_a_schema_and_columns() -> None:
    for served in BUILTINS:
        assert served.schema is not None
        assert served.schema.validate({"metadata": {"name": 1}})
        assert served.columns == PRINTERS[served.resource.kind].columns
        assert not served.custom


def test_every_reference_of_the_definitions_leads_somewhere() -> None:
    text = json.dumps(definitions())
    for name in text.split('{"$ref": "')[1:]:
        assert name.partition('"')[0] in definitions()


def test_the_files_are_what_the_script_writes() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "builtin_schemas.py", "--check"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, "run scripts/builtin_schemas.py and commit what it writes"


def test_nothing_is_parsed_before_it_is_needed() -> None:
    program = (
        "from katib_control.apiserver import builtin, builtin_schemas as b\n"
        "before = b.definitions.cache_info().currsize\n"
        "builtin.BUILTINS[0].schema.prune({'data': {}})\n"
        "print(before, b.definitions.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["0", "1"]


def test_an_unknown_field_of_a_container_is_told_with_its_path() -> None:
    schema = BuiltinSchema("Job")
    pruned, unknown = schema.prune(job(containers=[container(comand=["x"])]))
    assert unknown == ["spec.template.spec.containers[0].comand"]
    assert pruned == job()


def test_a_job_is_completed_with_defaults() -> None:
    filled = BuiltinSchema("Job").default(job())
    spec = filled["spec"]
    assert {key: spec[key] for key in spec if key != "template"} == {
        "backoffLimit": 6, "completionMode": "NonIndexed", "suspend": False, "parallelism": 1, "completions": 1,
    }  # fmt: skip
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 30


def test_a_work_queue_has_no_completions() -> None:
    assert "completions" not in BuiltinSchema("Job").default(job({"parallelism": 3}))["spec"]


def test_the_plain_text_of_a_secret_is_encoded_and_forgotten() -> None:
    filled = BuiltinSchema("Secret").default({"data": {"a": "eA=="}, "stringData": {"a": "y", "b": "z"}})
    assert filled == {"data": {"a": "eQ==", "b": "eg=="}, "type": "Opaque"}


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        pytest.param(job(), [], id="a plain job"),
        pytest.param(
            job(restartPolicy="Always"),
            ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
            id="a job that would restart for ever",
        ),
        pytest.param(
            job(restartPolicy="Sometimes"),
            ['spec.template.spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always",'
             ' "OnFailure", "Never"'],
            id="a restart policy that is none",
        ),
        pytest.param(
            job(containers=[]), ["spec.template.spec.containers: Required value"], id="a pod without containers"
        ),
        pytest.param(
            job(containers=[{"image": "i"}]), ["spec.template.spec.containers[0].name: Required value"],
            id="a container without a name",
        ),
        pytest.param(
            job(containers=[{"name": "main"}]), ["spec.template.spec.containers[0].image: Required value"],
            id="a container without an image",
        ),
        pytest.param(
            job(containers=[container(), container()]),
            ['spec.template.spec.containers[1].name: Duplicate value: "main"'],
            id="two containers of one name",
        ),
        pytest.param(
            job(initContainers=[container()]),
            ['spec.template.spec.containers[0].name: Duplicate value: "main"'],
            id="an init container of the same name",
        ),
        pytest.param(
            job(containers=[container(volumeMounts=[{"name": "data", "mountPath": "/data"}])]),
            ['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"'],
            id="a mount of no volume",
        ),
        pytest.param(
            job(containers=[container(env=[{"name": "", "value": "x"}])]),
            ["spec.template.spec.containers[0].env[0].name: Required value"],
            id="a variable without a name",
        ),
        pytest.param(
            job({"parallelism": -1}), ["spec.parallelism: Invalid value: -1: must be greater than or equal to 0"],
            id="negative parallelism",
        ),
        pytest.param(
            job({"completionMode": "Indexed", "parallelism": 2}),
            ["spec.completions: Required value: when completion mode is Indexed"],
            id="an indexed job without completions",
        ),
        pytest.param(
            job(containers=[container(resources={"limits": {"cpu": "much"}})]),
            ['spec.template.spec.containers[0].resources.limits.cpu: Invalid value: "much": quantities must match the'
             " regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"],
            id="a quantity that is none",
        ),
        pytest.param({"kind": "Job"}, ["spec: Required value"], id="a job without a spec"),
        pytest.param({"kind": "Job", "spec": {}}, ["spec.template: Required value"], id="a job without a template"),
        pytest.param(
            {"kind": "Pod", "spec": {"containers": "x"}},
            ['spec.containers: Invalid value: "string": spec.containers in body must be of type array: "string"'],
            id="containers of the wrong type",
        ),
        pytest.param({"kind": "Pod"}, ["spec: Required value"], id="a pod without a spec"),
        pytest.param(
            {"kind": "Secret", "data": {"a": "%"}},
            ['data.a: Invalid value: "%": data.a in body must be of type byte: "%"'],
            id="a secret that is not base64",
        ),
        pytest.param(
            {"kind": "Event", "metadata": {"namespace": "a"}, "involvedObject": {"namespace": "b"}},
            ['involvedObject.namespace: Invalid value: "b": does not match event.namespace'],
            id="an event in another namespace than its object",
        ),
        pytest.param(
            {
                "kind": "Deployment",
                "spec": {
                    "selector": {"matchLabels": {"a": "b"}},
                    "template": {"metadata": {"labels": {"a": "c"}}, "spec": {"containers": [container()]}},
                },
            },
            ['spec.template.metadata.labels: Invalid value: {"a":"c"}: `selector` does not match template `labels`'],
            id="a deployment whose pods it would not find",
        ),
    ],
)  # fmt: skip
def test_validate(obj: dict[str, Any], expected: list[str]) -> None:
    schema = BuiltinSchema(obj["kind"])
    assert [str(error) for error in schema.validate(schema.default(obj))] == expected


def test_a_bad_key_of_a_config_map_is_told_by_name() -> None:
    (error,) = BuiltinSchema("ConfigMap").validate({"data": {"a b": "x"}})
    assert error.field == "data[a b]"
    assert error.rule.startswith('Invalid value: "a b": a valid config key must consist of')


def test_a_definition_gets_the_names_that_follow_from_its_kind() -> None:
    crd = {"spec": {"names": {"kind": "Widget", "plural": "widgets"}}}
    names = CrdSchema("CustomResourceDefinition").default(crd)["spec"]["names"]
    assert names == {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"}
