"""Builders of API objects for tests: say what matters, get a valid object.

    experiment("x").parallel(3).objective("loss", "minimize").double("lr", 0.01, 0.1).algorithm("random").build()
    trial("x-1").of(an_experiment).assign(lr=0.02).succeeded(loss=0.5).build()
    suggestion("x").requests(3).points({"lr": 0.02}).build()

Every method returns a new builder, so that builders can be shared. ``build()`` gives the api type, ``to_dict()`` its
JSON form.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from katib_control.api.experiment import Experiment
from katib_control.api.model import API_VERSION
from katib_control.api.names import EXPERIMENT_LABEL, INDEX_ANNOTATION, trial_name
from katib_control.api.suggestion import Suggestion
from katib_control.api.trial import Trial

START = "2026-01-31T12:00:00Z"
END = "2026-01-31T12:00:10Z"
COMPLETE = 'status.conditions.#(type=="Complete")#|#(status=="True")#'
FAILED = 'status.conditions.#(type=="Failed")#|#(status=="True")#'

B = TypeVar("B", bound="_Builder")


class _Builder:
    """An object in its JSON form, changed copy by copy."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = body
        self._words: tuple[str, ...] | None = None

    def _with(self: B, path: str, value: Any) -> B:
        """Set ``spec.a.b``; a dict is merged, everything else replaces."""
        fresh = copy.deepcopy(self)
        *parents, last = path.split(".")
        here = fresh._body
        for name in parents:
            here = here.setdefault(name, {})
        here[last] = {**(here.get(last) or {}), **value} if isinstance(value, dict) else value
        return fresh

    def _adding(self: B, path: str, *values: Any) -> B:
        here: Any = self._body
        for name in path.split("."):
            here = here.get(name, {})
        return self._with(path, [*(here or []), *values])

    def namespace(self: B, name: str) -> B:
        return self._with("metadata.namespace", name)

    def uid(self: B, uid: str) -> B:
        return self._with("metadata.uid", uid)

    def labels(self: B, labels: dict[str, str]) -> B:
        return self._with("metadata.labels", labels)

    def annotations(self: B, annotations: dict[str, str]) -> B:
        return self._with("metadata.annotations", annotations)

    def finalizers(self: B, *names: str) -> B:
        return self._with("metadata.finalizers", list(names))

    def metadata(self: B, **fields: Any) -> B:
        """Wire names: ``metadata(resourceVersion="7")``."""
        return self._with("metadata", fields)

    def spec(self: B, **fields: Any) -> B:
        """Wire names; replaces whole fields of the spec."""
        return self._with("spec", fields)

    def status(self: B, **fields: Any) -> B:
        """Wire names; replaces whole fields of the status."""
        return self._with("status", fields)

    def condition(
        self: B, kind: str, reason: str = "", message: str = "", *, status: str = "True", at: str = START
    ) -> B:
        """Append a condition; it becomes the current state."""
        entry = {"type": kind, "status": status, "reason": reason or f"{self._body['kind']}{kind}", "message": message}
        return self._adding("status.conditions", {**entry, "lastUpdateTime": at, "lastTransitionTime": at})

    def to_dict(self) -> dict[str, Any]:
        return copy.deepcopy(self._body)


def _pairs(values: dict[str, Any]) -> list[dict[str, str]]:
    return [{"name": name, "value": str(value)} for name, value in values.items()]


