"""Following an Experiment to its end by watching it: transient errors are survived, lasting ones raised at once."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from katib_control.api.experiment import Experiment
from katib_control.kube.client import Client
from katib_control.kube.errors import ApiError, Gone, NotFound
from katib_control.kube.resources import EXPERIMENTS
from katib_kfp.runtime.errors import ExperimentGone, StillThere
from katib_kfp.runtime.progress import progress

logger = logging.getLogger(__name__)

WATCH_SECONDS = 300
BACKOFF_SECONDS = (0.2, 10.0)


@dataclass(frozen=True, kw_only=True)
class Waiter:
    """What waiting needs; ``clock`` is monotonic seconds, ``sleep`` waits between tries when the server is away."""

    client: Client
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def until_finished(
        self, name: str, namespace: str, *, timeout: float, on_change: Callable[[Experiment], None]
    ) -> tuple[Experiment, bool]:
        """Return the Experiment and whether it has finished, at its end or after ``timeout`` seconds.

        ``on_change`` sees it now and after every change. Raises ExperimentGone when it is deleted, NotFound when it
        never was there, and any ApiError that trying again cannot mend.
        """
        seen: Experiment | None = None
        for obj in self._versions(name, namespace, self.clock() + timeout):
            seen = Experiment.decode(obj, f"Experiment {name}")
            on_change(seen)
            if progress(seen).finished:
                return seen, True
        if seen is None:
            raise ExperimentGone(f"Experiment {namespace}/{name}: the API server gave no answer in {timeout:g} s")
        return seen, False

    def until_gone(self, name: str, namespace: str, *, timeout: float) -> None:
        """Return when no Experiment of this name is left; raise StillThere otherwise."""
        try:
            for _ in self._versions(name, namespace, self.clock() + timeout):
                pass
        except (ExperimentGone, NotFound):
            return
        raise StillThere(
            f"Experiment {namespace}/{name} is still there {timeout:g} s after its deletion; look at its finalizers"
        )

    def _versions(self, name: str, namespace: str, deadline: float) -> Iterator[dict[str, Any]]:
        """Yield the object as it is and as it becomes, until the deadline."""
        backoff, known = BACKOFF_SECONDS[0], False
        while True:
            try:
                found = self.client.get(EXPERIMENTS, name, namespace)
                known, backoff = True, BACKOFF_SECONDS[0]
                yield found
                if self.clock() >= deadline:
                    return
                began = self.clock()
                yield from self._changes(found, deadline)
                if self.clock() - began < BACKOFF_SECONDS[0]:
                    self.sleep(BACKOFF_SECONDS[0])  # something between us and the server ends watches at once
            except NotFound:
                if known:
                    raise ExperimentGone(f"Experiment {namespace}/{name} was deleted") from None
                raise
            except Gone:
                continue
            except ApiError as error:
                if not error.retryable:
                    raise
                logger.warning(
                    "no answer about Experiment %s/%s, trying again in %.1f s: %s", namespace, name, backoff, error
                )
                self.sleep(min(backoff, max(0.0, deadline - self.clock())))
                backoff = min(2 * backoff, BACKOFF_SECONDS[1])
            if self.clock() >= deadline:
                return

    def _changes(self, found: dict[str, Any], deadline: float) -> Iterator[dict[str, Any]]:
        metadata = found["metadata"]
        seconds = max(1, math.ceil(min(WATCH_SECONDS, deadline - self.clock())))
        watch = self.client.watch(
            EXPERIMENTS,
            metadata["namespace"],
            resource_version=metadata["resourceVersion"],
            fields=f"metadata.name={metadata['name']}",
            timeout_seconds=seconds,
        )
        try:
            for kind, obj in watch:
                if kind == "DELETED":
                    raise ExperimentGone(f"Experiment {metadata['namespace']}/{metadata['name']} was deleted")
                if kind in ("ADDED", "MODIFIED"):
                    yield obj
                if self.clock() >= deadline:
                    return
        finally:
            watch.close()
