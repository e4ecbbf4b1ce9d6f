"""Reading Trials into the cache, where thousands of them stay: what they have in common is kept once.

Trials of an Experiment share objective, collector and owner, and many share conditions. A run object is not needed once
its Trial has ended, but for its kind.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from katib_control.api.collector import MetricsCollectorSpec
from katib_control.api.conditions import TRIAL_FINAL
from katib_control.api.experiment import ObjectiveSpec
from katib_control.api.model import Condition, Model, OwnerReference
from katib_control.api.trial import Trial

_CONDITIONS, _PARTS = 512, 16


class TrialDecoder:
    """``decode`` of the Trial informer; used by its one thread."""

    def __init__(self) -> None:
        self._conditions: OrderedDict[tuple[Any, ...], Condition] = OrderedDict()
        self._parts: list[tuple[type[Model], Any, Model]] = []

    def __call__(self, body: dict[str, Any]) -> Trial:
        """Return the Trial; raise InvalidObject with every field that has the wrong type."""
        meta, spec, status = (dict(body.get(part) or {}) for part in ("metadata", "spec", "status"))
        owners = meta.get("ownerReferences")
        if isinstance(owners, list):
            meta["ownerReferences"] = [self._shared(OwnerReference, item) for item in owners]
        for name, kind in (("objective", ObjectiveSpec), ("metricsCollector", MetricsCollectorSpec)):
            if spec.get(name) is not None:
                spec[name] = self._shared(kind, spec[name])
        conditions = status.get("conditions")
        if isinstance(conditions, list):
            status["conditions"] = [self._condition(item) for item in conditions]
            if isinstance(spec.get("runSpec"), dict) and any(_is_end(item) for item in conditions):
                spec["runSpec"] = {key: spec["runSpec"].get(key) for key in ("apiVersion", "kind")}
        return Trial.decode({**body, "metadata": meta, "spec": spec, "status": status})

    def _shared(self, kind: type[Model], raw: Any) -> Any:
        for known, seen, made in self._parts:
            if known is kind and seen == raw:
                return made
        if not isinstance(raw, dict):
            return raw  # the Trial's own decoding says what is wrong with it
        try:
            made = kind.model_validate(raw)
        except ValueError:
            return raw
        self._parts.insert(0, (kind, raw, made))
        del self._parts[_PARTS:]
        return made

    def _condition(self, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        key = tuple(raw.items())
        made = self._conditions.get(key)
        if made is None:
            try:
                made = Condition.model_validate(raw)
            except ValueError:
                return raw
            self._conditions[key] = made
            if len(self._conditions) > _CONDITIONS:
                self._conditions.popitem(last=False)
        return made


def _is_end(condition: Any) -> bool:
    return isinstance(condition, dict) and condition.get("type") in TRIAL_FINAL and condition.get("status") == "True"
