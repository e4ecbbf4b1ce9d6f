"""Label and field selectors, in exactly Kubernetes' grammar (apimachinery ``labels.Parse``, ``fields.ParseSelector``).

    label    a=b  a==b  a!=b  a in (b,c)  a notin (b,c)  a  !a  a>3  a<3      joined by commas
    field    metadata.name=b  ==  !=      joined by commas; ``\\\\``, ``\\,`` and ``\\=`` in values

A parsed selector is a predicate over objects. Which field paths a kind supports is the server's decision.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from katib_control.kube.errors import BadRequest
from katib_control.kube.labels import key_problems, value_problems

OPERATORS = ("in", "notin", "=", "==", "!=", "gt", "lt")
_TOKEN = re.compile(r"[ \t\r\n]*(!=|==|[=!(),<>]|[^ \t\r\n=!(),<>]+|$)")
_SYMBOLS = frozenset(("=", "==", "!=", "!", "(", ")", ",", "<", ">"))


class Requirement(NamedTuple):
    """One label rule; operators: ``=`` ``!=`` ``in`` ``notin`` ``exists`` ``!`` ``gt`` ``lt``; values sorted."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels keep the rule; an absent key keeps every negative rule, as in Kubernetes."""
        value = labels.get(self.key)
        if self.operator in ("=", "in"):
            return value in self.values
        if self.operator in ("!=", "notin"):
            return value not in self.values
        if self.operator in ("exists", "!"):
            return (value is not None) == (self.operator == "exists")
        number = _integer(value or "")
        bound = _integer(self.values[0])
        if number is None or bound is None:
            return False
        return number > bound if self.operator == "gt" else number < bound


@dataclass(frozen=True)
class LabelSelector:
    """All of the requirements must hold; none at all matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        """Whether these labels are selected."""
        held = labels or {}
        return all(rule.matches(held) for rule in self.requirements)

    def __call__(self, obj: Mapping[str, Any]) -> bool:
        """Whether the object is selected, by its ``metadata.labels``."""
        return self.matches((obj.get("metadata") or {}).get("labels"))


class FieldRequirement(NamedTuple):
    """One field rule: path, ``=`` or ``!=``, value."""

    path: str
    operator: str
    value: str


@dataclass(frozen=True)
class FieldSelector:
    """All of the requirements must hold; a missing field counts as the empty string."""

    requirements: tuple[FieldRequirement, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The dotted paths asked for."""
        return tuple(rule.path for rule in self.requirements)

    def __call__(self, obj: Mapping[str, Any]) -> bool:
        """Whether the object is selected."""
        return all((_field(obj, path) == value) == (operator == "=") for path, operator, value in self.requirements)


@lru_cache(maxsize=1024)
def parse_labels(text: str) -> LabelSelector:
    """Read a label selector; raise BadRequest with Kubernetes' words."""
    return LabelSelector(tuple(_Parser(text).selector()))


@lru_cache(maxsize=1024)
def parse_fields(text: str) -> FieldSelector:
    """Read a field selector; raise BadRequest with Kubernetes' words."""
    return FieldSelector(tuple(_field_requirement(term, text) for term in sorted(_field_terms(text)) if term))


def from_object(selector: Mapping[str, Any] | None) -> LabelSelector:
    """Read a LabelSelector object (``matchLabels``, ``matchExpressions``); None selects all; raise BadRequest."""
    names = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
    found = [_requirement(key, "=", [value]) for key, value in ((selector or {}).get("matchLabels") or {}).items()]
    for rule in (selector or {}).get("matchExpressions") or ():
        if rule.get("operator") not in names:
            raise BadRequest(f'"{rule.get("operator")}" is not a valid label selector operator')
        found.append(_requirement(rule.get("key", ""), names[rule["operator"]], rule.get("values") or []))
    return LabelSelector(tuple(found))


