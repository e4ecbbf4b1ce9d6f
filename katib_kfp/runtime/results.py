"""What an Experiment has found, with the types of its search space. Reading is thin; everything else is pure."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from katib_control.api.conditions import trial_state
from katib_control.api.experiment import Experiment, ObjectiveSpec, Observation, OptimalTrial, ParameterSpec
from katib_control.api.names import EXPERIMENT_LABEL, INDEX_ANNOTATION, TRIAL_LABEL
from katib_control.api.observation import number, objective_value
from katib_control.api.trial import Trial
from katib_control.kube.client import Client
from katib_control.kube.errors import ApiError
from katib_control.kube.resources import PODS, TRIALS
from katib_control.kube.streams import LogOptions
from katib_kfp.runtime.progress import reason, state
from katib_kfp.space import SpaceError, from_spec

logger = logging.getLogger(__name__)

FAILED = ("Failed", "MetricsUnavailable", "Killed")
MAX_LOGS, LOG_LINES = 10, 20


@dataclass(frozen=True, kw_only=True)
class BestTrial:
    """The best point so far: typed parameters, the objective's value, every metric that was observed."""

    name: str
    parameters: Mapping[str, Any]
    value: float | None
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def arguments(self) -> list[str]:
        """The parameters as command-line arguments: ``["--lr=0.1", "--layers=3"]``; a name keeps dashes that it has."""
        return [f"{'' if name[0] == '-' else '--'}{name}={text(value)}" for name, value in self.parameters.items()]

    @property
    def json(self) -> str:
        """The parameters as exact JSON: an int has no point, a float reads back as the same float."""
        return json.dumps(dict(self.parameters), allow_nan=False)


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """One trial: typed parameters, its metrics (as the objective's strategy condenses them), and what became of it."""

    name: str
    state: str
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float]
    value: float | None
    started: str | None = None
    finished: str | None = None
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Results:
    """An Experiment and its trials, as they were when they were read."""

    experiment: Experiment
    trials: Sequence[Trial]
    timed_out: bool = False

    @property
    def status(self) -> str:
        """Succeeded, Failed, TimedOut, or the state of one that goes on."""
        return "TimedOut" if self.timed_out else state(self.experiment)

    @property
    def best(self) -> BestTrial | None:
        """The best trial so far, None where no trial has a value."""
        return best_trial(self.experiment)

    @property
    def front(self) -> Sequence[BestTrial]:
        """The Pareto front so far; empty where there is only one objective."""
        return pareto_front(self.experiment)

    @property
    def failure(self) -> str:
        """One line that says why this is no success; "" for a success."""
        name = f"Experiment {self.experiment.metadata.namespace}/{self.experiment.metadata.name}"
        if self.timed_out:
            return f"{name} did not finish in time; its results so far are in the outputs"
        if self.status != "Succeeded":
            why = ": ".join(part for part in reason(self.experiment) if part)
            return f"{name} {self.status.lower()}" + (f" ({why})" if why else "")
        return "" if self.best else f"{name} succeeded without a best trial"


def cast(parameters: Iterable[ParameterSpec], assignments: Mapping[str, str]) -> dict[str, Any]:
    """Return the assignments in the order of the search space, each of the type that its parameter has.

    What the space does not describe, or describes so that the text does not fit, stays text.
    """
    typed: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.name in assignments:
            typed[parameter.name] = _cast(parameter, assignments[parameter.name])
    return typed | {name: value for name, value in assignments.items() if name not in typed}


def text(value: Any) -> str:
    """Return how a typed value is written in arguments: numbers as JSON writes them."""
    return value if isinstance(value, str) else json.dumps(value)


def best_trial(experiment: Experiment) -> BestTrial | None:
    """Return the best trial by the Experiment's own status; None where no finite value counts."""
    optimal = experiment.status.current_optimal_trial
    return _typed(optimal, experiment) if optimal else None


def pareto_front(experiment: Experiment) -> list[BestTrial]:
    """Return the trials that no other one betters in all objectives; empty where there is only one objective."""
    found = (_typed(item, experiment) for item in experiment.status.pareto_front)
    return [item for item in found if item]


def _typed(optimal: OptimalTrial, experiment: Experiment) -> BestTrial | None:
    objective = experiment.spec.objective
    if objective is None or not optimal.best_trial_name:
        return None
    value = objective_value(optimal.observation, objective)
    if value is None:
        return None
    assignments = {item.name: item.value for item in optimal.parameter_assignments}
    return BestTrial(
        name=optimal.best_trial_name,
        parameters=cast(experiment.spec.parameters, assignments),
        value=value,
        metrics=metric_values(optimal.observation, objective),
    )


