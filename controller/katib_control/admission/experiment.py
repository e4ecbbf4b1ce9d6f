"""Admission of Experiments: the defaulted object, or one error that names every broken rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from katib_control.api.defaults import default
from katib_control.api.errors import FieldError, InvalidObject
from katib_control.api.experiment import ConfigMapSource, Experiment
from katib_control.api.validation import validate
from katib_control.api.validation.installed import ANYTHING, Installed
from katib_control.kube.errors import Invalid

ReadTemplate = Callable[[ConfigMapSource], str | None]
"""Returns the text of a template kept in a ConfigMap, None where there is none."""

CheckAlgorithm = Callable[[Experiment], Sequence[FieldError]]


class ExperimentAdmission:
    """Defaults and validates Experiments; the same call for a webhook and for the embedded server."""

    def __init__(
        self, read_template: ReadTemplate, check_algorithm: CheckAlgorithm, installed: Installed = ANYTHING
    ) -> None:
        self._read_template = read_template
        self._check_algorithm = check_algorithm
        self._installed = installed

    def __call__(self, new: dict[str, Any], old: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return ``new`` with defaults; raise Invalid (422) with one cause for each broken rule.

        An update that leaves the spec as it is (labels, finalizers) passes untouched: what was accepted once can never
        refuse to be deleted.
        """
        if old is not None and old.get("spec") == new.get("spec"):
            return new
        experiment, mistyped = readable(new)
        template = self._template(experiment)
        experiment = default(experiment, template)
        before = Experiment.decode(old) if old is not None else None
        errors = [*validate(experiment, old=before, template=template, installed=self._installed)]
        if before is None and experiment.spec.algorithm is not None:
            errors += self._check_algorithm(experiment)
        # What a field of the wrong type has left open is no further error.
        errors = [*mistyped, *(item for item in errors if not any(_touches(item, wrong) for wrong in mistyped))]
        if errors:
            raise refused(new, errors)
        return experiment.to_dict()

    def _template(self, experiment: Experiment) -> str | None:
        wanted = experiment.spec.trial_template
        return self._read_template(wanted.config_map) if wanted and wanted.config_map else None


def readable(obj: dict[str, Any]) -> tuple[Experiment, Sequence[FieldError]]:
    """Return the Experiment without its fields of a wrong type, and what is wrong with those.

    Raises Invalid where what is left cannot be read either.
    """
    try:
        return Experiment.decode(obj), ()
    except InvalidObject as error:
        wrong = error.errors
    rest = json.loads(json.dumps(obj))
    for item in wrong:
        _remove(rest, item.field)
    try:
        return Experiment.decode(rest), wrong
    except InvalidObject as error:
        raise refused(obj, wrong) from error


def _remove(obj: Any, path: str) -> None:
    """Remove the field at ``spec.parameters[0].name``; what is not there is no matter."""
    steps = [int(step) if step.isdigit() else step for step in path.replace("[", ".").replace("]", "").split(".")]
    for step in steps[:-1]:
        try:
            obj = obj[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(obj, dict):
        obj.pop(steps[-1], None)


def _touches(error: FieldError, wrong: FieldError) -> bool:
    """Whether the error lies at, above or below the field of a wrong type."""
    return error.field.startswith(wrong.field) or wrong.field.startswith(error.field)


def refused(obj: dict[str, Any], errors: Sequence[FieldError]) -> Invalid:
    """Return the 422 answer that a Kubernetes API server would give for these errors."""
    name = obj.get("metadata", {}).get("name", "")
    unique = list(dict.fromkeys(errors))
    text = ", ".join(map(str, unique))
    return Invalid(
        f'Experiment.kubeflow.org "{name}" is invalid: {text if len(unique) == 1 else f"[{text}]"}',
        details={"name": name, "group": "kubeflow.org", "kind": "Experiment"},
        causes=[
            {"reason": item.reason, "message": str(replace(item, field="")), "field": item.field} for item in unique
        ],
    )
