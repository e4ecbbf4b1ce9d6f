"""The steps themselves: what the component shims call. Errors leave as StepFailed: one line, no traceback."""

from __future__ import annotations

import copy
import dataclasses
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn

from katib_control.api.errors import FieldError, InvalidObject, KatibError
from katib_control.api.experiment import Experiment
from katib_control.kube.client import Client
from katib_control.kube.errors import ApiError
from katib_control.kube.resources import EXPERIMENTS, PODS
from katib_kfp.program import fixed_argument
from katib_kfp.runtime import codec, create, names, outputs, results
from katib_kfp.runtime.cancel import ON_CANCEL, QUICK_SECONDS, quickly, say, signals_as_cancelled
from katib_kfp.runtime.errors import Abandoned, Cancelled, StepFailed, StillThere
from katib_kfp.runtime.outputs import Artifacts
from katib_kfp.runtime.place import SERVICE_ACCOUNT, Connection, Where, connect
from katib_kfp.runtime.progress import ProgressLines, progress
from katib_kfp.runtime.results import Results
from katib_kfp.runtime.wait import Waiter

logger = logging.getLogger(__name__)

ON_FAILURE = ("fail", "continue")
STOP_SECONDS = 40.0
"""A trial that is deleted has 30 s to end."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """The Experiment to be there. Empty and negative values mean: not said. ``pinned`` are fixed trial parameters.

    ``arguments`` are those of a function that runs as a trial, where there is one.
    """

    spec: Mapping[str, Any]
    arguments: Mapping[str, Any] | None = None
    name: str = ""
    namespace: str = ""
    max_trial_count: int = -1
    parallel_trial_count: int = -1
    pinned: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""
    if_exists: str = "adopt"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How long to wait, and what to do when it ends otherwise than hoped."""

    timeout_minutes: int = 1440
    on_cancel: str = "delete"
    on_failure: str = "fail"
    delete_finished: bool = False

    def check(self) -> None:
        """Raise InvalidObject for a value outside the rules."""
        rules = [
            (self.timeout_minutes > 0, "experiment_timeout_minutes", "must be above 0", self.timeout_minutes),
            (self.on_cancel in ON_CANCEL, "on_cancel", f"must be one of {', '.join(ON_CANCEL)}", self.on_cancel),
            (self.on_failure in ON_FAILURE, "on_failure", f"must be one of {', '.join(ON_FAILURE)}", self.on_failure),
        ]
        broken = [FieldError(name, rule, value) for holds, name, rule, value in rules if not holds]
        if broken:
            raise InvalidObject(broken)


