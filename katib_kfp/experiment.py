"""From an author's arguments to an Experiment. Pure: nothing is sent anywhere.

    def train(lr: float, layers: int) -> float:
        ...
        return accuracy

    Experiment.from_function(
        train,
        space={"lr": Double(min=1e-4, max=0.1, log=True), "layers": Int(min=1, max=4)},
        objective=maximize("accuracy"),
        max_trial_count=24,
    )

A container's command works the same way (``from_command``); any Experiment that exists already is taken as it is
(``from_spec``: a dict, YAML text, a ``Path``, or an object of ``katib_control.api``).
"""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from katib_kfp import program
from katib_kfp.objective import Objective, ObjectiveError, combined
from katib_kfp.space import Space, to_specs

if TYPE_CHECKING:
    from typing_extensions import Unpack

CONTAINER = "training-container"
DEFAULT_IMAGE = "python:3.11-slim"
MAX_TRIALS, PARALLEL_TRIALS = 12, 3
_PLACEHOLDER = re.compile(r"\$\{trialParameters\.([^}]+)\}")
_METADATA = {
    "trialName": "${trialSpec.Name}",
    "trialNamespace": "${trialSpec.Namespace}",
}


class ExperimentError(ValueError):
    """Arguments that make no Experiment; the message names the argument, the rule and the value."""


class Options(TypedDict, total=False):
    """What may be said besides function, space and objective; everything has a default."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    algorithm: str
    algorithm_settings: Mapping[str, Any]
    early_stopping: str
    early_stopping_settings: Mapping[str, Any]
    initial_points: Sequence[Mapping[str, Any]]
    constraints: Sequence[str]
    max_trial_count: int
    parallel_trial_count: int
    max_failed_trial_count: int
    resume_policy: str
    metrics_format: Sequence[str]
    image: str
    env: Mapping[str, str]
    resources: Mapping[str, Any]
    trial_timeout_seconds: int
    retain: bool


@dataclass(frozen=True)
class Experiment:
    """A ready Experiment object, as the API server takes it."""

    body: Mapping[str, Any]

    @classmethod
    def from_function(
        cls,
        function: Callable[..., Any],
        *,
        space: Space,
        objective: Objective | Sequence[Objective],
        arguments: Mapping[str, Any] | None = None,
        packages_to_install: Sequence[str] = (),
        **options: Unpack[Options],
    ) -> Experiment:
        """Return an Experiment that calls a Python function in each trial.

        The function stands alone: imports inside, nothing from around it. Tuned arguments arrive with the types of
        the search space, ``arguments`` as they are (JSON values). It reports by returning the objective's value, a
        dict of metrics, or nothing after ``katib_kfp.metrics.report``. Raises SpaceError, ProgramError and
        ExperimentError.
        """
        source = program.from_function(function)
        return cls.from_source(
            program.with_packages(source, packages_to_install),
            space=space, objective=objective, arguments=arguments or {}, options=options,
        )  # fmt: skip

    @classmethod
    def from_source(
        cls,
        source: program.Source,
        *,
        space: Space,
        objective: Objective | Sequence[Objective],
        arguments: Mapping[str, Any],
        options: Options,
    ) -> Experiment:
        """Return an Experiment that runs a source that stands alone; every parameter must be tuned or given."""
        to_specs(space)  # its errors first
        program.check(source, space, arguments)
        text = program.program(source, space, combined(objective).metric)
        container = {"command": program.command(text), "args": program.arguments(space, arguments)}
        return cls(_body(container, space, objective, {"name": source.name, **options}))

    @classmethod
    def from_command(
        cls,
        command: Sequence[str],
        *,
        space: Space,
        objective: Objective | Sequence[Objective],
        **options: Unpack[Options],
    ) -> Experiment:
        """Return an Experiment that runs a container's command in each trial.

        Tuned values stand in it as ``${trialParameters.<name>}``; ``${trialParameters.trialName}`` is the trial's
        name. The command prints ``<metric>=<value>``. Raises SpaceError and ExperimentError.
        """
        if isinstance(command, str) or not command or not all(isinstance(word, str) for word in command):
            raise ExperimentError(
                "command: must be a list of words, e.g. ['python', 'train.py', '--lr=${trialParameters.lr}'] "
                f"(got {command!r})"
            )
        to_specs(space)  # its errors first
        used = {name for word in command for name in _PLACEHOLDER.findall(word)}
        unused = [name for name in space if name not in used]
        if unused:
            raise ExperimentError(f"command: never uses ${{trialParameters.{unused[0]}}}, which is in the search space")
        unknown = sorted(used - set(space) - set(_METADATA))
        if unknown:
            raise ExperimentError(f"command: ${{trialParameters.{unknown[0]}}} is not in the search space")
        return cls(_body({"command": list(command)}, space, objective, {"name": "tune", **options}, used))

    @classmethod
    def from_spec(cls, spec: Any) -> Experiment:
        """Return an Experiment that exists: a dict (its spec alone will do), YAML text, a Path, an API object."""
        from katib_kfp.runtime.codec import experiment_body

        if hasattr(spec, "to_dict"):
            spec = spec.to_dict()
        if isinstance(spec, Path):
            spec = spec.read_text(encoding="utf-8")
        if isinstance(spec, str):
            import yaml

            try:
                spec = yaml.safe_load(spec)
            except yaml.YAMLError as error:
                raise ExperimentError(f"spec: must be YAML: {' '.join(str(error).split())}") from None
        return cls(experiment_body(spec))

    @property
    def name(self) -> str:
        """Its name, or the start of the name that a step derives from it."""
        metadata = self.body.get("metadata") or {}
        return str(metadata.get("name") or metadata.get("generateName") or "")

    @property
    def spec(self) -> dict[str, Any]:
        """What is asked for; a copy."""
        return dict(copy.deepcopy(self.body["spec"]))

    def to_dict(self) -> dict[str, Any]:
        """Return the whole object; a copy."""
        return copy.deepcopy(dict(self.body))

    def to_yaml(self) -> str:
        """Return the object as YAML, for ``kubectl apply`` and ``katib-kfp run``."""
        import yaml

        return str(yaml.safe_dump(self.to_dict(), sort_keys=False, width=120))

    def for_kfp(self) -> dict[str, Any]:
        """Return the value for a component's ``experiment_spec`` input, in the form that KFP hands over unchanged."""
        from katib_kfp.runtime.codec import encode

        return encode(self.to_dict())


