from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import experiment
from katib_control.api.errors import TemplateError
from katib_control.api.experiment import ExperimentSpec
from katib_control.api.template import placeholders, render

POINT = {"lr": "0.02", "layers": "3", "opt": "16", "bs": "32"}


def spec_of(trial_spec: dict[str, Any] | None, **references: str) -> ExperimentSpec:
    """Four parameters; each one that ``references`` does not name is declared under its own name."""
    builder = experiment("x").double("lr", 0.01, 0.1).int("layers", 1, 5).categorical("opt", "16", "a")
    builder = builder.discrete("bs", 16, 32)
    declared = [{"name": name, "reference": reference} for name, reference in references.items()]
    builder = builder.trial_template(trialParameters=declared)
    return (builder.template(trial_spec) if trial_spec else builder.config_map("t", "k")).build().spec


def fill(kind: str, value: Any, name: str = "layers", **assignments: str) -> Any:
    """Render ``spec`` of a run object of this apiVersion/kind with one parameter and return it."""
    api_version, _, kind = kind.rpartition("/")
    spec = spec_of({"apiVersion": api_version, "kind": kind, "spec": value}, p=name)
    return render(spec, assignments or {name: POINT[name]}, name="x-1", namespace="ns")["spec"]


P = "${trialParameters.p}"


@pytest.mark.parametrize(
    ("kind", "value", "parameter", "expected"),
    [
        pytest.param("batch/v1/Job", {"backoffLimit": P}, "layers", {"backoffLimit": 3}, id="a number field of a Job"),
        pytest.param("batch/v1/Job", {"backoffLimit": P}, "opt", {"backoffLimit": 16}, id="by the field, not the type"),
        pytest.param("batch/v1/Job", {"image": P}, "layers", {"image": "3"}, id="a text field of a Job stays text"),
        pytest.param("batch/v1/Job", {"args": ["-n", P]}, "layers", {"args": ["-n", "3"]}, id="an argument stays text"),
        pytest.param(
            "batch/v1/Job",
            {"env": [{"name": "N", "value": P}]},
            "layers",
            {"env": [{"name": "N", "value": "3"}]},
            id="a variable stays text",
        ),
        pytest.param("example.com/v1/Thing", {"n": P}, "layers", {"n": 3}, id="an int in a custom resource"),
        pytest.param("example.com/v1/Thing", {"n": P}, "lr", {"n": 0.02}, id="a double in a custom resource"),
        pytest.param(
            "example.com/v1/Thing", {"n": [P]}, "bs", {"n": [32]}, id="a discrete number in a custom resource"
        ),
        pytest.param(
            "example.com/v1/Thing", {"n": P}, "opt", {"n": "16"}, id="a categorical is text, whatever it looks like"
        ),
        pytest.param("example.com/v1/Thing", {"n": f"{P}x"}, "layers", {"n": "3x"}, id="part of a text is text"),
        pytest.param("example.com/v1/Thing", {"args": [P]}, "layers", {"args": ["3"]}, id="args of any kind are text"),
        pytest.param(
            "tekton.dev/v1/PipelineRun",
            {"params": [{"name": "n", "value": P}]},
            "layers",
            {"params": [{"name": "n", "value": "3"}]},
            id="the value of a name/value pair is text",
        ),
        pytest.param(
            "kubeflow.org/v1/PyTorchJob",
            {
                "Worker": {
                    "replicas": P,
                    "template": {"spec": {"containers": [{"image": P, "ports": [{"hostPort": P}]}]}},
                }
            },
            "layers",
            {
                "Worker": {
                    "replicas": 3,
                    "template": {"spec": {"containers": [{"image": "3", "ports": [{"hostPort": 3}]}]}},
                }
            },
            id="a Pod template inside a custom resource follows Kubernetes",
        ),
        pytest.param(
            "example.com/v1/Thing", {P: {"a": None, "b": True}}, "opt", {"16": {"a": None, "b": True}}, id="a name"
        ),
    ],
)
def test_the_type_of_a_whole_value(kind: str, value: Any, parameter: str, expected: Any) -> None:
    found = fill(kind, value, parameter)
    assert repr(found) == repr(expected)


def test_a_boolean_field_of_a_pod_takes_true() -> None:
    assert fill("v1/Pod", {"hostNetwork": P}, "opt", opt="true") == {"hostNetwork": True}


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        pytest.param("replicas", "1e400", "1e400", id="a number out of range stays text"),
        pytest.param("replicas", "many", "many", id="what is no number stays text"),
        pytest.param("port", "http", "http", id="a named port stays text"),
        pytest.param("replicas", "2.5", 2.5, id="a real number"),
    ],
)
def test_odd_values_in_number_fields(field: str, value: str, expected: Any) -> None:
    assert fill("apps/v1/Deployment", {field: P}, "opt", opt=value) == {field: expected}


def test_the_run_is_named_and_placed() -> None:
    spec = spec_of({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"labels": {"a": P}}, "spec": {}}, p="layers")
    run = render(spec, {"layers": "3"}, name="x-1", namespace="ns")
    assert run["metadata"] == {"labels": {"a": "3"}, "name": "x-1", "namespace": "ns"}