def requested(request: Request, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the Experiment object that is meant: decoded, overridden, with pinned trial parameters put in. Pure."""
    body = codec.experiment_body(codec.decode(dict(request.spec), environ))
    spec = dict(body["spec"])
    for value, name in (
        (request.max_trial_count, "maxTrialCount"),
        (request.parallel_trial_count, "parallelTrialCount"),
    ):
        if value > 0:
            spec[name] = value
    if request.max_trial_count > 0:  # a shortened run must not break a rule that it has never heard of
        for name in ("parallelTrialCount", "maxFailedTrialCount"):
            if isinstance(spec.get(name), int) and not (
                name == "parallelTrialCount" and request.parallel_trial_count > 0
            ):
                spec[name] = min(spec[name], request.max_trial_count)
    pinned = codec.decode(dict(request.pinned), environ)
    if pinned:
        spec = _pin(spec, pinned)
    if request.arguments is not None:
        spec = _give(spec, codec.restore(request.arguments, environ))
    return {**body, "spec": spec}


def digest(request: Request, environ: Mapping[str, str]) -> str:
    """Return what is asked for, whatever place its input artifacts have: within one run they are the same. Pure."""
    given = {
        name: {"$artifact": value["$artifact"]["name"]} if isinstance(value, dict) and "$artifact" in value else value
        for name, value in (request.arguments or {}).items()
    }
    named = dataclasses.replace(request, arguments=given if request.arguments is not None else None)
    return names.spec_digest(requested(named, environ)["spec"])


def _give(spec: dict[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Put the arguments of the function into the container that katib_kfp.experiment has made for it."""
    made = copy.deepcopy(spec)
    container = made["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"][0]
    container["args"][0] = fixed_argument(arguments)
    return made


def _pin(spec: dict[str, Any], pinned: Mapping[str, Any]) -> dict[str, Any]:
    tuned = {item.get("name") for item in spec.get("parameters") or ()} & set(pinned)
    template = spec.get("trialTemplate")
    if tuned or not isinstance(template, dict):
        rule = "cannot be fixed, it is tuned" if tuned else "the Experiment has no trialTemplate to put it in"
        raise InvalidObject([FieldError(f"trial_parameters.{min(tuned or pinned)}", rule)])
    rest = [item for item in template.get("trialParameters") or () if item.get("name") not in pinned]
    filled = codec.substitute(template.get("trialSpec"), pinned)
    return {**spec, "trialTemplate": {**template, "trialSpec": filled, "trialParameters": rest}}


@contextmanager
def step(where: Where) -> Iterator[Connection]:
    """Yield a connection; signals become Cancelled, errors StepFailed."""
    try:
        with signals_as_cancelled(), connect(where) as connection:
            say(f"running on {connection.place}")
            yield connection
    except Cancelled as signal:
        say(f"ended by {signal}")
        with suppress(BrokenPipeError):
            sys.stderr.flush()
        os._exit(143)
    except KatibError as error:
        raise StepFailed(str(error)) from error


def create_experiment(request: Request, where: Where) -> create.Created:
    """Create the Experiment, or adopt it when this step has already made it."""
    with step(where) as connection:
        return _create(connection, request)


def wait_for_experiment(name: str, namespace: str, waiting: Waiting, where: Where, artifacts: Artifacts) -> Results:
    """Wait for an Experiment that is there; return its results."""
    with step(where) as connection:
        waiting.check()
        return _finish(connection, (name, namespace or connection.namespace), waiting, artifacts)


def tune(request: Request, waiting: Waiting, where: Where, artifacts: Artifacts) -> Results:
    """Create or adopt, wait, and return the results."""
    with step(where) as connection:
        waiting.check()
        made = _create(connection, request)
        return _finish(connection, (made.name, made.namespace), waiting, artifacts)


def get_best_hyperparameters(name: str, namespace: str, where: Where) -> Results:
    """Return the results so far; fail the step when there is no best trial."""
    with step(where) as connection:
        namespace = namespace or connection.namespace
        experiment = Experiment.decode(connection.client.get(EXPERIMENTS, name, namespace))
        found = Results(experiment=experiment, trials=())
        if found.best is None:
            raise StepFailed(f"Experiment {namespace}/{name} is {found.status} and has no best trial")
        return found


def delete_experiment(name: str, namespace: str, run_id: str, only_unfinished: bool, where: Where) -> list[str]:
    """Delete one Experiment by name, or all that a run has made; return the names. None there is success."""
    if not name and not run_id:
        raise StepFailed("delete_experiment needs experiment_name or run_id")
    with step(where) as connection:
        client, namespace = connection.client, namespace or connection.namespace
        labels = f"{names.RUN_LABEL}={names.label_value(run_id)}" if run_id else ""
        found = client.list(EXPERIMENTS, namespace, labels=labels, fields=f"metadata.name={name}" if name else "")[
            "items"
        ]
        experiments = [
            item for item in map(Experiment.decode, found) if not (only_unfinished and progress(item).finished)
        ]
        deleted = [item.metadata.name for item in experiments if create.remove(client, item.metadata.name, namespace)]
        for each in deleted:
            Waiter(client=client).until_gone(each, namespace, timeout=create.GONE_SECONDS)
        say(f"deleted {', '.join(deleted)}" if deleted else "nothing to delete")
        return deleted


def _create(connection: Connection, request: Request) -> create.Created:
    body = requested(request, os.environ)
    namespace = request.namespace or (body.get("metadata") or {}).get("namespace") or connection.namespace
    who = names.asker(request.run_id, names.output_file(sys.argv), _own_pod(connection))
    if connection.place.kind == "embedded":
        create.ensure_namespace(connection.client, namespace)
    made = create.create_or_adopt(
        connection.client,
        create.Wanted(
            body=body,
            namespace=namespace,
            asker=who,
            if_exists=request.if_exists,
            name=request.name,
            digest=digest(request, os.environ) if who.explicit else "",
        ),
    )
    say(f"{'found' if made.adopted else 'created'} Experiment {made.namespace}/{made.name}")
    return made


def _finish(connection: Connection, key: tuple[str, str], waiting: Waiting, artifacts: Artifacts) -> Results:
    client, (name, namespace) = connection.client, key
    lines = ProgressLines(say)
    try:
        experiment, finished = Waiter(client=client).until_finished(
            name, namespace, timeout=60.0 * waiting.timeout_minutes, on_change=lines
        )
        found = results.read(client, experiment, timed_out=not finished)
        outputs.write_artifacts(client, found, artifacts)
    except Cancelled as why:
        if waiting.on_cancel == "delete" and not isinstance(why, Abandoned):
            quickly(lambda: create.remove(client, name, namespace), QUICK_SECONDS)
        raise
    if found.failure:
        _end_badly(client, found, waiting, artifacts)
    elif waiting.delete_finished:
        create.remove(client, name, namespace)
        Waiter(client=client).until_gone(name, namespace, timeout=create.GONE_SECONDS)
    return found


def _end_badly(client: Client, found: Results, waiting: Waiting, artifacts: Artifacts) -> None:
    metadata = found.experiment.metadata
    if found.timed_out and waiting.on_cancel == "delete":
        create.remove(client, metadata.name, metadata.namespace)
        with suppress(StillThere):  # why the step fails is the timeout
            Waiter(client=client).until_gone(metadata.name, metadata.namespace, timeout=STOP_SECONDS)
    if waiting.on_failure == "fail":
        fail(found, artifacts)
    say(found.failure)


def fail(found: Results, artifacts: Artifacts | None) -> NoReturn:
    """Write the outputs there are, then fail the step with the reason."""
    outputs.write_before_failing(outputs.parameters(found), artifacts, sys.argv)
    raise StepFailed(found.failure)


def _own_pod(connection: Connection) -> Mapping[str, Any] | None:
    """Return the Pod that this process runs in, as far as it may be read; it knows the KFP run."""
    name = os.environ.get("KFP_POD_NAME", "")
    if not name or connection.place.kind == "embedded":
        return None
    here = SERVICE_ACCOUNT / "namespace"
    try:
        return connection.client.get(PODS, name, here.read_text().strip() if here.exists() else connection.namespace)
    except (ApiError, OSError) as error:
        logger.info("own Pod %s cannot be read (%s): give run_id to re-attach after a retry", name, error)
        return None
