"""The trial template: that it is there, and that names, placeholders and parameters fit together."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

from katib_control.api.errors import ExpressionError, FieldError, TemplateError
from katib_control.api.experiment import ConfigMapSource, ExperimentSpec, TrialTemplate
from katib_control.api.gjson import parse
from katib_control.api.template import is_metadata_reference, metadata_value, near, placeholders, run_tree
from katib_control.api.validation.pods import check_job, check_primary_container

_PATH = "spec.trialTemplate"


class Unread(Enum):
    """The type of UNREAD."""

    UNREAD = "unread"


UNREAD: Final = Unread.UNREAD
"""The text of a ConfigMap template that nobody has looked up."""


def check_template(spec: ExperimentSpec, text: str | Unread | None) -> Iterator[FieldError]:
    """``text`` is the text of a ConfigMap template; None where there is none."""
    template = spec.trial_template
    if template is None:
        yield FieldError(_PATH, "say what a trial runs: trialSpec or configMap", None, "FieldValueRequired")
        return
    if not template.primary_container_name:
        rule = "name the container whose output is the trial's"
        yield FieldError(f"{_PATH}.primaryContainerName", rule, None, "FieldValueRequired")
    yield from _conditions(template)
    yield from _trial_parameters(spec, template)
    yield from _unused_parameters(spec, template)
    yield from _source(spec, template, text)


def _conditions(template: TrialTemplate) -> Iterator[FieldError]:
    for name, text in (
        ("successCondition", template.success_condition),
        ("failureCondition", template.failure_condition),
    ):
        if not text:
            rule = "must be given for this kind of run object"
            yield FieldError(f"{_PATH}.{name}", rule, None, "FieldValueRequired")
            continue
        try:
            parse(text)
        except ExpressionError as error:
            yield FieldError(f"{_PATH}.{name}", str(error))


def _trial_parameters(spec: ExperimentSpec, template: TrialTemplate) -> Iterator[FieldError]:
    names: set[str] = set()
    references: set[str] = set()
    for index, item in enumerate(template.trial_parameters):
        here = f"{_PATH}.trialParameters[{index}]"
        if not item.name:
            yield FieldError(f"{here}.name", "must not be empty", None, "FieldValueRequired")
        elif "{" in item.name or "}" in item.name:
            yield FieldError(f"{here}.name", "must not contain '{' or '}'", item.name)
        elif item.name in names:
            yield FieldError(f"{here}.name", "is the name of another trial parameter", item.name, "FieldValueDuplicate")
        if not item.reference:
            yield FieldError(f"{here}.reference", "must not be empty", None, "FieldValueRequired")
        elif item.reference in references:
            rule = "is referred to by another trial parameter: use that one's name twice"
            yield FieldError(f"{here}.reference", rule, item.reference, "FieldValueDuplicate")
        elif spec.parameters and not is_metadata_reference(item.reference):
            known = [parameter.name for parameter in spec.parameters]
            if item.reference not in known:
                rule = f"is no parameter of the search space: {near(item.reference, known)}"
                yield FieldError(f"{here}.reference", rule, item.reference, "FieldValueNotFound")
        names.add(item.name)
        references.add(item.reference)


def _unused_parameters(spec: ExperimentSpec, template: TrialTemplate) -> Iterator[FieldError]:
    used = {item.reference for item in template.trial_parameters}
    for index, parameter in enumerate(spec.parameters):
        if parameter.name and parameter.name not in used:
            rule = "is never used: no entry of trialTemplate.trialParameters refers to it"
            yield FieldError(f"spec.parameters[{index}].name", rule, parameter.name)


def _source(spec: ExperimentSpec, template: TrialTemplate, text: str | Unread | None) -> Iterator[FieldError]:
    if (template.trial_spec is None) == (template.config_map is None):
        given = "none" if template.trial_spec is None else "both"
        yield FieldError(_PATH, f"give one of trialSpec and configMap, not {given}", None, "FieldValueRequired")
        return
    path = f"{_PATH}.trialSpec"
    if template.config_map is not None:
        path = f"{_PATH}.configMap"
        missing = list(_config_map(template.config_map))
        yield from missing
        if missing or text is UNREAD:
            return
        if text is None:
            source = template.config_map
            rule = f"no ConfigMap {source.config_map_name!r} has the key {source.template_path!r}"
            yield FieldError(path, rule, None, "FieldValueNotFound")
            return
    try:
        tree = run_tree(spec, text if isinstance(text, str) and template.config_map is not None else None)
    except TemplateError as error:
        yield FieldError(path, str(error))
        return
    yield from _tree(template, tree, path)


def _config_map(source: ConfigMapSource) -> Iterator[FieldError]:
    fields = {
        "configMapName": source.config_map_name,
        "configMapNamespace": source.config_map_namespace,
        "templatePath": source.template_path,
    }
    for name, value in fields.items():
        if not value:
            yield FieldError(f"{_PATH}.configMap.{name}", "must not be empty", None, "FieldValueRequired")


def _tree(template: TrialTemplate, tree: dict[str, Any], path: str) -> Iterator[FieldError]:
    for name in ("apiVersion", "kind"):
        if not isinstance(tree.get(name), str) or not tree[name]:
            yield FieldError(f"{path}.{name}", "must be given", tree.get(name), "FieldValueRequired")
    metadata = tree.get("metadata") or {}
    for name in ("name", "namespace"):
        if isinstance(metadata, dict) and metadata.get(name):
            rule = "is given by the trial: leave it out"
            yield FieldError(f"{path}.metadata.{name}", rule, metadata[name], "FieldValueForbidden")
    yield from _placeholders(template, tree, path)
    yield from check_job(tree, path)
    yield from check_primary_container(tree, template.primary_container_name, f"{_PATH}.primaryContainerName")


def _placeholders(template: TrialTemplate, tree: dict[str, Any], path: str) -> Iterator[FieldError]:
    used = placeholders(tree)
    declared = [item.name for item in template.trial_parameters]
    for name in used:
        if name not in declared:
            rule = f"${{trialParameters.{name}}} is not declared in trialParameters: {near(name, declared)}"
            yield FieldError(path, rule, None, "FieldValueNotFound")
    for index, item in enumerate(template.trial_parameters):
        here = f"{_PATH}.trialParameters[{index}]"
        if item.name and item.name not in used:
            rule = f"is never used: the template has no ${{trialParameters.{item.name}}}"
            yield FieldError(f"{here}.name", rule, item.name)
        if is_metadata_reference(item.reference):
            try:
                metadata_value(item.reference, tree, "", "")
            except TemplateError as error:
                yield FieldError(f"{here}.reference", str(error), item.reference)
