"""Conditions between parameters: ``min_leaf <= min_split``, ``batch * steps <= 4096 and optimizer != "lbfgs"``.

A small part of Python's expressions, parsed and never executed as code: numbers, texts, parameters by name (names that
are no Python names in backquotes), ``+ - * / // % **``, comparisons, ``and or not in``, and a few functions.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from katib_control.api.errors import ExpressionError

Value = float | str
LONGEST = 1000

_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": abs, "min": min, "max": max, "log": math.log, "log2": math.log2, "log10": math.log10, "exp": math.exp,
    "sqrt": math.sqrt, "floor": math.floor, "ceil": math.ceil,
}  # fmt: skip
_ARITHMETIC: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: math.pow,
}  # fmt: skip
_COMPARISONS: Mapping[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne, ast.In: lambda item, group: item in group, ast.NotIn: lambda item, group: item not in group,
}  # fmt: skip
_ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_QUOTED = re.compile(r"`([^`]*)`|\"[^\"]*\"|'[^']*'")


@dataclass(frozen=True)
class Constraint:
    """A parsed condition. ``names`` are the parameters it speaks of."""

    text: str
    names: frozenset[str]
    _tree: ast.expr = field(repr=False, compare=False)
    _aliases: Mapping[str, str] = field(repr=False, compare=False)

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether a point keeps it; one for which it cannot be computed (a division by zero, say) does not."""
        try:
            return bool(_evaluate(self._tree, values, self._aliases))
        except (ArithmeticError, ValueError, RecursionError):
            return False


def parse(text: str, kinds: Mapping[str, type]) -> Constraint:
    """Read a condition over parameters that are ``float`` or ``str``; raise ExpressionError with what is wrong."""
    if len(text) > LONGEST:
        raise ExpressionError(f"must have at most {LONGEST} characters")
    aliases: dict[str, str] = {}

    def alias(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        aliases[f"_{len(aliases)}_"] = found[1]
        return list(aliases)[-1]

    try:
        tree = ast.parse(_QUOTED.sub(alias, text).strip(), mode="eval").body
        names = {aliases.get(node.id, node.id) for node in _names(tree)}
        if unknown := sorted(names - set(kinds)):
            raise ExpressionError(f"{unknown[0]} is no parameter; there is {', '.join(kinds)}")
        if _kind(tree, kinds, aliases) is not bool:
            raise ExpressionError("must be a condition, such as a <= b")
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise ExpressionError("must be a condition over parameters, such as a + b <= 10") from error
    if not names:
        raise ExpressionError("must speak of at least one parameter")
    return Constraint(text, frozenset(names), tree, aliases)


def _names(tree: ast.expr) -> Iterator[ast.Name]:
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return (node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions)


def _kind(node: ast.expr, kinds: Mapping[str, type], aliases: Mapping[str, str]) -> type:
    """Return whether a part is a condition (bool), a number (float) or a text (str); raise ExpressionError."""
    match node:
        case ast.Constant(value=bool()) | ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
            _check_condition(node, kinds, aliases)
            return bool
        case ast.Constant(value=int() | float()):
            return float
        case ast.Constant(value=str()):
            return str
        case ast.Name():
            return kinds[aliases.get(node.id, node.id)]
        case ast.BinOp() if type(node.op) in _ARITHMETIC:
            return _numbers([node.left, node.right], kinds, aliases)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            return _numbers([node.operand], kinds, aliases)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS and args:
            if name not in ("min", "max") and len(args) > (2 if name == "log" else 1):
                raise ExpressionError(f"{name} takes one number")
            return _numbers(args, kinds, aliases)
    raise ExpressionError(f"cannot contain {ast.unparse(node)!r}; functions are {', '.join(_FUNCTIONS)}")


def _numbers(parts: list[ast.expr], kinds: Mapping[str, type], aliases: Mapping[str, str]) -> type:
    for part in parts:
        if _kind(part, kinds, aliases) is not float:
            raise ExpressionError(f"{ast.unparse(part)} must be a number")
    return float


def _check_condition(node: ast.expr, kinds: Mapping[str, type], aliases: Mapping[str, str]) -> None:
    match node:
        case ast.BoolOp(values=parts) | ast.UnaryOp(operand=ast.expr() as parts):
            for part in parts if isinstance(parts, list) else [parts]:
                if _kind(part, kinds, aliases) is not bool:
                    raise ExpressionError(f"{ast.unparse(part)} must be a condition")
        case ast.Compare():
            parts = [node.left, *node.comparators]
            for left, how, right in zip(parts, node.ops, parts[1:], strict=False):
                _check_comparison(left, how, right, kinds, aliases)


def _check_comparison(
    left: ast.expr, how: ast.cmpop, right: ast.expr, kinds: Mapping[str, type], aliases: Mapping[str, str]
) -> None:
    options = [right]
    if isinstance(how, ast.In | ast.NotIn):
        if not isinstance(right, ast.Tuple | ast.List | ast.Set):
            raise ExpressionError("what follows 'in' must be a list, such as ['a', 'b']")
        options = right.elts
    if type(how) not in _COMPARISONS:
        raise ExpressionError("compare with < <= > >= == != or in")
    for option in options:
        pair = (_kind(left, kinds, aliases), _kind(option, kinds, aliases))
        if pair[0] is not pair[1] or bool in pair:
            raise ExpressionError(f"{ast.unparse(left)} and {ast.unparse(option)} cannot be compared")
        if str in pair and isinstance(how, _ORDERED):
            raise ExpressionError("texts have no order: compare them with == or !=")


def _evaluate(node: ast.expr, values: Mapping[str, Value], aliases: Mapping[str, str]) -> Any:
    def value(part: ast.expr) -> Any:
        return _evaluate(part, values, aliases)

    match node:
        case ast.Constant():
            return float(node.value) if isinstance(node.value, int) else node.value
        case ast.Name():
            return values[aliases.get(node.id, node.id)]
        case ast.BinOp():
            return _ARITHMETIC[type(node.op)](value(node.left), value(node.right))
        case ast.UnaryOp():
            found = value(node.operand)
            return not found if isinstance(node.op, ast.Not) else -found if isinstance(node.op, ast.USub) else found
        case ast.BoolOp():
            decide = all if isinstance(node.op, ast.And) else any
            return decide(value(part) for part in node.values)
        case ast.Call():
            assert isinstance(node.func, ast.Name)  # parse() let nothing else through
            return _FUNCTIONS[node.func.id](*map(value, node.args))
        case ast.Tuple() | ast.List() | ast.Set():
            return [value(part) for part in node.elts]
        case ast.Compare():
            parts = [value(node.left), *map(value, node.comparators)]
            return all(
                _COMPARISONS[type(how)](left, right)
                for left, how, right in zip(parts, node.ops, parts[1:], strict=False)
            )
    raise AssertionError(f"{type(node).__name__} passed parse()")
