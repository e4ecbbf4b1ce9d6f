"""Saying on a Trial that it was stopped early: for metrics collectors that have stopped its run themselves."""

from __future__ import annotations

from katib_control.api.conditions import TRIAL_FINAL, final, put
from katib_control.api.model import Condition
from katib_control.api.trial import Trial
from katib_control.kube.client import Client
from katib_control.kube.errors import Conflict
from katib_control.kube.resources import TRIALS
from katib_control.runtime.clock import Clock, system_clock

NAMESPACE_VARIABLE = "KATIB_NAMESPACE"
"""Environment variable: where Trials are looked for, if not in the namespace of the Pod or of the kubeconfig."""

ATTEMPTS = 8
MESSAGE = "The metrics collector has stopped the trial by an early stopping rule"


class TrialStatusWriter:
    """Writes the condition; the Trial's controller does the rest."""

    def __init__(self, client: Client, clock: Clock = system_clock, *, namespace: str = "default") -> None:
        self._client = client
        self._clock = clock
        self._namespace = namespace

    def stopped(self, name: str, namespace: str = "") -> None:
        """Set EarlyStopped on the Trial; one that has ended keeps its end. Raises ApiError.

        ``namespace``: where it is, if not in the one that this writer is for.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._write(name, namespace or self._namespace)
            except Conflict:
                if attempt == ATTEMPTS:
                    raise
            else:
                return

    def _write(self, name: str, namespace: str) -> None:
        trial = Trial.decode(self._client.get(TRIALS, name, namespace))
        if final(trial.status.conditions, TRIAL_FINAL) is not None:
            return
        told = Condition(type="EarlyStopped", status="True", reason="TrialEarlyStopped", message=MESSAGE)
        conditions = put(trial.status.conditions, told, self._clock())
        body = {
            "metadata": {"resourceVersion": trial.metadata.resource_version},
            "status": {"conditions": [item.to_dict() for item in conditions]},
        }
        self._client.patch(TRIALS, name, body, namespace, subresource="status")
