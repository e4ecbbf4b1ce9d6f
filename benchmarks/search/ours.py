"""The engine as a searcher: Experiments and Trials as the control plane would hand them over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.search.loop import Asked, Plan
from benchmarks.search.parameters import Steps
from benchmarks.search.problem import Instance
from katib_control.api.experiment import Experiment
from katib_control.api.suggestion import Question
from katib_control.api.trial import Trial
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.registry import ALGORITHMS

EPOCHS = "epochs"
METRIC = "metric"


def divides(algorithm: str) -> bool:
    """Whether an algorithm gives trials more or less of a resource."""
    return any(item.name == "resource_name" for item in ALGORITHMS[algorithm].settings)


def experiment(instance: Instance, algorithm: str, settings: Mapping[str, str], *, seed: int, plan: Plan) -> Experiment:
    """Return the Experiment that searches an instance."""
    given = {"random_state": str(seed), **settings}
    parameters = [item.spec() for item in instance.parameters]
    if divides(algorithm):
        given = {"r_l": str(instance.resource), "resource_name": EPOCHS, "eta": "3", **given}
        parameters.append(Steps(EPOCHS, 1, instance.resource).spec())
    known = {name for item in ALGORITHMS[algorithm].settings for name in (item.name, item.alias)}
    pairs = [{"name": name, "value": value} for name, value in given.items() if name in known or name in settings]
    return Experiment.decode({
        "metadata": {"name": "bench", "namespace": "default", "uid": f"bench-{seed}"},
        "spec": {
            "objective": {"type": "maximize" if instance.maximise else "minimize", "objectiveMetricName": METRIC},
            "algorithm": {"algorithmName": algorithm, "algorithmSettings": pairs},
            "parallelTrialCount": plan.batch, "parameters": parameters,
            # The search is over when the resource is spent; no number of trials says so beforehand.
            "maxTrialCount": plan.budget * (instance.resource if divides(algorithm) else 1),
        },
    })  # fmt: skip


class Ours:
    """Drives the engine; see ``Searcher``."""

    def __init__(self, instance: Instance, owner: Experiment, engine: Engine | None = None) -> None:
        self._instance = instance
        self._owner = owner
        self._engine = engine or Engine()
        self._bodies: list[dict[str, Any]] = []
        self._trials: list[Trial] = []

    def ask(self, count: int) -> Sequence[Asked]:
        """Ask the engine, and let the points run."""
        question = Question(experiment=self._owner, trials=list(self._trials), index=len(self._trials), count=count)
        found = []
        for assignment in self._engine.ask(question).assignments:
            body = self._body(assignment.to_dict())
            self._bodies.append(body)
            self._trials.append(Trial.decode(body))
            values = {item.name: item.value for item in assignment.parameter_assignments}
            point = np.array([item.number(values[item.name]) for item in self._instance.parameters])
            found.append(Asked(point, int(values.get(EPOCHS, "0")) or self._instance.resource))
        return found

    def tell(self, index: int, loss: float) -> None:
        """Let a trial succeed."""
        value = repr(-loss if self._instance.maximise else loss)
        metrics = [{"name": METRIC, "min": value, "max": value, "latest": value}]
        status = {"conditions": [{"type": "Succeeded", "status": "True"}], "observation": {"metrics": metrics}}
        self._trials[index] = Trial.decode({**self._bodies[index], "status": status})

    def _body(self, assignment: dict[str, Any]) -> dict[str, Any]:
        index = len(self._bodies)
        objective = self._owner.spec.objective
        return {
            "metadata": {
                "name": f"bench-{index}", "namespace": "default", "uid": str(index),
                "annotations": {"katib.kubeflow.org/index": str(index)}, "labels": assignment.get("labels", {}),
            },
            "spec": {
                "objective": objective.to_dict() if objective else {},
                "parameterAssignments": assignment["parameterAssignments"],
                "labels": assignment.get("labels", {}),
            },
            "status": {"conditions": [{"type": "Running", "status": "True"}]},
        }  # fmt: skip
