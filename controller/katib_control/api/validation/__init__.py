"""Which Experiments make sense: every broken rule at once, each with field path, rule and value.

Katib's rules and what Katib leaves unchecked. Experiments are expected with their defaults (``api.defaults``). Each
module checks one part of the spec and yields FieldErrors.
"""

from __future__ import annotations

from collections.abc import Iterator

from katib_control.api.errors import FieldError
from katib_control.api.experiment import Experiment
from katib_control.api.validation.algorithm import check_algorithm
from katib_control.api.validation.collector import check_collector
from katib_control.api.validation.counts import check_counts
from katib_control.api.validation.installed import ANYTHING, Installed
from katib_control.api.validation.metadata import check_name
from katib_control.api.validation.nas import check_nas
from katib_control.api.validation.objective import check_objective
from katib_control.api.validation.parameters import check_parameters
from katib_control.api.validation.template import UNREAD, Unread, check_template
from katib_control.api.validation.update import check_update

__all__ = ["ANYTHING", "UNREAD", "Installed", "Unread", "validate"]


def validate(
    experiment: Experiment,
    *,
    old: Experiment | None = None,
    template: str | Unread | None = UNREAD,
    installed: Installed = ANYTHING,
) -> list[FieldError]:
    """Return every broken rule; an empty list means valid.

    ``old`` is the stored Experiment where this is an update: an update is judged by what may change, and one of
    metadata alone is always valid, so that nothing which was accepted once can later refuse to be deleted.
    ``template`` is the text of a template kept in a ConfigMap (None: there is none; UNREAD: not looked up, so it is not
    checked). ``installed`` says which algorithms and collectors exist.
    """
    if old is not None:
        return list(check_update(experiment, old))
    return list(_all(experiment, template, installed))


def _all(experiment: Experiment, template: str | Unread | None, installed: Installed) -> Iterator[FieldError]:
    spec = experiment.spec
    yield from check_name(experiment.metadata)
    yield from check_counts(spec)
    yield from check_objective(spec.objective)
    yield from check_algorithm(spec, installed)
    if not spec.parameters and spec.nas_config is None:
        rule = "name at least one parameter to tune"
        yield FieldError("spec.parameters", rule, None, "FieldValueRequired")
    if spec.parameters and spec.nas_config is not None:
        rule = "give either parameters or nasConfig, not both"
        yield FieldError("spec.nasConfig", rule, None, "FieldValueForbidden")
    yield from check_parameters(spec.parameters, "spec.parameters")
    yield from check_nas(spec.nas_config)
    yield from check_template(spec, template)
    yield from check_collector(spec.metrics_collector_spec, installed)