class ExperimentBuilder(_Builder):
    """See ``experiment``."""

    def parallel(self, count: int) -> ExperimentBuilder:
        return self._with("spec.parallelTrialCount", count)

    def max_trials(self, count: int) -> ExperimentBuilder:
        return self._with("spec.maxTrialCount", count)

    def max_failed(self, count: int) -> ExperimentBuilder:
        return self._with("spec.maxFailedTrialCount", count)

    def objective(
        self, metric: str, type: str = "minimize", goal: float | None = None, additional: Sequence[str] = ()
    ) -> ExperimentBuilder:
        body: dict[str, Any] = {"type": type, "objectiveMetricName": metric}
        if goal is not None:
            body["goal"] = goal
        if additional:
            body["additionalMetricNames"] = list(additional)
        return self._with("spec.objective", None)._with("spec.objective", body)

    def strategy(self, metric: str, value: str) -> ExperimentBuilder:
        return self._adding("spec.objective.metricStrategies", {"name": metric, "value": value})

    def algorithm(self, name: str, **settings: Any) -> ExperimentBuilder:
        return self.spec(algorithm={"algorithmName": name, "algorithmSettings": _pairs(settings)})

    def early_stopping(self, name: str, **settings: Any) -> ExperimentBuilder:
        return self.spec(earlyStopping={"algorithmName": name, "algorithmSettings": _pairs(settings)})

    def parameter(self, name: str, type: str, **space: Any) -> ExperimentBuilder:
        """Feasible space in wire names; numbers become text, None is left out."""
        given = {
            key: [str(item) for item in value] if key == "list" else str(value)
            for key, value in space.items() if value is not None
        }  # fmt: skip
        return self._adding("spec.parameters", {"name": name, "parameterType": type, "feasibleSpace": given})

    def double(
        self, name: str, low: Any, high: Any, step: Any = None, distribution: str | None = None
    ) -> ExperimentBuilder:
        return self.parameter(name, "double", min=low, max=high, step=step, distribution=distribution)

    def int(
        self, name: str, low: Any, high: Any, step: Any = None, distribution: str | None = None
    ) -> ExperimentBuilder:
        return self.parameter(name, "int", min=low, max=high, step=step, distribution=distribution)

    def discrete(self, name: str, *values: Any) -> ExperimentBuilder:
        return self.parameter(name, "discrete", list=values)

    def categorical(self, name: str, *values: Any) -> ExperimentBuilder:
        return self.parameter(name, "categorical", list=values)

    def command(self, *words: str) -> ExperimentBuilder:
        """What the trial's one container runs. Parameters that no word uses go into its environment: ``LR``."""
        fresh = copy.deepcopy(self)
        fresh._words = words
        return fresh

    def template(self, trial_spec: dict[str, Any]) -> ExperimentBuilder:
        """A run object of another shape (trialParameters are still derived from the parameters)."""
        return self._with("spec.trialTemplate.trialSpec", None)._with("spec.trialTemplate.trialSpec", trial_spec)

    def config_map(self, name: str, key: str, namespace: str = "default") -> ExperimentBuilder:
        """A template in a ConfigMap."""
        source = {"configMapName": name, "configMapNamespace": namespace, "templatePath": key}
        return self._with("spec.trialTemplate.configMap", source)

    def trial_template(self, **fields: Any) -> ExperimentBuilder:
        """Wire names: ``trial_template(retain=True, successCondition=...)``."""
        return self._with("spec.trialTemplate", fields)

    def retain(self) -> ExperimentBuilder:
        return self.trial_template(retain=True)

    def resume(self, policy: str) -> ExperimentBuilder:
        return self._with("spec.resumePolicy", policy)

    def collector(self, kind: str, source: dict[str, Any] | None = None) -> ExperimentBuilder:
        body: dict[str, Any] = {"collector": {"kind": kind}}
        if source is not None:
            body["source"] = source
        return self.spec(metricsCollectorSpec=body)

    def filters(self, *expressions: str) -> ExperimentBuilder:
        """StdOut with these regular expressions."""
        return self.collector("StdOut", {"filter": {"metricsFormat": list(expressions)}})

    def to_dict(self) -> dict[str, Any]:
        full = (
            self
            if self._body["spec"].get("parameters") or self._body["spec"].get("nasConfig")
            else self.double("lr", 0.01, 0.1)
        )
        body = copy.deepcopy(full._body)
        template = body["spec"]["trialTemplate"]
        if template is None:
            return body
        names = [item["name"] for item in body["spec"].get("parameters", [])]
        template.setdefault("trialParameters", [{"name": name, "reference": name} for name in names])
        if "trialSpec" not in template and "configMap" not in template:
            template["trialSpec"] = self._job(names, body["spec"]["objective"]["objectiveMetricName"])
        return body

    def build(self) -> Experiment:
        return Experiment.decode(self.to_dict())

    def _job(self, names: list[str], metric: str) -> dict[str, Any]:
        words = self._words
        if words is None:
            first = f"${{trialParameters.{names[0]}}}" if names else "0"
            words = ("echo", f"{metric}={first}")
        unused = [name for name in names if not any(f"${{trialParameters.{name}}}" in word for word in words)]
        container: dict[str, Any] = {"name": "training-container", "image": "python:3.12", "command": list(words)}
        if unused:
            container["env"] = [
                {"name": re.sub(r"\W", "_", name).upper(), "value": f"${{trialParameters.{name}}}"} for name in unused
            ]
        pod = {"containers": [container], "restartPolicy": "Never"}
        return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"backoffLimit": 0, "template": {"spec": pod}}}


