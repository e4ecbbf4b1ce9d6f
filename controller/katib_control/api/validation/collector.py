"""How metrics are collected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from katib_control.api.collector import COLLECTOR_KINDS, FileSystemPath, MetricsCollectorSpec
from katib_control.api.errors import FieldError
from katib_control.api.validation.installed import Installed, one_of

_PATH = "spec.metricsCollectorSpec"
_FILE = f"{_PATH}.source.fileSystemPath"


def check_collector(spec: MetricsCollectorSpec | None, installed: Installed) -> Iterator[FieldError]:
    """The kind, what the kind needs, and the filters."""
    if spec is None:
        return
    if spec.kind not in COLLECTOR_KINDS:
        yield one_of(f"{_PATH}.collector.kind", spec.kind, COLLECTOR_KINDS)
    elif installed.collectors is not None and spec.kind not in installed.collectors:
        yield one_of(f"{_PATH}.collector.kind", spec.kind, installed.collectors)
    if check := _BY_KIND.get(spec.kind):
        yield from check(spec)
    yield from _filters(spec)


def _path(spec: MetricsCollectorSpec) -> FileSystemPath:
    found = spec.source.file_system_path if spec.source else None
    return found or FileSystemPath()


def _absolute(path: str) -> Iterator[FieldError]:
    if not path:
        yield FieldError(f"{_FILE}.path", "must be given", None, "FieldValueRequired")
    elif not path.startswith("/"):
        yield FieldError(f"{_FILE}.path", "must be an absolute path", path)


def _file(spec: MetricsCollectorSpec) -> Iterator[FieldError]:
    path = _path(spec)
    yield from _absolute(path.path)
    if path.kind != "File":
        yield one_of(f"{_FILE}.kind", path.kind, ("File",))
    if path.format not in ("TEXT", "JSON"):
        yield one_of(f"{_FILE}.format", path.format, ("TEXT", "JSON"))
    if path.format == "JSON" and spec.filters:
        rule = "is for the format TEXT: leave it out"
        yield FieldError(f"{_PATH}.source.filter", rule, None, "FieldValueForbidden")


def _events(spec: MetricsCollectorSpec) -> Iterator[FieldError]:
    path = _path(spec)
    yield from _absolute(path.path)
    if path.kind != "Directory":
        yield one_of(f"{_FILE}.kind", path.kind, ("Directory",))
    if path.format:
        rule = "is for the collector File: leave it out"
        yield FieldError(f"{_FILE}.format", rule, path.format, "FieldValueForbidden")


def _prometheus(spec: MetricsCollectorSpec) -> Iterator[FieldError]:
    http = (spec.source.http_get if spec.source else None) or {}
    port, path = http.get("port"), http.get("path")
    whole = str(port).isascii() and str(port).isdigit()
    if not whole or not 0 < int(str(port)) < 65536:
        yield FieldError(f"{_PATH}.source.httpGet.port", "must be a number from 1 to 65535", port)
    if not str(path or "").startswith("/"):
        yield FieldError(f"{_PATH}.source.httpGet.path", "must start with '/'", path)


def _custom(spec: MetricsCollectorSpec) -> Iterator[FieldError]:
    if spec.collector is None or not spec.collector.custom_collector:
        rule = "give the container that collects"
        yield FieldError(f"{_PATH}.collector.customCollector", rule, None, "FieldValueRequired")
    if spec.source and spec.source.file_system_path:
        path = _path(spec)
        yield from _absolute(path.path)
        if path.kind not in ("File", "Directory"):
            yield one_of(f"{_FILE}.kind", path.kind, ("File", "Directory"))


def _filters(spec: MetricsCollectorSpec) -> Iterator[FieldError]:
    for index, text in enumerate(spec.filters):
        here = f"{_PATH}.source.filter.metricsFormat[{index}]"
        try:
            groups = re.compile(text).groups
        except re.error as error:
            yield FieldError(here, f"is no valid regular expression: {error}", text)
            continue
        if groups < 2:
            yield FieldError(here, "must have two groups in brackets: the metric's name, then its value", text)


_BY_KIND: Mapping[str, Callable[[MetricsCollectorSpec], Iterator[FieldError]]] = {
    "File": _file,
    "TensorFlowEvent": _events,
    "PrometheusMetric": _prometheus,
    "Custom": _custom,
}