def trial_result(trial: Trial, experiment: Experiment) -> TrialResult:
    """Return the trial in the types of its Experiment's search space."""
    objective = experiment.spec.objective or trial.spec.objective or ObjectiveSpec()
    observation, conditions = trial.status.observation, trial.status.conditions
    found = trial_state(conditions)
    condition = next((item for item in conditions if item.type == found), None)
    return TrialResult(
        name=trial.metadata.name,
        state=found,
        parameters=cast(experiment.spec.parameters, trial.spec.assignments),
        metrics=metric_values(observation, objective),
        value=objective_value(observation, objective),
        started=trial.status.start_time,
        finished=trial.status.completion_time,
        reason=condition.reason if condition else "",
        message=condition.message if condition else "",
    )


def metric_values(observation: Observation | None, objective: ObjectiveSpec) -> dict[str, float]:
    """Return each metric's one finite value under the objective's strategies."""
    values = {}
    for metric in observation.metrics if observation else ():
        found = number(getattr(metric, objective.strategy(metric.name)))
        if found is None:
            found = number(metric.latest)
        if found is not None:
            values[metric.name] = found
    return values


def read(client: Client, experiment: Experiment, *, timed_out: bool = False) -> Results:
    """Return the Experiment with its trials."""
    return Results(experiment=experiment, trials=read_trials(client, experiment), timed_out=timed_out)


def read_trials(client: Client, experiment: Experiment) -> list[Trial]:
    """Return the Experiment's trials in the order in which they were suggested."""
    metadata = experiment.metadata
    found = client.list(TRIALS, metadata.namespace, labels=f"{EXPERIMENT_LABEL}={metadata.name}")
    return sorted(map(Trial.decode, found["items"]), key=_order)


def read_logs(client: Client, trials: Iterable[Trial]) -> dict[str, list[str]]:
    """Return the last log lines of the first few trials that went wrong; a log that cannot be read is left out."""
    wrong = [trial for trial in trials if trial_state(trial.status.conditions) in FAILED]
    logs = {}
    for trial in wrong[:MAX_LOGS]:
        try:
            lines = list(trial_log(client, trial.metadata.name, trial.metadata.namespace, tail_lines=LOG_LINES))
        except ApiError as error:
            logger.info("no log of trial %s: %s", trial.metadata.name, error)
            continue
        if lines:
            logs[trial.metadata.name] = lines
    return logs


def trial_log(
    client: Client, trial: str, namespace: str, *, follow: bool = False, tail_lines: int | None = None
) -> Iterable[str]:
    """Yield the lines of a trial's primary container, in all of its Pods."""
    for pod in _pods(client, trial, namespace):
        options = LogOptions(container=_container(client, pod, trial, namespace), follow=follow, tail_lines=tail_lines)
        stream = client.logs(pod["metadata"]["name"], namespace, options=options)
        rest = b""
        try:
            for chunk in stream:
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (item.decode(errors="replace") for item in lines)
            if rest:
                yield rest.decode(errors="replace")
        finally:
            stream.close()


def _pods(client: Client, trial: str, namespace: str) -> list[dict[str, Any]]:
    for label in (f"batch.kubernetes.io/job-name={trial}", f"{TRIAL_LABEL}={trial}", f"job-name={trial}"):
        if found := client.list(PODS, namespace, labels=label)["items"]:
            return list(found)
    return []


def _container(client: Client, pod: Mapping[str, Any], trial: str, namespace: str) -> str:
    names = [item["name"] for item in pod["spec"]["containers"]]
    if len(names) == 1:
        return str(names[0])
    wanted = Trial.decode(client.get(TRIALS, trial, namespace)).spec.primary_container_name
    return wanted if wanted in names else str(names[0])


def _order(trial: Trial) -> tuple[int, str, str]:
    index = trial.metadata.annotations.get(INDEX_ANNOTATION, "")
    return (
        int(index) if index.isdecimal() else 2**31,
        trial.metadata.creation_timestamp or "",
        trial.metadata.name,
    )


def _cast(parameter: ParameterSpec, value: str) -> Any:
    try:
        return from_spec(parameter.to_dict()).cast(value)
    except SpaceError:
        return value