def test_the_template_is_left_as_it_was() -> None:
    spec = spec_of({"apiVersion": "batch/v1", "kind": "Job", "spec": {"image": P}}, p="layers")
    before = spec.to_dict()
    render(spec, {"layers": "3"}, name="x-1", namespace="ns")
    assert spec.to_dict() == before


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        pytest.param("${trialSpec.Name}", "x-1", id="the trial's name"),
        pytest.param("${trialSpec.Namespace}", "ns", id="its namespace"),
        pytest.param("${trialSpec.Kind}", "Job", id="the template's kind"),
        pytest.param("${trialSpec.APIVersion}", "batch/v1", id="the template's apiVersion"),
        pytest.param("${trialSpec.Labels[a.b/c]}", "label", id="a label of the template"),
        pytest.param("${trialSpec.Annotations[note]}", "annotation", id="an annotation of the template"),
    ],
)
def test_references_to_the_trial(reference: str, expected: str) -> None:
    metadata = {"labels": {"a.b/c": "label"}, "annotations": {"note": "annotation"}}
    spec = spec_of({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"x": P}}, p=reference)
    assert render(spec, {}, name="x-1", namespace="ns")["spec"] == {"x": expected}


@pytest.mark.parametrize(
    ("template", "references", "assignments", "problem"),
    [
        pytest.param(
            {"x": "${trialParameters.q}"}, {"p": "lr"}, {"lr": "1"}, "did you mean 'p'|there is 'p'", id="unknown"
        ),
        pytest.param(
            {"x": "${trialParameters.layer}"}, {"layers": "layers"}, {"layers": "1"}, "did you mean 'layers'", id="near"
        ),
        pytest.param({"x": P}, {"p": "lr"}, {}, "refers to 'lr': there is none", id="no value"),
        pytest.param({"x": P}, {"p": "lr"}, {"lr": "1", "bs": "16"}, "refers to the parameter 'bs'", id="not declared"),
        pytest.param({"x": "y"}, {"p": "lr"}, {"lr": "1"}, "never uses", id="declared and not used"),
        pytest.param(
            {"x": P}, {"p": "${trialSpec.Labels}"}, {}, r"needs a key: \${trialSpec.Labels\[key\]}", id="no key"
        ),
        pytest.param(
            {"x": P}, {"p": "${trialSpec.Labels[z]}"}, {}, "no such entry in metadata.labels", id="no such label"
        ),
        pytest.param({"x": P}, {"p": "${trialSpec.Nam}"}, {}, "is not known", id="an unknown reference"),
    ],
)
def test_refuses(template: Any, references: dict[str, str], assignments: dict[str, str], problem: str) -> None:
    spec = spec_of({"apiVersion": "example.com/v1", "kind": "Thing", "spec": template}, **references)
    with pytest.raises(TemplateError, match=problem):
        render(spec, assignments, name="x-1", namespace="ns")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("- a", id="a list"),
        pytest.param("", id="nothing"),
        pytest.param("kind: Job", id="no apiVersion"),
    ],
)
def test_refuses_what_is_no_object(text: str) -> None:
    with pytest.raises(TemplateError, match="apiVersion and kind"):
        render(spec_of(None), {}, name="x-1", namespace="ns", text=text)


def test_a_text_template_is_typed_as_yaml_would() -> None:
    text = """
apiVersion: example.com/v1
kind: Thing
spec:
  bare: ${trialParameters.p}
  quoted: "${trialParameters.p}"
  args: [--n, ${trialParameters.p}]
  env:
  - name: N
    value: ${trialParameters.p}
"""
    run = render(spec_of(None, p="layers"), {"layers": "3"}, name="x-1", namespace="ns", text=text)
    expected = {"bare": 3, "quoted": "3", "args": ["--n", "3"], "env": [{"name": "N", "value": "3"}]}
    assert repr(run["spec"]) == repr(expected)


@given(st.text())
def test_a_value_never_changes_the_shape_of_a_text_template(value: str) -> None:
    text = 'apiVersion: e.com/v1\nkind: T\nspec: {"a": "${trialParameters.p}", b: ${trialParameters.p}x, c: [1]}'
    run = render(spec_of(None, p="opt"), {"opt": value}, name="x-1", namespace="ns", text=text)
    assert run["spec"]["a"] == value
    assert run["spec"]["c"] == [1]
    assert list(run["spec"]) == ["a", "b", "c"]


@given(st.text())
def test_a_value_never_changes_the_shape_of_an_inline_template(value: str) -> None:
    assert fill("batch/v1/Job", {"args": [P, f"a={P}"]}, "opt", opt=value) == {"args": [value, f"a={value}"]}


def test_placeholders_are_found_in_names_and_values() -> None:
    tree = {
        "${trialParameters.a}": ["${trialParameters.b}-${trialParameters.a}", 1, None, {"c": "${trialParameters.c d}"}]
    }
    assert placeholders(tree) == ["a", "b", "c d"]
