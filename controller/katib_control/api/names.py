"""Labels, annotations, finalizers and derived names that the control plane and its users share."""

from __future__ import annotations

import hashlib

EXPERIMENT_LABEL = "katib.kubeflow.org/experiment"
TRIAL_LABEL = "katib.kubeflow.org/trial"
INDEX_ANNOTATION = "katib.kubeflow.org/index"
"""On a Trial: the index of its assignment, counted from 0."""

EXPERIMENT_FINALIZER = "update-prometheus-metrics"
TRIAL_FINALIZER = "clean-metrics-in-db"
TRIAL_NAME_ENV = "KATIB_TRIAL_NAME"
UNAVAILABLE = "unavailable"

GENERATION_LABEL = "pbt.suggestion.katib.kubeflow.org/generation"
PARENT_LABEL = "pbt.suggestion.katib.kubeflow.org/parent"
"""On a Trial of population-based training: its generation, and whose checkpoint it goes on from (Katib's labels)."""

MEMBER_LABEL = "pbt.suggestion.katib.kubeflow.org/member"
"""Which line of the population it belongs to (ours)."""

LINEAGE_LABELS = (GENERATION_LABEL, PARENT_LABEL, MEMBER_LABEL)

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # Kubernetes' own: no vowels, no look-alikes


def trial_name(experiment: str, uid: str, index: int) -> str:
    """Return the name of the Trial made from the assignment of this index: derived, so it can never be made twice."""
    digest = hashlib.sha256(f"{uid}/{index}".encode()).digest()
    suffix = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:8])
    return f"{experiment}-{suffix}"
