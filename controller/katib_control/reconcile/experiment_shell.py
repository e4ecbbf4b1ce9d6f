"""Experiment: from the caches to what is seen, and from the plan to the writes. Thin."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from katib_control.api.conditions import EXPERIMENT_FINAL, final
from katib_control.api.defaults import default
from katib_control.api.errors import FieldError, KatibError
from katib_control.api.experiment import Experiment
from katib_control.api.suggestion import Suggestion
from katib_control.api.validation import validate
from katib_control.kube.errors import NotFound
from katib_control.kube.resources import CONFIG_MAPS, EXPERIMENTS, TRIALS
from katib_control.reconcile import experiment
from katib_control.reconcile.caches import Known, owner_uid
from katib_control.reconcile.context import Context, as_written
from katib_control.reconcile.seen import ExperimentSeen
from katib_control.runtime.controller import Key
from katib_control.runtime.plan import Plan

AGAIN = 1.0
"""Seconds after which a missing echo is looked for again; it normally brings the key back by itself."""


class ExperimentReconciler:
    """Reconciles one Experiment at a time; keys of different Experiments may run in parallel."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._checked: dict[str, tuple[int, tuple[FieldError, ...]]] = {}
        self._written_at: dict[str, datetime] = {}
        self._requested: dict[str, int] = {}

    def reconcile(self, key: Key) -> float | None:
        """Observe, plan, apply."""
        known = self._context.caches.experiments.get(*key)
        if known is None or self._context.versions.stale(*_identity(known.experiment)):
            return AGAIN if known else None
        now = self._context.clock()
        seen = self._observe(known, now)
        if seen is None:
            return AGAIN
        plan = experiment.plan(seen, now)
        self._apply(seen, plan, now)
        return plan.requeue_after

    def forget(self, uid: str) -> None:
        """Drop what is remembered of an Experiment that is gone."""
        self._checked.pop(uid, None)
        self._written_at.pop(uid, None)
        self._requested.pop(uid, None)
        self._context.versions.forget(uid)
        self._context.suggest.forget(uid)

    def _observe(self, known: Known, now: datetime) -> ExperimentSeen | None:
        found, context = known.experiment, self._context
        meta = found.metadata
        if meta.deletion_timestamp:
            return ExperimentSeen(experiment=found)
        suggestion = context.caches.suggestions.get(meta.namespace, meta.name)
        taken = suggestion is not None and owner_uid(suggestion.metadata, "Experiment") != meta.uid
        ours = None if taken else suggestion
        if ours and ours.spec.requests < self._requested.get(meta.uid, 0) and context.expected.waiting(meta.uid):
            return None
        held = [item.name for item in ours.status.suggestions] if ours else []
        summary, missing = context.caches.rollups.of(meta.uid).look(held)
        if any(context.expected.waiting((meta.uid, name)) for name in missing):
            return None
        unused = [item for item in ours.status.suggestions if item.name in missing] if ours else []
        text, unread = self._template(found) if unused or ours is None else (None, "")
        # Whether an edit is allowed depends on what was there before: only admission can tell. Types must be right.
        errors, unchecked = self._errors(known, text) if ours is None else (known.errors, "")
        return ExperimentSeen(
            experiment=default(found, text) if text else found,
            suggestion=ours,
            summary=summary,
            unused=unused,
            errors=errors,
            unchecked=unchecked,
            template=text,
            template_error=unread,
            name_taken=taken,
            status_due=self._due(meta.uid, now),
        )

    def _due(self, uid: str, now: datetime) -> bool:
        last = self._written_at.get(uid)
        return last is None or (now - last).total_seconds() >= experiment.STATUS_INTERVAL

    def _template(self, found: Experiment) -> tuple[str | None, str]:
        """Return the text of a template in a ConfigMap, or why there is none."""
        wanted = found.spec.trial_template
        source = wanted.config_map if wanted else None
        if source is None:
            return None, ""
        where = f"key {source.template_path} of ConfigMap {source.config_map_namespace}/{source.config_map_name}"
        try:
            body = self._context.client.get(CONFIG_MAPS, source.config_map_name, source.config_map_namespace)
            return body["data"][source.template_path], ""
        except (NotFound, KeyError):
            return None, f"{where} does not exist: create it"

    def _errors(self, known: Known, text: str | None) -> tuple[tuple[FieldError, ...], str]:
        """Return every broken rule, and why the algorithm could not be asked; once for each generation."""
        found = known.experiment
        meta = found.metadata
        if known.errors or final(found.status.conditions, EXPERIMENT_FINAL):
            return known.errors, ""
        checked = self._checked.get(meta.uid)
        if checked and checked[0] == meta.generation:
            return checked[1], ""
        whole = default(found, text) if text else found
        errors = tuple(validate(whole, template=text)) if text else tuple(validate(whole))
        unchecked = ""
        if whole.spec.algorithm is not None and not errors:
            try:
                errors = tuple(self._context.suggest.validate(whole))
                if self._context.early_stop is not None:
                    errors += tuple(self._context.early_stop.validate(whole))
            except KatibError as error:
                return (), f"the algorithm cannot be asked whether it accepts this: {error}"
        self._checked[meta.uid] = (meta.generation, errors)
        return errors, unchecked

    def _apply(self, seen: ExperimentSeen, plan: Plan, now: datetime) -> None:
        uid = seen.experiment.metadata.uid
        written = self._context.apply(EXPERIMENTS, as_written(seen.experiment), plan)
        if written is not None:
            self._written_at[uid] = now
        names = [body["metadata"]["name"] for resource, body in plan.create if resource == TRIALS]
        self._context.expected.add((uid, name) for name in names)
        requests = [wanted for patch in plan.patch if (wanted := _requests(patch.body))]
        if requests:
            self._requested[uid] = requests[0]
            self._context.expected.add([uid])


def _requests(body: dict[str, Any]) -> int:
    return int(body.get("spec", {}).get("requests", 0))


def _identity(obj: Experiment | Suggestion) -> tuple[str, str]:
    return obj.metadata.uid, obj.metadata.resource_version
