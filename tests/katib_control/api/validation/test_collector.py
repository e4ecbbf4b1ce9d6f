from typing import Any

import pytest

from builders import experiment
from katib_control.api.defaults import default
from katib_control.api.validation.collector import check_collector
from katib_control.api.validation.installed import ANYTHING, Installed

PATH = "spec.metricsCollectorSpec."


def errors(kind: str, source: Any = None, installed: Installed = ANYTHING, **collector: Any) -> list[tuple[str, str]]:
    body: dict[str, Any] = {"collector": {"kind": kind, **collector}}
    if source is not None:
        body["source"] = source
    spec = default(experiment().spec(metricsCollectorSpec=body).build()).spec.metrics_collector_spec
    found = check_collector(spec, installed)
    return [(item.field.removeprefix(PATH), item.reason.removeprefix("FieldValue")) for item in found]


FILE = "source.fileSystemPath"
GOOD_FILTER = r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)"


@pytest.mark.parametrize("kind", ["StdOut", "Push", "File", "TensorFlowEvent", "PrometheusMetric"])
def test_kinds_are_complete_with_their_defaults(kind: str) -> None:
    assert errors(kind) == []


@pytest.mark.parametrize(
    ("kind", "source", "expected"),
    [
        pytest.param("StdOut", {"filter": {"metricsFormat": [GOOD_FILTER]}}, [], id="a filter with two groups"),
        pytest.param("File", {"fileSystemPath": {"path": "/a.json", "format": "JSON"}}, [], id="a JSON file"),
        pytest.param("Stdout", None, [("collector.kind", "NotSupported")], id="an unknown kind"),
        pytest.param("None", None, [("collector.kind", "NotSupported")], id="a kind of the past"),
        pytest.param(
            "StdOut",
            {"filter": {"metricsFormat": ["(a"]}},
            [("source.filter.metricsFormat[0]", "Invalid")],
            id="no regex",
        ),
        pytest.param(
            "Push",
            {"filter": {"metricsFormat": [GOOD_FILTER, "(a)"]}},
            [("source.filter.metricsFormat[1]", "Invalid")],
            id="one group, whatever the kind",
        ),
        pytest.param(
            "File", {"fileSystemPath": {"path": "a.log"}}, [(f"{FILE}.path", "Invalid")], id="a relative path"
        ),
        pytest.param(
            "File",
            {"fileSystemPath": {"kind": "Directory", "format": "XML"}},
            [(f"{FILE}.kind", "NotSupported"), (f"{FILE}.format", "NotSupported")],
            id="a file that is none",
        ),
        pytest.param(
            "File",
            {"fileSystemPath": {"format": "JSON"}, "filter": {"metricsFormat": [GOOD_FILTER]}},
            [("source.filter", "Forbidden")],
            id="a filter for JSON",
        ),
        pytest.param(
            "TensorFlowEvent",
            {"fileSystemPath": {"kind": "File", "format": "TEXT", "path": "x"}},
            [(f"{FILE}.path", "Invalid"), (f"{FILE}.kind", "NotSupported"), (f"{FILE}.format", "Forbidden")],
            id="event files that are none",
        ),
        pytest.param(
            "PrometheusMetric",
            {"httpGet": {"port": "http", "path": "metrics"}},
            [("source.httpGet.port", "Invalid"), ("source.httpGet.path", "Invalid")],
            id="a metrics page that is none",
        ),
        pytest.param("PrometheusMetric", {"httpGet": {"port": 70000}}, [("source.httpGet.port", "Invalid")], id="port"),
        pytest.param("Custom", None, [("collector.customCollector", "Required")], id="a custom one without container"),
    ],
)
def test_collector(kind: str, source: Any, expected: list[tuple[str, str]]) -> None:
    assert errors(kind, source) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param({"path": "/m", "kind": "Directory"}, [], id="a directory"),
        pytest.param(
            {"path": "m"}, [(f"{FILE}.path", "Invalid"), (f"{FILE}.kind", "Required")], id="neither file nor dir"
        ),
        pytest.param({"kind": "File"}, [(f"{FILE}.path", "Required")], id="no path"),
    ],
)
def test_custom_collector(path: Any, expected: list[tuple[str, str]]) -> None:
    assert errors("Custom", {"fileSystemPath": path}, customCollector={"image": "x"}) == expected


def test_a_kind_that_is_not_installed_is_refused_with_those_that_are() -> None:
    installed = Installed(collectors=["StdOut", "Push"])
    assert errors("StdOut", installed=installed) == []
    assert errors("File", installed=installed) == [("collector.kind", "NotSupported")]
