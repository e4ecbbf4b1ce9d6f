"""Events about Pods, kept few: what holds for every Pod of a template is said once in a while, not for every Pod."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from katib_control.node.sources import containers
from katib_control.runtime.clock import Clock
from katib_control.runtime.plan import EventDraft

Say = Callable[[Mapping[str, Any], EventDraft], None]

_QUIET = timedelta(minutes=10)
_REMEMBERED = 1000
_WARNINGS = frozenset({"Failed", "FailedScheduling", "MountNotVisible"})
_ONCE = frozenset({"ImageIgnored", "VolumeMapped", "MountNotVisible"})


class Notes:
    """Says things through ``say`` (an EventRecorder's ``event``)."""

    def __init__(self, say: Say, clock: Clock) -> None:
        self._say = say
        self._clock = clock
        self._said: dict[tuple[str, ...], datetime] = {}

    def about(self, pod: Mapping[str, Any], reason: str, message: str) -> None:
        """Say something of a Pod; what comes from its template is said once in ten minutes for all Pods like it."""
        if reason in _ONCE and not self._is_new(
            (pod["metadata"]["namespace"], reason, _template(pod), _stable(message, pod))
        ):
            return
        self._say(pod, EventDraft(reason, message, "Warning" if reason in _WARNINGS else "Normal"))

    def image_ignored(self, pod: Mapping[str, Any]) -> None:
        """Say that images play no part on this machine."""
        images = sorted({item["image"] for item in containers(pod) if item.get("image")})
        if images:
            message = f"images are not used on this machine, the commands run as local processes: {', '.join(images)}"
            self.about(pod, "ImageIgnored", message)

    def _is_new(self, key: tuple[str, ...]) -> bool:
        now = self._clock()
        if (last := self._said.get(key)) and now - last < _QUIET:
            return False
        self._said.pop(key, None)
        self._said[key] = now
        if len(self._said) > _REMEMBERED:
            del self._said[next(iter(self._said))]
        return True


def _template(pod: Mapping[str, Any]) -> str:
    """What Pods of one template have in common: the experiment, else nothing; Jobs of one experiment share it."""
    labels = pod["metadata"].get("labels") or {}
    return str(labels.get("katib.kubeflow.org/experiment", ""))


def _stable(message: str, pod: Mapping[str, Any]) -> str:
    return message.replace(str(pod["metadata"].get("uid")), "")
