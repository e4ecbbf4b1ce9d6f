"""Search algorithm, early stopping, resume policy: that they are named. What settings mean, the algorithm says."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from katib_control.api.errors import FieldError
from katib_control.api.experiment import RESUME_POLICIES, AlgorithmSpec, ExperimentSpec
from katib_control.api.validation.installed import Installed, one_of


def check_algorithm(spec: ExperimentSpec, installed: Installed) -> Iterator[FieldError]:
    """Names against those installed; settings for duplicates."""
    if spec.algorithm is None:
        rule = "say how to search: algorithmName, such as random"
        yield FieldError("spec.algorithm", rule, None, "FieldValueRequired")
    else:
        yield from _named(spec.algorithm, "spec.algorithm", installed.algorithms)
    if spec.early_stopping is not None:
        yield from _named(spec.early_stopping, "spec.earlyStopping", installed.early_stopping)
    if spec.resume_policy and spec.resume_policy not in RESUME_POLICIES:
        yield one_of("spec.resumePolicy", spec.resume_policy, RESUME_POLICIES)


def _named(algorithm: AlgorithmSpec, path: str, known: Collection[str] | None) -> Iterator[FieldError]:
    name = algorithm.algorithm_name
    if not name:
        yield FieldError(f"{path}.algorithmName", "must not be empty", None, "FieldValueRequired")
    elif known is not None and name not in known:
        yield one_of(f"{path}.algorithmName", name, known)
    seen: set[str] = set()
    for index, setting in enumerate(algorithm.algorithm_settings):
        here = f"{path}.algorithmSettings[{index}].name"
        if not setting.name:
            yield FieldError(here, "must not be empty", None, "FieldValueRequired")
        elif setting.name in seen:
            yield FieldError(here, "is set twice", setting.name, "FieldValueDuplicate")
        seen.add(setting.name)
