"""Experiment files: what is read, and what an error says."""

from __future__ import annotations

import pytest

from katib_kfp.manifests import ManifestError, load, parse

EXPERIMENT = "apiVersion: kubeflow.org/v1beta1\nkind: Experiment\nmetadata: {name: x}\n"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: templates}\n"


def test_one_experiment_is_found_among_other_documents():
    found = parse(f"{CONFIG_MAP}---\n{EXPERIMENT}---\n", "file.yaml")
    assert found.experiment["metadata"]["name"] == "x"
    assert [item["kind"] for item in found.others] == ["ConfigMap"]


def test_json_is_yaml():
    text = '{"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": {"generateName": "x-"}}'
    assert parse(text, "file.json").name == "x-"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a: [1, 2\nb: 3", "file.yaml:2:2: not YAML", id="broken YAML names line and column"),
        pytest.param("a: b: c", "file.yaml:1:5: not YAML", id="a colon too many names line and column"),
        pytest.param("", "found nothing", id="an empty file holds no Experiment"),
        pytest.param("- 1", "a Kubernetes object is a mapping", id="a list is no object"),
        pytest.param("kind: Experiment", "apiVersion is missing", id="no apiVersion"),
        pytest.param("apiVersion: v1\nkind: Pod\nmetadata: {name: x}", "found Pod", id="another kind"),
        pytest.param(f"{EXPERIMENT}---\n{EXPERIMENT}", "found Experiment, Experiment", id="two Experiments"),
        pytest.param(EXPERIMENT.replace("v1beta1", "v1alpha3"), "must be kubeflow.org/v1beta1", id="an old version"),
        pytest.param("apiVersion: kubeflow.org/v1beta1\nkind: Experiment", "metadata.name is missing", id="no name"),
        pytest.param("a: \x00", "file.yaml", id="control characters"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text, message):
    with pytest.raises(ManifestError) as caught:
        parse(text, "file.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named():
    with pytest.raises(ManifestError, match=r"nowhere\.yaml: cannot be read: No such file"):
        load("nowhere.yaml")


def test_a_dash_is_standard_input():
    assert load("-", stdin=lambda: EXPERIMENT).experiment["kind"] == "Experiment"
