"""Results as the outputs of a KFP component: parameters that every KFP accepts, and three artifacts.

Only finite numbers and no ``None`` are ever given to KFP: clusters refuse both, for parameters and for metadata alike.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from katib_control.kube.client import Client
from katib_kfp.runtime.names import executor_input
from katib_kfp.runtime.results import Results, read_logs

PARAMETERS = (
    "best_hyperparameters",
    "best_hyperparameters_json",
    "best_arguments",
    "best_objective_value",
    "best_trial_name",
    "status",
    "experiment_name",
    "experiment_namespace",
)
"""Parameter outputs of ``tune``, ``wait_for_experiment`` and ``get_best_hyperparameters``, in their order."""


class OutputArtifact(Protocol):
    """What is used of ``kfp.dsl.Artifact``."""

    path: str
    metadata: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Artifacts:
    """The output artifacts of a step."""

    trials: OutputArtifact
    metrics: OutputArtifact
    report: OutputArtifact


def parameters(results: Results) -> dict[str, Any]:
    """Return the parameter outputs; without a best trial they are empty and the value is 0.0, as KFP knows no null."""
    best, metadata = results.best, results.experiment.metadata
    return {
        "best_hyperparameters": dict(best.parameters) if best else {},
        "best_hyperparameters_json": best.json if best else "{}",
        "best_arguments": best.arguments if best else [],
        "best_objective_value": finite(best.value if best else None),
        "best_trial_name": best.name if best else "",
        "status": results.status,
        "experiment_name": metadata.name,
        "experiment_namespace": metadata.namespace,
    }


def finite(value: float | None) -> float:
    """Return the number, or 0.0 for what is none."""
    return float(value) if value is not None and math.isfinite(value) else 0.0


def metric_metadata(results: Results) -> dict[str, float]:
    """Return what the KFP UI shows as metrics: the best value of each metric, and how many trials there were."""
    status, best = results.experiment.status, results.best
    found = {f"best_{name}": value for name, value in best.metrics.items()} if best else {}
    counts = {
        "trials": status.trials,
        "trials_succeeded": status.trials_succeeded,
        "trials_failed": status.trials_failed + status.trial_metrics_unavailable,
        "trials_early_stopped": status.trials_early_stopped,
    }
    return {name: value for name, value in {**found, **counts}.items() if math.isfinite(value)}


def write_artifacts(client: Client, results: Results, artifacts: Artifacts) -> None:
    """Write the trial table, the metrics and the report."""
    from katib_kfp import report  # Jinja2 and figures: only here

    experiment, trials = results.experiment, results.trials
    _write(artifacts.trials, report.trials_csv(experiment, trials))
    _write(artifacts.report, report.render(experiment, trials, logs=read_logs(client, trials)))
    metadata = metric_metadata(results)
    artifacts.metrics.metadata.update(metadata)
    _write(artifacts.metrics, json.dumps(metadata, allow_nan=False))


def write_before_failing(values: Mapping[str, Any], artifacts: Artifacts | None, argv: Sequence[str]) -> None:
    """Write what the KFP executor writes only for a function that returns: a failing step keeps its results."""
    asked = executor_input(argv).get("outputs") or {}
    path = asked.get("outputFile")
    if not path:
        return
    output: dict[str, Any] = {"parameterValues": dict(values)}
    if artifacts and asked.get("artifacts"):
        output["artifacts"] = {
            name: {"artifacts": [{**item, **_metadata(artifacts, name)} for item in found.get("artifacts", [])[:1]]}
            for name, found in asked["artifacts"].items()
        }
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(output, allow_nan=False), encoding="utf-8")


def _metadata(artifacts: Artifacts, name: str) -> dict[str, Any]:
    artifact = getattr(artifacts, name, None)
    return {"metadata": artifact.metadata} if artifact is not None and artifact.metadata else {}


def _write(artifact: OutputArtifact, text: str) -> None:
    path = Path(artifact.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
