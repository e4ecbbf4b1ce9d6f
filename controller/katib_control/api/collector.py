"""How metrics get from a run to its Trial."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from katib_control.api.model import Model, one_of

COLLECTOR_KINDS = ("StdOut", "File", "TensorFlowEvent", "PrometheusMetric", "Custom", "Push")


class FileSystemPath(Model):
    """Where a collector finds metrics inside the pod."""

    path: str = ""
    kind: Annotated[str, one_of(("File", "Directory"))] = ""
    format: Annotated[str, one_of(("TEXT", "JSON"))] = ""


class FilterSpec(Model):
    """Regular expressions with two groups: metric name, metric value."""

    metrics_format: list[str] = Field(default_factory=list)


class SourceSpec(Model):
    """Where metrics come from."""

    http_get: dict[str, Any] | None = None
    file_system_path: FileSystemPath | None = None
    filter: FilterSpec | None = None


class CollectorSpec(Model):
    """Who reads metrics."""

    kind: Annotated[str, one_of(COLLECTOR_KINDS)] = ""
    custom_collector: dict[str, Any] | None = None


class MetricsCollectorSpec(Model):
    """How metrics get from a run to its Trial."""

    source: SourceSpec | None = None
    collector: CollectorSpec | None = None

    @property
    def kind(self) -> str:
        """The collector's kind; StdOut where nothing is said."""
        return (self.collector.kind if self.collector else "") or "StdOut"

    @property
    def filters(self) -> tuple[str, ...]:
        """The regular expressions asked for; empty means the default one."""
        given = self.source.filter if self.source else None
        return tuple(given.metrics_format) if given else ()
