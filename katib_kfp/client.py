"""KatibClient: Experiments from a notebook or a script, here or on a cluster.

with KatibClient.connect(state=".katib-kfp") as client:
    name = client.create(Experiment.from_function(...))
    client.wait(name)
    print(client.best(name).parameters)
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from katib_control.api.errors import KatibError
from katib_control.api.experiment import Experiment as ApiExperiment
from katib_control.kube.client import Client
from katib_control.kube.resources import EXPERIMENTS
from katib_kfp.experiment import Experiment
from katib_kfp.runtime import create, results
from katib_kfp.runtime.place import Connection, Where, connect
from katib_kfp.runtime.progress import ProgressLines
from katib_kfp.runtime.results import BestTrial, TrialResult
from katib_kfp.runtime.wait import Waiter

OnChange = Callable[[ApiExperiment], None]


class ExperimentFailed(KatibError):
    """The Experiment ended without being a success; ``experiment`` is how it ended."""

    def __init__(self, message: str, experiment: ApiExperiment) -> None:
        super().__init__(message)
        self.experiment = experiment


class KatibClient:
    """Create, follow, read and delete Experiments in one namespace (another one by argument)."""

    def __init__(self, client: Client, namespace: str = "default") -> None:
        self.kube = client
        self.namespace = namespace
        self._open: AbstractContextManager[Connection] | None = None

    @classmethod
    def connect(
        cls, *, kubeconfig: str = "", context: str = "", state: str | Path = "", namespace: str = ""
    ) -> KatibClient:
        """Return a client to be used in a ``with`` statement, or closed.

        Where: what is said here, else the cluster that this process runs in, else KUBECONFIG, else this machine
        with its state in ``./.katib-kfp``. Raises PlaceError and errors of the connection.
        """
        opened = connect(Where(kubeconfig=kubeconfig, context=context, state_dir=str(state)))
        connection = opened.__enter__()
        client = cls(connection.client, namespace or connection.namespace)
        client._open = opened
        return client

    def close(self) -> None:
        """End the connection, and the control plane when it is this process's own."""
        opened, self._open = self._open, None
        if opened:
            opened.__exit__(None, None, None)

    def __enter__(self) -> KatibClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def create(self, experiment: Any, *, namespace: str = "") -> str:
        """Create an Experiment (ours, a dict, YAML text, a Path, an API object) and return its name.

        Raises AlreadyExists, BadRequest for unknown fields, and Invalid with every broken rule.
        """
        body = (experiment if isinstance(experiment, Experiment) else Experiment.from_spec(experiment)).to_dict()
        where = namespace or (body.get("metadata") or {}).get("namespace") or self.namespace
        made = self.kube.create(EXPERIMENTS, body, where, strict=True)
        return str(made["metadata"]["name"])

    def get(self, name: str, *, namespace: str = "") -> ApiExperiment:
        """Return the Experiment; raise NotFound."""
        return ApiExperiment.decode(self.kube.get(EXPERIMENTS, name, namespace or self.namespace))

    def list(self, *, namespace: str = "") -> list[ApiExperiment]:
        """Return all Experiments of the namespace."""
        return [*map(ApiExperiment.decode, self.kube.list(EXPERIMENTS, namespace or self.namespace)["items"])]

    def wait(
        self, name: str, *, timeout: float = 86400.0, on_change: OnChange | None = None, namespace: str = ""
    ) -> ApiExperiment:
        """Return the Experiment when it has succeeded, after ``timeout`` seconds at most.

        ``on_change`` is called with it now and after each change; by default a line of progress is printed. Raises
        ExperimentFailed, ExperimentGone, NotFound, TimeoutError.
        """
        waiter = Waiter(client=self.kube)
        lines = on_change or ProgressLines(_print)
        namespace = namespace or self.namespace
        found, finished = waiter.until_finished(name, namespace, timeout=timeout, on_change=lines)
        if not finished:
            raise TimeoutError(f"Experiment {namespace}/{name} did not finish in {timeout:g} s")
        ended = results.Results(experiment=found, trials=())
        if ended.failure:
            raise ExperimentFailed(ended.failure, found)
        return found

    def best(self, name: str, *, namespace: str = "") -> BestTrial | None:
        """Return the best trial so far with typed parameters, None where there is none."""
        return results.best_trial(self.get(name, namespace=namespace))

    def trials(self, name: str, *, namespace: str = "") -> builtins.list[TrialResult]:
        """Return the Experiment's trials in the order in which they were suggested, with typed parameters."""
        experiment = self.get(name, namespace=namespace)
        return [results.trial_result(trial, experiment) for trial in results.read_trials(self.kube, experiment)]

    def logs(self, trial: str, *, follow: bool = False, namespace: str = "") -> Iterator[str]:
        """Yield the lines that a trial has printed; with ``follow`` until it ends."""
        yield from results.trial_log(self.kube, trial, namespace or self.namespace, follow=follow)

    def delete(self, name: str, *, namespace: str = "") -> bool:
        """Delete the Experiment, its trials and what they run; return whether it was there."""
        return create.remove(self.kube, name, namespace or self.namespace)


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
