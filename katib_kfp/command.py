"""What the commands of the command line do. Text goes through click.echo; nothing here reads arguments."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import click

from katib_control.api.experiment import Experiment
from katib_control.kube.errors import NotFound
from katib_control.kube.resources import EXPERIMENTS, TRIALS
from katib_kfp import screen
from katib_kfp.apply import apply
from katib_kfp.manifests import load
from katib_kfp.outcome import outcome, summary, usable
from katib_kfp.runtime.cancel import signals_as_cancelled
from katib_kfp.runtime.create import remove
from katib_kfp.runtime.errors import Cancelled, PlaceError
from katib_kfp.runtime.look import look
from katib_kfp.runtime.place import DEFAULT_STATE, Connection, Where, connect
from katib_kfp.runtime.results import Results, read, read_logs, trial_log
from katib_kfp.runtime.wait import Waiter

GONE_SECONDS = 60.0
CHECK_SECONDS, PATIENCE = 5.0, 3
"""How often a run looks whether its state can still be written, and how often it may be told no in a row."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What `katib-kfp run` was told; ``timeout`` in seconds."""

    file: str
    timeout: float | None
    output: str
    report: str | None
    state: str
    kubeconfig: str
    context: str


def run(options: RunOptions) -> int:
    """Run the Experiment of a file to its end; return the exit code."""
    manifests = load(options.file)
    # A file on this machine runs on this machine, whatever KUBECONFIG says: a cluster has to be named.
    here = options.state or ("" if options.kubeconfig or options.context else DEFAULT_STATE)
    where = Where(kubeconfig=options.kubeconfig, context=options.context, state_dir=here)
    with signals_as_cancelled(), connect(where, timeout=0) as connection:
        try:
            results = _wait(connection, apply(connection, manifests), options)
        except Cancelled:
            click.echo(_go_on(connection, manifests.name), err=True)
            raise
        logs = read_logs(connection.client, results.trials)
    if options.report:
        _write_report(options.report, results, logs)
    _print_outcome(results, options.output)
    return 0 if usable(results) else 1


def up(state: Path, host: str, port: int) -> None:
    """Run a control plane until SIGTERM or Ctrl-C."""
    from katib_control.embedded import ControlPlane

    plane = ControlPlane(state)
    try:
        with signals_as_cancelled():
            plane.start()
            kubeconfig = plane.serve(host, port)
            click.echo(f"katib-kfp is up at {plane.url}, with its state in {state}")
            click.echo(f"\n  export KUBECONFIG={kubeconfig.resolve()}")
            click.echo("  kubectl apply -f experiment.yaml")
            click.echo("  kubectl get experiments --watch\n\nCtrl-C stops it; start it again to go on.")
            sys.stdout.flush()
            threading.Event().wait()
    except Cancelled:
        click.echo("stopping ...", err=True)
    finally:
        plane.stop()


def list_experiments(where: Mapping[str, str], namespace: str, *, everywhere: bool) -> None:
    """Print the Experiments of a namespace, or of all."""
    with look(_where(where)) as connection:
        scope = None if everywhere else namespace or connection.namespace
        found = connection.client.list(EXPERIMENTS, scope)["items"]
    screen.experiments([Experiment.decode(item) for item in found], everywhere=everywhere)


def show(where: Mapping[str, str], name: str, namespace: str, *, output: str, report: str | None) -> None:
    """Print one Experiment with its trials."""
    with look(_where(where)) as connection:
        experiment = _experiment(connection, name, namespace)
        results = read(connection.client, experiment)
        logs = read_logs(connection.client, results.trials) if report else {}
    if report:
        _write_report(report, results, logs)
    _print_outcome(results, output)
    if output == "text":
        screen.trials(results)


