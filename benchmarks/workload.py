"""Experiments of no-op trials, run through the whole durable workflow of an embedded control plane."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from katib_control.api.observation import MetricLog, TrialKey
from katib_control.embedded import ControlPlane
from katib_control.kube.resources import EXPERIMENTS, TRIALS


def experiment(name: str, command: Sequence[str], *, trials: int, parallel: int = 4) -> dict[str, Any]:
    """Return an Experiment over two doubles whose trials run ``command``; metrics are pushed, not printed."""
    return {
        "apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss"},
            "algorithm": {"algorithmName": "random", "algorithmSettings": [{"name": "random_state", "value": "1"}]},
            "parallelTrialCount": parallel, "maxTrialCount": trials,
            "metricsCollectorSpec": {"collector": {"kind": "Push"}},
            "parameters": [
                {"name": axis, "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}} for axis in "xy"
            ],
            "trialTemplate": {
                "primaryContainerName": "training",
                "trialParameters": [{"name": axis, "reference": axis} for axis in "xy"],
                "trialSpec": {
                    "apiVersion": "batch/v1", "kind": "Job",
                    "spec": {"backoffLimit": 0, "template": {"spec": {
                        "restartPolicy": "Never",
                        "containers": [{
                            "name": "training", "image": "none", "command": list(command),
                            "env": [{"name": axis.upper(), "value": f"${{trialParameters.{axis}}}"} for axis in "xy"],
                        }],
                    }}},
                },
            },
        },
    }  # fmt: skip


@contextmanager
def pushing(plane: ControlPlane) -> Iterator[list[float]]:
    """Push one observation for each Trial as it appears, as training code would; yields the times of their ends."""
    ends: list[float] = []
    watch = plane.client.watch(TRIALS, "default")
    thread = threading.Thread(target=_push, args=(plane, watch, ends), daemon=True)
    thread.start()
    try:
        yield ends
    finally:
        watch.close()
        thread.join(5)


def _push(plane: ControlPlane, watch: Any, ends: list[float]) -> None:
    ended: set[str] = set()
    for kind, trial in watch:
        meta = trial["metadata"]
        if kind == "ADDED":
            value = trial["spec"]["parameterAssignments"][0]["value"]
            key = TrialKey(meta["namespace"], meta["name"], meta["uid"])
            plane.observations.report(key, [MetricLog("2026-01-01T00:00:00Z", "loss", value)])
        elif trial.get("status", {}).get("completionTime") and meta["name"] not in ended:
            ended.add(meta["name"])
            ends.append(time.monotonic())


def run(plane: ControlPlane, body: dict[str, Any], timeout: float) -> tuple[dict[str, Any], float]:
    """Create the Experiment and wait for its end; return it and the seconds it took."""
    name = body["metadata"]["name"]
    since = time.monotonic()
    plane.client.create(EXPERIMENTS, body)
    fields = f"metadata.name={name}"
    for _, seen in plane.client.watch(EXPERIMENTS, "default", fields=fields, timeout_seconds=int(timeout)):
        if seen.get("status", {}).get("completionTime"):
            return seen, time.monotonic() - since
    raise TimeoutError(f"{name} did not end within {timeout:.0f} s")


@contextmanager
def plane(directory: Path) -> Iterator[ControlPlane]:
    """Run a control plane in the directory."""
    with ControlPlane(directory) as control:
        yield control
