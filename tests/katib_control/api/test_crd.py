import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from builders import experiment, suggestion, trial
from katib_control.api.crd import crds
from katib_control.api.defaults import default
from katib_control.api.descriptions import FIELDS
from katib_control.api.model import Model

CRDS = {crd["spec"]["names"]["kind"]: crd for crd in crds()}
KINDS = ["Experiment", "Suggestion", "Trial"]
PRESERVE = "x-kubernetes-preserve-unknown-fields"


def version(kind: str) -> dict[str, Any]:
    (found,) = CRDS[kind]["spec"]["versions"]
    return found  # type: ignore[no-any-return]  # JSON


def schema(kind: str) -> dict[str, Any]:
    return version(kind)["schema"]["openAPIV3Schema"]  # type: ignore[no-any-return]  # JSON


def nodes(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema inside a schema, with its path."""
    yield path, node
    for name, inner in node.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in node:
            yield from nodes(node[name], f"{path}.{name}")


@pytest.mark.parametrize("kind", KINDS)
def test_names(kind: str) -> None:
    plural = f"{kind.lower()}s"
    assert CRDS[kind]["metadata"] == {"name": f"{plural}.kubeflow.org"}
    assert CRDS[kind]["spec"]["group"] == "kubeflow.org"
    assert CRDS[kind]["spec"]["scope"] == "Namespaced"
    assert CRDS[kind]["spec"]["names"] == {
        "plural": plural,
        "singular": kind.lower(),
        "kind": kind,
        "listKind": f"{kind}List",
        "categories": ["all", "kubeflow", "katib"],
    }
    assert (version(kind)["name"], version(kind)["served"], version(kind)["storage"]) == ("v1beta1", True, True)
    assert version(kind)["subresources"] == {"status": {}}


STATE = [("Type", "string", ".status.conditions[-1:].type"), ("Status", "string", ".status.conditions[-1:].status")]
AGE = [("Age", "date", ".metadata.creationTimestamp")]
COUNTS = [("Requested", "string", ".spec.requests"), ("Assigned", "string", ".status.suggestionCount")]


@pytest.mark.parametrize(
    ("kind", "columns"),
    [("Experiment", STATE + AGE), ("Trial", STATE + AGE), ("Suggestion", STATE + COUNTS + AGE)],
)
def test_printer_columns_are_katibs(kind: str, columns: list[tuple[str, str, str]]) -> None:
    found = version(kind)["additionalPrinterColumns"]
    assert [(item["name"], item["type"], item["jsonPath"]) for item in found] == columns


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_structural(kind: str) -> None:
    allowed = {
        "type", "description", "properties", "items", "additionalProperties", "enum", "minimum", "format", "required",
        PRESERVE,
    }  # fmt: skip
    for path, node in nodes(schema(kind)):
        assert set(node) <= allowed, path
        assert node.get("type") or node.get(PRESERVE), path
        assert not {"properties", "additionalProperties"} <= set(node), path
        assert ("items" in node) == (node.get("type") == "array"), path


@pytest.mark.parametrize("kind", KINDS)
def test_no_level_of_ours_keeps_unknown_fields(kind: str) -> None:
    loose = {path for path, node in nodes(schema(kind)) if node.get(PRESERVE)}
    collector = (".source.httpGet", ".collector.customCollector")
    numbers = [f".feasibleSpace.{name}" for name in ("min", "max", "step", "list.items")]
    spaces = (".spec.parameters.items", ".spec.nasConfig.operations.items.parameters.items")
    expected = {
        "Experiment": {
            ".spec.trialTemplate.trialSpec",
            *(f".spec.metricsCollectorSpec{name}" for name in collector),
            *(space + name for space in spaces for name in numbers),
        },
        "Suggestion": set(),
        "Trial": {".spec.runSpec", *(f".spec.metricsCollector{name}" for name in collector)},
    }
    assert loose == expected[kind]


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (".spec.objective.type", ["minimize", "maximize", ""]),
        (".spec.parameters.items.parameterType", ["double", "int", "discrete", "categorical", "unknown", ""]),
        (".spec.resumePolicy", ["Never", "LongRunning", "FromVolume", ""]),
        (
            ".spec.metricsCollectorSpec.collector.kind",
            ["StdOut", "File", "TensorFlowEvent", "PrometheusMetric", "Custom", "Push", ""],
        ),
    ],
)
def test_enumerations_are_listed(path: str, values: list[str]) -> None:
    assert dict(nodes(schema("Experiment")))[path]["enum"] == values


def test_free_maps_of_strings_stay_maps() -> None:
    found = dict(nodes(schema("Experiment")))
    assert found[".spec.trialTemplate.primaryPodLabels"]["additionalProperties"] == {"type": "string"}


def test_descriptions_come_from_the_types() -> None:
    assert schema("Trial")["description"] == "One point of the search space, run once."


def test_metadata_is_left_to_kubernetes() -> None:
    assert schema("Experiment")["properties"]["metadata"] == {"type": "object"}


def test_every_call_gives_a_copy() -> None:
    crds()[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"].clear()
    assert crds()[0] == CRDS["Experiment"]


def test_they_are_plain_json() -> None:
    assert json.loads(json.dumps(list(CRDS.values()))) == list(CRDS.values())


def closed(node: Any) -> Any:
    """The same schema for a validator that refuses unknown fields."""
    if isinstance(node, dict):
        inner = {name: closed(value) for name, value in node.items()}
        return {**inner, "additionalProperties": False} if isinstance(node.get("properties"), dict) else inner
    return [closed(item) for item in node] if isinstance(node, list) else node


RUNNING = (
    experiment("x").int("n", 1, 3).max_trials(3).condition("Created").condition("Running", at="2026-01-31T12:00:00Z")
)


@pytest.mark.parametrize(
    ("kind", "obj"),
    [
        pytest.param("Experiment", default(RUNNING.build()).to_dict(), id="an Experiment with defaults"),
        pytest.param("Experiment", RUNNING.parameter("lr", "double").to_dict(), id="an Experiment without"),
        pytest.param("Trial", trial().of(RUNNING.build()).assign(n=1).succeeded(loss=1).to_dict(), id="a Trial"),
        pytest.param("Trial", trial().run({"kind": "Job", "any": [None]}).running().to_dict(), id="a Trial that runs"),
        pytest.param("Suggestion", suggestion().of(RUNNING.build()).points({"n": 1}).to_dict(), id="a Suggestion"),
    ],
)
def test_objects_fit(kind: str, obj: dict[str, Any]) -> None:
    jsonschema_rs.validator_for(closed(schema(kind))).validate(obj)


def test_numbers_fit_where_files_have_them() -> None:
    obj = experiment("x").to_dict()
    obj["spec"]["parameters"][0]["feasibleSpace"] = {"min": 1, "max": 0.5, "step": "1", "list": [1, 2.5, "a"]}
    jsonschema_rs.validator_for(closed(schema("Experiment"))).validate(obj)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(("maxTrialCount",), 0, id="a count below its least"),
        pytest.param(("maxTrialCount",), "3", id="a number as text"),
        pytest.param(("objective", "type"), "best", id="no value of an enumeration"),
        pytest.param(("objetive",), {}, id="an unknown field"),
        pytest.param(("parameters",), {}, id="an object instead of a list"),
    ],
)
def test_wrong_objects_do_not_fit(path: tuple[str, ...], value: Any) -> None:
    obj = experiment("x").to_dict()
    here = obj["spec"]
    for name in path[:-1]:
        here = here[name]
    here[path[-1]] = value
    assert not jsonschema_rs.validator_for(closed(schema("Experiment"))).is_valid(obj)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_says_in_one_sentence_what_it_is(kind: str) -> None:
    for path, node in nodes(schema(kind)):
        for name, inner in node.get("properties", {}).items():
            if (path, name) != ("", "metadata"):  # the server has words of its own for it
                text = inner.get("description", "")
                assert text.endswith("."), f"{path}.{name}: {text!r}"
                assert "\n" not in text, f"{path}.{name}: {text!r}"


def test_no_field_is_described_that_is_not_there() -> None:
    types = {found.__name__: found for found in _subclasses(Model)}
    for name, texts in FIELDS.items():
        wire = {field.alias or key for key, field in types[name].model_fields.items()}
        assert set(texts) <= wire, name


def _subclasses(of: type[Model]) -> Iterator[type[Model]]:
    for found in of.__subclasses__():
        yield found
        yield from _subclasses(found)
