"""What runs inside a component's container. Imports no kfp decorators: kfp refuses them there.

A component's function builds ``Request``, ``Waiting`` and ``Where`` from its inputs and calls one of the steps;
``values`` turns what comes back into the tuple of its outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from katib_kfp.runtime import outputs
from katib_kfp.runtime.errors import StepFailed
from katib_kfp.runtime.outputs import Artifacts
from katib_kfp.runtime.place import Where
from katib_kfp.runtime.results import Results
from katib_kfp.runtime.steps import (
    Request,
    Waiting,
    create_experiment,
    delete_experiment,
    get_best_hyperparameters,
    tune,
    wait_for_experiment,
)

__all__ = [
    "Artifacts",
    "Request",
    "Results",
    "Waiting",
    "Where",
    "artifact_argument",
    "create_experiment",
    "delete_experiment",
    "get_best_hyperparameters",
    "tune",
    "typed",
    "values",
    "wait_for_experiment",
]


def values(results: Results) -> tuple[Any, ...]:
    """Return the parameter outputs in their order."""
    return tuple(outputs.parameters(results).values())


def typed(results: Results, names: Sequence[str]) -> tuple[Any, ...]:
    """Return the best value of each of these parameters; fail the step when there is no best trial."""
    if results.best is None:
        raise StepFailed(results.failure)
    return tuple(results.best.parameters[name] for name in names)


def artifact_argument(artifact: Any) -> dict[str, Any] | None:
    """Return an input artifact as a fixed argument that a trial turns into an artifact again; None for none."""
    if artifact is None:
        return None
    return {
        "$artifact": {
            "name": artifact.name,
            "uri": artifact.uri,
            "path": artifact.path,
            "metadata": dict(artifact.metadata),
        }
    }