def logs(where: Mapping[str, str], trial: str, namespace: str, *, follow: bool) -> None:
    """Print the log of a trial's primary container."""
    with look(_where(where)) as connection:
        namespace = namespace or connection.namespace
        connection.client.get(TRIALS, trial, namespace)
        printed = False
        # Where only state is read, nothing grows.
        follow = follow and connection.place.kind != "embedded"
        for line in trial_log(connection.client, trial, namespace, follow=follow):
            click.echo(line)
            printed = True
    if not printed:
        click.echo(f"no log of trial {trial} is kept: its Pod is gone (trialTemplate.retain: true keeps it)", err=True)


def delete(where: Mapping[str, str], name: str, namespace: str) -> None:
    """Delete an Experiment and wait until nothing of it is left."""
    with connect(_where(where), timeout=0) as connection:
        namespace = namespace or connection.namespace
        _experiment(connection, name, namespace)
        remove(connection.client, name, namespace)
        Waiter(client=connection.client).until_gone(name, namespace, timeout=GONE_SECONDS)
    click.echo(f"experiment {name} deleted")


def demo(arguments: Sequence[str]) -> int:
    """Run the example pipeline in a process of its own."""
    name = Path("pipelines") / "train_then_tune.py"
    roots = (Path(__file__).parent.parent, Path(sysconfig.get_path("data")) / "share" / "katib-kfp")
    script = next((root / name for root in roots if (root / name).exists()), None)
    if script is None:
        raise PlaceError(f"{name} is not part of this installation; run scripts/demo of a checkout")
    process = subprocess.Popen([sys.executable, str(script), *arguments])
    while True:
        try:
            code = process.wait()
            break
        except KeyboardInterrupt:
            continue  # the pipeline got it as well, and ends by itself
    if code == 130:
        click.echo("run the same command to go on where it was", err=True)
    return code


def _wait(connection: Connection, experiment: Experiment, options: RunOptions) -> Results:
    metadata, waiter = experiment.metadata, Waiter(client=connection.client)
    deadline = waiter.clock() + (math.inf if options.timeout is None else options.timeout)
    troubled = 0
    with _showing(options.output) as on_change:
        while True:
            span = min(CHECK_SECONDS, max(0.0, deadline - waiter.clock()))
            seen, finished = waiter.until_finished(metadata.name, metadata.namespace, timeout=span, on_change=on_change)
            if finished or waiter.clock() >= deadline:
                return read(connection.client, seen, timed_out=not finished)
            trouble = connection.trouble()
            troubled = troubled + 1 if trouble else 0
            if trouble and troubled >= PATIENCE:
                raise trouble


@contextmanager
def _showing(output: str) -> Iterator[Callable[[Experiment], None]]:
    """Show progress: alive on a terminal, one line per change elsewhere; beside JSON it goes to stderr."""
    stream = sys.stderr if output == "json" else sys.stdout
    with screen.progress(stream, time.monotonic) as on_change:
        yield on_change


def _print_outcome(results: Results, output: str) -> None:
    now = datetime.now(timezone.utc)
    if output == "json":
        click.echo(json.dumps(outcome(results, now), indent=2, allow_nan=False))
    else:
        click.echo("\n".join(summary(results, now)))


def _write_report(path: str, results: Results, logs: Mapping[str, Sequence[str]]) -> None:
    from katib_kfp.report import render

    Path(path).write_text(render(results.experiment, results.trials, logs=logs), encoding="utf-8")


def _go_on(connection: Connection, name: str) -> str:
    if connection.place.kind == "embedded":
        return f"stopped; {name} is kept in {connection.place.state}: run the same command to go on"
    return f"no longer waiting; {name} goes on in {connection.place}"


def _experiment(connection: Connection, name: str, namespace: str) -> Experiment:
    namespace = namespace or connection.namespace
    try:
        return Experiment.decode(connection.client.get(EXPERIMENTS, name, namespace))
    except NotFound as error:
        raise NotFound(
            f"no Experiment {namespace}/{name} on {connection.place}; katib-kfp list -A shows all"
        ) from error


def _where(given: Mapping[str, str]) -> Where:
    return Where(kubeconfig=given["kubeconfig"], context=given["context"], state_dir=given["state"])