class _Parser:
    """Recursive descent over (token, is a word) pairs; a trailing ("", False) is the end of the string."""

    def __init__(self, text: str) -> None:
        self._tokens = [token for token in _TOKEN.findall(text) if token]
        self._next = 0

    def selector(self) -> list[Requirement]:
        found: list[Requirement] = []
        if self._ahead() == "":
            return found
        while True:
            token = self._ahead()
            if not found and not _is_word(token) and token != "!":
                raise BadRequest(f"found '{token}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._rule())
            except BadRequest as error:
                raise BadRequest(f"unable to parse requirement: {error.message}") from None
            token = self._take()
            if token == "":
                return found
            if token != ",":
                raise BadRequest(f"found '{token}', expected: ',' or 'end of string'")
            if not _is_word(self._ahead()) and self._ahead() != "!":
                raise BadRequest(f"found '{self._ahead()}', expected: identifier after ','")

    def _rule(self) -> Requirement:
        absent = self._ahead() == "!"
        if absent:
            self._take()
        key = self._take()
        if not _is_word(key):
            raise BadRequest(f"found '{key}', expected: identifier")
        if problems := key_problems(key):
            raise BadRequest(_invalid("<nil>", f'"{key}"', "; ".join(problems)))
        if absent:
            return _requirement(key, "!", [])
        if self._ahead() in ("", ","):
            return _requirement(key, "exists", [])
        operator = self._take()
        if operator in ("in", "notin"):
            return _requirement(key, operator, self._values())
        names = {"=": "=", "==": "=", "!=": "!=", ">": "gt", "<": "lt"}
        if operator not in names:
            raise BadRequest(f"found '{operator}', expected: {', '.join(OPERATORS)}")
        return _requirement(key, names[operator], [self._exact_value()])

    def _exact_value(self) -> str:
        if self._ahead() in ("", ","):
            return ""
        token = self._take()
        if not _is_word(token):
            raise BadRequest(f"found '{token}', expected: identifier")
        return token

    def _values(self) -> list[str]:
        token = self._take()
        if token != "(":
            raise BadRequest(f"found '{token}' expected: '('")
        first = self._ahead()
        if not _is_word(first) and first not in (",", ")"):
            raise BadRequest(f"found '{first}', expected: ',', ')' or identifier")
        # (a,,b) and (,a) hold the empty value too, as Kubernetes reads them.
        values = [self._listed_value()] if first != ")" else []
        while self._ahead() == ",":
            self._take()
            values.append(self._listed_value())
        token = self._take()
        if token != ")":
            raise BadRequest(f"found '{token}', expected: ',' or ')'")
        return values

    def _listed_value(self) -> str:
        token = self._ahead()
        if token in (",", ")"):
            return ""
        if not _is_word(token):
            raise BadRequest(f"found '{token}', expected: ',', or identifier")
        return self._take()

    def _ahead(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._ahead()
        self._next += 1
        return token


def _is_word(token: str) -> bool:
    return token != "" and token not in _SYMBOLS


def _requirement(key: str, operator: str, values: Sequence[str]) -> Requirement:
    errors = [_invalid("key", f'"{key}"', "; ".join(found))] if (found := key_problems(key)) else []
    if operator in ("in", "notin") and not values:
        errors.append(_invalid("values", "[]", "for 'in', 'notin' operators, values set can't be empty"))
    if operator in ("exists", "!") and values:
        shown = "[" + ",".join(f'"{value}"' for value in values) + "]"
        errors.append(_invalid("values", shown, "values set must be empty for exists and does not exist"))
    for index, value in enumerate(sorted(set(values))):
        if operator in ("gt", "lt") and _integer(value) is None:
            rule = "for 'Gt', 'Lt' operators, the value must be an integer"
            errors.append(_invalid(f"values[{index}]", f'"{value}"', rule))
        if problems := value_problems(value):
            errors.append(_invalid(f"values[{index}][{key}]", f'"{value}"', "; ".join(problems)))
    if errors:
        raise BadRequest(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")
    return Requirement(key, operator, tuple(sorted(set(values))))


def _invalid(path: str, shown: str, rule: str) -> str:
    return f"{path}: Invalid value: {shown}: {rule}"


def _integer(text: str) -> int | None:
    # Go's ParseInt: sign and ASCII digits, 64 bits; no blanks, no underscores.
    if not re.fullmatch(r"[+-]?[0-9]+", text) or not -(2**63) <= int(text) < 2**63:
        return None
    return int(text)


def _field_terms(text: str) -> list[str]:
    """Split at the commas that no backslash stands before."""
    return re.findall(r"(?:^|(?<=,))((?:[^\\,]|\\.?)*)", text, re.DOTALL) if text else []


def _field_requirement(term: str, text: str) -> FieldRequirement:
    found = re.match(r"(.*?)(!=|==|=)(.*)", term, re.DOTALL)
    if not found:
        raise BadRequest(f"invalid selector: '{text}'; can't understand '{term}'")
    path, operator, value = found.groups()
    return FieldRequirement(path, "!=" if operator == "!=" else "=", _unescape(value))


def _unescape(value: str) -> str:
    if "\\" not in value and "=" not in value:
        return value
    for part in re.findall(r"\\.?|[^\\]", value, re.DOTALL):
        if part[0] == "\\" and part not in ("\\\\", "\\,", "\\="):
            raise BadRequest(f"invalid field selector: invalid escape sequence: {part}")
        if part == "=":
            raise BadRequest(f"invalid field selector: unescaped character in value: {ord(part)}")
    return re.sub(r"\\(.)", r"\1", value)


def _field(obj: Mapping[str, Any], path: str) -> str:
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
