"""Suggestion: from the caches to what is seen, the question to the algorithm, and the writes. Thin."""

from __future__ import annotations

import logging

from katib_control.api.conditions import EXPERIMENT_FINAL, TRIAL_FINAL, final
from katib_control.api.errors import KatibError
from katib_control.api.suggestion import Question, Suggestion
from katib_control.kube.resources import SUGGESTIONS
from katib_control.reconcile import suggestion
from katib_control.reconcile.caches import owner_uid
from katib_control.reconcile.context import Context, as_written
from katib_control.reconcile.reasons import SCALED_DOWN_ANNOTATION
from katib_control.reconcile.seen import SuggestionSeen
from katib_control.runtime.controller import Key
from katib_control.runtime.plan import Plan

logger = logging.getLogger(__name__)

AGAIN = 1.0


class SuggestionReconciler:
    """Asks for points and stores them. One question at a time for each Experiment."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def reconcile(self, key: Key) -> float | None:
        """Observe, ask if points are wanted, plan, apply."""
        found = self._context.caches.suggestions.get(*key)
        if found is None or found.metadata.deletion_timestamp:
            return None
        if self._context.versions.stale(found.metadata.uid, found.metadata.resource_version):
            return AGAIN
        seen = self._observe(found)
        plan = self._ask(seen) if suggestion.wanted(seen) else suggestion.plan(seen, self._context.clock())
        self._context.apply(SUGGESTIONS, as_written(found), plan)
        if seen.experiment and final(seen.experiment.status.conditions, EXPERIMENT_FINAL):
            self._context.suggest.forget(seen.experiment.metadata.uid)
        return plan.requeue_after

    def _observe(self, found: Suggestion) -> SuggestionSeen:
        meta, caches = found.metadata, self._context.caches
        owner = owner_uid(meta, "Experiment")
        known = caches.experiments.get(meta.namespace, meta.name)
        rollup = caches.rollups.of(owner)
        names = [item.name for item in found.status.suggestions]
        summary, missing = rollup.look(names)
        states = {name: rollup.state(name) for name in names if name not in missing}
        return SuggestionSeen(
            suggestion=found,
            experiment=known.experiment if known and known.experiment.metadata.uid == owner else None,
            summary=summary,
            missing=missing,
            final=frozenset(name for name, state in states.items() if state in TRIAL_FINAL),
            taken=frozenset(name for name in states if self._taken(meta.namespace, name)),
        )

    def _taken(self, namespace: str, name: str) -> bool:
        """Whether somebody is deleting the Trial: its point must not be run again."""
        trial = self._context.caches.trials.get(namespace, name)
        if trial is None or not trial.metadata.deletion_timestamp:
            return False
        return SCALED_DOWN_ANNOTATION not in trial.metadata.annotations

    def _ask(self, seen: SuggestionSeen) -> Plan:
        assert seen.experiment is not None  # nothing is wanted without one
        question = Question(
            experiment=suggestion.with_settings_written_back(seen),
            trials=self._context.caches.rollups.of(seen.experiment.metadata.uid).trials(),
            pending=suggestion.pending(seen),
            index=suggestion.points_made(seen),
            count=suggestion.wanted(seen),
        )
        try:
            answer = self._context.suggest.ask(question)
        except KatibError as error:
            return suggestion.refuse(seen, str(error), self._context.clock())
        except Exception as error:
            # Another's bug must not stop the search without a word: users see it in the conditions.
            logger.exception("algorithm of %s failed", seen.experiment.metadata.name)
            return suggestion.refuse(seen, f"{type(error).__name__}: {error}", self._context.clock())
        return suggestion.accept(seen, answer, self._context.clock())