def experiment(name: str = "x") -> ExperimentBuilder:
    """A valid Experiment: random search, minimize "loss", one double "lr" where none is named, a Job that echoes."""
    return ExperimentBuilder({
        "apiVersion": API_VERSION,
        "kind": "Experiment",
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-of-{name}", "generation": 1},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss"},
            "algorithm": {"algorithmName": "random"},
            "trialTemplate": {
                "primaryContainerName": "training-container",
                "successCondition": COMPLETE,
                "failureCondition": FAILED,
            },
        },
    })  # fmt: skip


class TrialBuilder(_Builder):
    """See ``trial``."""

    def of(self, owner: Experiment) -> TrialBuilder:
        """Make it a child of this Experiment: label, owner reference, objective, collector, conditions."""
        template = owner.spec.trial_template
        fresh = self.namespace(owner.metadata.namespace).labels({EXPERIMENT_LABEL: owner.metadata.name})
        reference = {
            "apiVersion": API_VERSION, "kind": "Experiment", "name": owner.metadata.name, "uid": owner.metadata.uid,
            "controller": True, "blockOwnerDeletion": True,
        }  # fmt: skip
        fresh = fresh._with("metadata.ownerReferences", [reference])
        if owner.spec.objective:
            fresh = fresh.spec(objective=owner.spec.objective.to_dict())
        if template:
            fresh = fresh.spec(
                primaryContainerName=template.primary_container_name,
                successCondition=template.success_condition,
                failureCondition=template.failure_condition,
                retainRun=template.retain,
            )
        if owner.spec.metrics_collector_spec:
            fresh = fresh.spec(metricsCollector=owner.spec.metrics_collector_spec.to_dict())
        return fresh

    def index(self, index: int) -> TrialBuilder:
        return self.annotations({INDEX_ANNOTATION: str(index)})

    def assign(self, **values: Any) -> TrialBuilder:
        return self.spec(parameterAssignments=_pairs(values))

    def run(self, run_spec: dict[str, Any]) -> TrialBuilder:
        """The rendered run object."""
        return self.spec(runSpec=run_spec)

    def observed(self, **values: Any) -> TrialBuilder:
        """One value per metric, or a (min, max, latest) triple."""
        metrics = []
        for name, value in values.items():
            low, high, last = value if isinstance(value, tuple) else (value, value, value)
            metrics.append({"name": name, "min": str(low), "max": str(high), "latest": str(last)})
        return self.status(observation={"metrics": metrics})

    def pending(self) -> TrialBuilder:
        return self.condition("Created", "TrialCreated", "Trial is created")

    def running(self) -> TrialBuilder:
        return self.pending().status(startTime=START).condition("Running", "TrialRunning", "Trial is running")

    def succeeded(self, **metrics: Any) -> TrialBuilder:
        """Ended well; numbers are the metrics observed."""
        ended = self._ended("Succeeded", "TrialSucceeded", "Trial has succeeded")
        return ended.observed(**metrics) if metrics else ended

    def failed(self, reason: str = "TrialFailed", message: str = "Trial has failed") -> TrialBuilder:
        return self._ended("Failed", reason, message)

    def killed(self, reason: str = "TrialKilled", message: str = "Trial was killed") -> TrialBuilder:
        return self._ended("Killed", reason, message)

    def early_stopped(self, **metrics: Any) -> TrialBuilder:
        ended = self._ended("EarlyStopped", "TrialEarlyStopped", "Trial was stopped early")
        return ended.observed(**metrics) if metrics else ended

    def metrics_unavailable(self, message: str = "No value of the objective metric was found") -> TrialBuilder:
        return self._ended("MetricsUnavailable", "MetricsUnavailable", message)

    def _ended(self, kind: str, reason: str, message: str) -> TrialBuilder:
        running = self.running()
        conditions = [
            {**item, "status": "False"} if item["type"] == "Running" else item
            for item in running._body["status"]["conditions"]
        ]
        return running.status(conditions=conditions, completionTime=END).condition(kind, reason, message, at=END)

    def build(self) -> Trial:
        return Trial.decode(self.to_dict())


