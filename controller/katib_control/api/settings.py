"""Settings of algorithms: text in the Experiment, typed and checked by a table that each algorithm shows."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from katib_control.api.errors import FieldError
from katib_control.api.experiment import AlgorithmSpec

Settings = Mapping[str, Any]
"""Typed values by setting name; every setting of the table is there, with its default where nothing was said."""

_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting: its type, the values it may take, and what it is when it is not given.

    ``low`` and ``high`` are inclusive; ``above`` and ``below`` are not. ``name`` of another Katib service can be given
    as ``alias``. ``required``: the Experiment must give it. ``written``: the algorithm writes it back itself, for
    people to see; users do not set it, and any value is accepted.
    """

    name: str
    type: Literal["int", "float", "bool", "choice", "text"]
    help: str
    default: Any = None
    low: float = -math.inf
    high: float = math.inf
    above: float = -math.inf
    below: float = math.inf
    choices: tuple[str, ...] = ()
    alias: str = ""
    required: bool = False
    written: bool = False

    @property
    def rule(self) -> str:
        """Which values are allowed, in words."""
        if self.type == "bool":
            return "must be true or false"
        if self.type == "text":
            return "must not be empty"
        if self.type == "choice":
            return f"must be one of {', '.join(self.choices)}"
        bounds = [
            f"{words} {_plain(limit)}"
            for words, limit in (
                ("at least", self.low), ("greater than", self.above), ("at most", self.high), ("less than", self.below),
            )
            if math.isfinite(limit)
        ]  # fmt: skip
        kind = "a whole number" if self.type == "int" else "a number"
        return f"must be {kind}{', ' if bounds else ''}{' and '.join(bounds)}"

    def read(self, text: str) -> Any:
        """Return the typed value; raise ValueError where the rule is broken."""
        word = text.strip()
        if self.written:
            return word
        if self.type == "text":
            if not word:
                raise ValueError(text)
            return word
        if self.type == "choice":
            if word not in self.choices:
                raise ValueError(text)
            return word
        if self.type == "bool":
            if word.lower() not in (*_TRUE, *_FALSE):
                raise ValueError(text)
            return word.lower() in _TRUE
        value = int(word) if self.type == "int" else float(word)
        # Written so that nan, which compares to nothing, is refused.
        if not (self.low <= value <= self.high and self.above < value < self.below) or "_" in word:
            raise ValueError(text)
        return value


RANDOM_STATE = Setting(
    name="random_state",
    type="int",
    low=0,
    help="seed: the same number gives the same points; without it the seed comes from the Experiment's uid",
)


def read_settings(
    table: Sequence[Setting], spec: AlgorithmSpec, path: str = "spec.algorithm"
) -> tuple[dict[str, Any], list[FieldError]]:
    """Return the typed settings, and what is wrong with those that were given. Of two of a name the last counts.

    ``path`` is where the Experiment has this spec.
    """
    by_name = {name: item for item in table for name in (item.name, item.alias) if name}
    values: dict[str, Any] = {item.name: item.default for item in table}
    errors = []
    for position, given in enumerate(spec.algorithm_settings):
        here = f"{path}.algorithmSettings[{position}]"
        setting = by_name.get(given.name)
        if setting is None:
            rule = f"algorithm {spec.algorithm_name} has no such setting{suggest(given.name, by_name)}"
            errors.append(FieldError(f"{here}.name", rule, given.name, "FieldValueNotSupported"))
            continue
        try:
            values[setting.name] = setting.read(given.value)
        except ValueError:
            errors.append(FieldError(f"{here}.value", f"{given.name} {setting.rule}", given.value))
    said = {by_name[item.name].name for item in spec.algorithm_settings if item.name in by_name}
    for item in table:
        if item.required and item.name not in said:
            rule = f"algorithm {spec.algorithm_name} needs the setting {item.name}: {item.help}"
            errors.append(FieldError(f"{path}.algorithmSettings", rule, None, "FieldValueRequired"))
    return values, errors


def suggest(word: str, known: Iterable[str]) -> str:
    """Return what to say after an unknown word: the nearest known one, and all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{hint} (known: {', '.join(names) or 'none'})"


def _plain(limit: float) -> str:
    return str(int(limit)) if limit == int(limit) else repr(limit)