def _body(
    container: dict[str, Any],
    space: Space,
    objective: Objective | Sequence[Objective],
    options: Mapping[str, Any],
    used: set[str] | None = None,
) -> dict[str, Any]:
    _refuse_unknown(options)
    try:
        goals = combined(objective)
    except ObjectiveError as error:
        raise ExperimentError(str(error)) from None
    limit = _positive(options, "max_trial_count", MAX_TRIALS)
    spec: dict[str, Any] = {
        "objective": goals.to_spec(),
        "algorithm": _algorithm(options.get("algorithm", "tpe"), options.get("algorithm_settings")),
        "maxTrialCount": limit,
        "parallelTrialCount": _positive(options, "parallel_trial_count", min(PARALLEL_TRIALS, limit)),
        "maxFailedTrialCount": _positive(options, "max_failed_trial_count", min(3, limit), least=0),
        "parameters": to_specs(space),
        "trialTemplate": _template(container, [*space, *(name for name in _METADATA if name in (used or ()))], options),
    }
    if "early_stopping" in options or "early_stopping_settings" in options:
        spec["earlyStopping"] = _algorithm(options.get("early_stopping", ""), options.get("early_stopping_settings"))
    spec |= _search(options, space)
    if "resume_policy" in options:
        spec["resumePolicy"] = options["resume_policy"]
    if "metrics_format" in options:
        spec["metricsCollectorSpec"] = {
            "collector": {"kind": "StdOut"},
            "source": {"filter": {"metricsFormat": list(options["metrics_format"])}},
        }
    metadata = {key: options[key] for key in ("name", "namespace", "labels") if options.get(key)}
    metadata["name"] = str(metadata.get("name", "tune")).replace("_", "-").lower()
    return {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": metadata, "spec": spec}


def _template(container: dict[str, Any], names: Sequence[str], options: Mapping[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = {"name": CONTAINER, "image": options.get("image", DEFAULT_IMAGE), **container}
    if env := options.get("env"):
        whole["env"] = [{"name": str(name), "value": str(value)} for name, value in env.items()]
    if resources := options.get("resources"):
        whole["resources"] = {"limits": {name: str(value) for name, value in resources.items()}}
    job: dict[str, Any] = {
        "backoffLimit": 0,
        "template": {
            "metadata": {"annotations": {"sidecar.istio.io/inject": "false"}},
            "spec": {"restartPolicy": "Never", "containers": [whole]},
        },
    }
    if "trial_timeout_seconds" in options:
        job["activeDeadlineSeconds"] = _positive(options, "trial_timeout_seconds", 1)
    return {
        "primaryContainerName": CONTAINER,
        "retain": bool(options.get("retain", True)),
        "trialParameters": [{"name": name, "reference": _METADATA.get(name, name)} for name in names],
        "trialSpec": {"apiVersion": "batch/v1", "kind": "Job", "spec": job},
    }


def _algorithm(name: str, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    found: dict[str, Any] = {"algorithmName": name}
    if settings:
        found["algorithmSettings"] = _pairs(settings)
    return found


def _search(options: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """What to try first, and what every point keeps."""
    found: dict[str, Any] = {}
    points, constraints = options.get("initial_points") or (), options.get("constraints") or ()
    for point in points:
        if unknown := [name for name in point if name not in space]:
            raise ExperimentError(f"initial_points: {unknown[0]} is not in the search space ({', '.join(space)})")
    if points:
        found["initialPoints"] = [{"parameterAssignments": _pairs(point)} for point in points]
    if isinstance(constraints, str):
        raise ExperimentError(f"constraints: must be a list of texts, e.g. ['a <= b'] (got {constraints!r})")
    if constraints:
        found["constraints"] = list(constraints)
    return found


def _pairs(values: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"name": name, "value": _setting(value)} for name, value in values.items()]


def _setting(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _positive(options: Mapping[str, Any], name: str, otherwise: int, least: int = 1) -> int:
    value = options.get(name, otherwise)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ExperimentError(f"{name}: must be an int of at least {least} (got {value!r})")
    return value


def _refuse_unknown(options: Mapping[str, Any]) -> None:
    known = list(Options.__annotations__)
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise ExperimentError(f"{name}: no such option; {hint}")
