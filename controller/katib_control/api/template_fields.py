"""Which fields of Pod templates and Jobs are numbers or booleans, and where Kubernetes wants nothing but strings."""

from __future__ import annotations

NUMBERS = frozenset({
    # Job and JobTemplate
    "activeDeadlineSeconds", "backoffLimit", "backoffLimitPerIndex", "completions", "maxFailedIndexes", "parallelism",
    "ttlSecondsAfterFinished", "replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds",
    # Pod
    "terminationGracePeriodSeconds", "priority", "tolerationSeconds", "maxSkew", "minDomains", "weight",
    # Container
    "containerPort", "hostPort", "port", "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold",
    "failureThreshold", "seconds",
    # Security context
    "runAsUser", "runAsGroup", "fsGroup", "supplementalGroups",
    # Volumes
    "defaultMode", "mode", "expirationSeconds", "partition", "lun",
})  # fmt: skip
"""Fields whose value is a number or a list of numbers; ``port`` also takes a name, which stays text."""

BOOLEANS = frozenset({
    "suspend", "hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace",
    "automountServiceAccountToken",
    "enableServiceLinks", "setHostnameAsFQDN", "privileged", "allowPrivilegeEscalation", "readOnlyRootFilesystem",
    "runAsNonRoot", "readOnly", "optional", "stdin", "stdinOnce", "tty",
})  # fmt: skip
"""Fields whose value is true or false."""

TEXT_BRANCHES = frozenset({
    "args", "command", "metadata", "labels", "annotations", "matchLabels", "nodeSelector",
})  # fmt: skip
"""Branches that hold only strings, in every kind of object."""
