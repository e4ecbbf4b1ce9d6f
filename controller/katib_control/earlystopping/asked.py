"""What ``spec.earlyStopping`` asks for: a rule of the registry and its typed settings, or every error in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from katib_control.api.errors import FieldError, InvalidObject
from katib_control.api.experiment import AlgorithmSpec
from katib_control.api.settings import Settings, read_settings, suggest
from katib_control.earlystopping.rule import Rule

PATH = "spec.earlyStopping"


@dataclass(frozen=True)
class Asked:
    """A rule and how it is set."""

    name: str
    rule: Rule
    settings: Settings


def asked(spec: AlgorithmSpec, rules: Mapping[str, Rule]) -> Asked:
    """Return the rule that is asked for; raise InvalidObject with all that is wrong."""
    name, field = spec.algorithm_name, f"{PATH}.algorithmName"
    rule = rules.get(name)
    if not name:
        raise InvalidObject([FieldError(field, "must not be empty", None, "FieldValueRequired")])
    if rule is None:
        told = f"no such early stopping rule{suggest(name, rules)}"
        raise InvalidObject([FieldError(field, told, name, "FieldValueNotSupported")])
    settings, errors = read_settings(rule.settings, spec, PATH)
    if not errors:
        given = [item.name for item in spec.algorithm_settings]
        for wrong, told in rule.check(settings):
            where = f".algorithmSettings[{given.index(wrong)}].value" if wrong in given else ".algorithmSettings"
            errors.append(FieldError(f"{PATH}{where}", f"{wrong} {told}", spec.settings.get(wrong)))
    if errors:
        raise InvalidObject(errors)
    return Asked(name, rule, settings)
