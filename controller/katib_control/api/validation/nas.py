"""Neural architecture search: graph and operations."""

from __future__ import annotations

from collections.abc import Iterator

from katib_control.api.errors import FieldError
from katib_control.api.experiment import NasConfig
from katib_control.api.validation.parameters import check_parameters

_PATH = "spec.nasConfig"


def check_nas(config: NasConfig | None) -> Iterator[FieldError]:
    """Sizes of the graph, and each operation with its parameters."""
    if config is None:
        return
    graph = config.graph_config
    if graph.num_layers is not None and graph.num_layers < 1:
        yield FieldError(f"{_PATH}.graphConfig.numLayers", "must be at least 1", graph.num_layers)
    for name, sizes in (("inputSizes", graph.input_sizes), ("outputSizes", graph.output_sizes)):
        for index, size in enumerate(sizes):
            if size < 1:
                yield FieldError(f"{_PATH}.graphConfig.{name}[{index}]", "must be at least 1", size)
    if not config.operations:
        yield FieldError(f"{_PATH}.operations", "name at least one operation", None, "FieldValueRequired")
    for index, operation in enumerate(config.operations):
        here = f"{_PATH}.operations[{index}]"
        if not operation.operation_type:
            yield FieldError(f"{here}.operationType", "must not be empty", None, "FieldValueRequired")
        yield from check_parameters(operation.parameters, f"{here}.parameters")