def trial(name: str = "x-1") -> TrialBuilder:
    """A Trial without state (just created) that minimises "loss"; see ``of``, ``assign`` and the states."""
    return TrialBuilder({
        "apiVersion": API_VERSION,
        "kind": "Trial",
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-of-{name}", "generation": 1},
        "spec": {"objective": {"type": "minimize", "objectiveMetricName": "loss"}},
    })  # fmt: skip


class SuggestionBuilder(_Builder):
    """See ``suggestion``."""

    def of(self, owner: Experiment) -> SuggestionBuilder:
        """Make it a child of this Experiment, with its algorithm and resume policy."""
        reference = {
            "apiVersion": API_VERSION, "kind": "Experiment", "name": owner.metadata.name, "uid": owner.metadata.uid,
            "controller": True, "blockOwnerDeletion": True,
        }  # fmt: skip
        fresh = self.namespace(owner.metadata.namespace)._with("metadata.ownerReferences", [reference])
        fresh = fresh._with("metadata.name", owner.metadata.name)
        if owner.spec.algorithm:
            fresh = fresh.spec(algorithm=owner.spec.algorithm.to_dict())
        return fresh.spec(resumePolicy=owner.spec.resume_policy) if owner.spec.resume_policy else fresh

    def requests(self, count: int) -> SuggestionBuilder:
        return self._with("spec.requests", count)

    def algorithm(self, name: str, **settings: Any) -> SuggestionBuilder:
        return self.spec(algorithm={"algorithmName": name, "algorithmSettings": _pairs(settings)})

    def points(self, *assignments: dict[str, Any]) -> SuggestionBuilder:
        """Append points, named as their Trials will be (by the uid of the owner, else its own)."""
        meta = self._body["metadata"]
        owners = meta.get("ownerReferences") or [{"uid": meta["uid"]}]
        start = self._body.get("status", {}).get("suggestionCount", 0)
        entries = [
            {"name": trial_name(meta["name"], owners[0]["uid"], start + offset), "parameterAssignments": _pairs(values)}
            for offset, values in enumerate(assignments)
        ]
        return self._adding("status.suggestions", *entries)._with("status.suggestionCount", start + len(entries))

    def running(self) -> SuggestionBuilder:
        return self.condition("Created").condition("Running")

    def build(self) -> Suggestion:
        return Suggestion.decode(self.to_dict())


def suggestion(name: str = "x") -> SuggestionBuilder:
    """A Suggestion of algorithm random that nobody has asked for points yet."""
    return SuggestionBuilder({
        "apiVersion": API_VERSION,
        "kind": "Suggestion",
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-of-suggestion-{name}", "generation": 1},
        "spec": {"algorithm": {"algorithmName": "random"}, "requests": 0},
    })  # fmt: skip
