"""Conditions between parameters: what they mean, and what is refused with which words."""

from __future__ import annotations

import pytest

from katib_control.api.constraints import LONGEST, parse
from katib_control.api.errors import ExpressionError

KINDS = {"a": float, "b": float, "opt": str, "x-1": float}
VALUES = {"a": 2.0, "b": 3.0, "opt": "adam", "x-1": 0.5}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a <= b", True),
        ("a > b", False),
        ("1 < a < b", True),
        ("1 < a < b < 3", False),
        ("a + b * 2 - 1 == 7", True),
        ("a ** b == 8 and b // a == 1 and b % a == 1", True),
        ("-a < +b", True),
        ("not (a == b)", True),
        ("a > b or b > a", True),
        ("opt != 'sgd'", True),
        ('opt in ["sgd", "adam"]', True),
        ("a not in (1, 3)", True),
        ("`x-1` * 2 == 1", True),
        ("max(a, b, 7) == 7 and min(a, b) == a", True),
        ("log2(a) == 1 and sqrt(a + b - 1) == 2 and floor(b / a) + ceil(b / a) == 3", True),
        ("log(a, 2) == 1 and log10(10 * a / 2) == 1 and exp(a - 2) == 1 and abs(a - b) == 1", True),
    ],
)
def test_a_condition_holds_or_not(text, expected):
    assert parse(text, KINDS).holds(VALUES) is expected


@pytest.mark.parametrize("text", ["1 / (a - 2) > 0", "log(a - 2) < 1", "sqrt(-a) < 9", "a ** (b * 1e9) > 1"])
def test_a_condition_that_cannot_be_computed_does_not_hold(text):
    assert parse(text, KINDS).holds(VALUES) is False


def test_a_condition_knows_its_parameters():
    assert parse("`x-1` < a and opt == 'a'", KINDS).names == {"x-1", "a", "opt"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("a", "must be a condition, such as a <= b", id="a number is no condition"),
        pytest.param("a <", "must be a condition over parameters", id="half a comparison"),
        pytest.param("", "must be a condition over parameters", id="nothing"),
        pytest.param("c < 1", "c is no parameter; there is a, b, opt, x-1", id="an unknown parameter"),
        pytest.param("`x-2` < 1", "x-2 is no parameter", id="an unknown parameter in backquotes"),
        pytest.param("opt < 'b'", "texts have no order", id="texts are not compared by order"),
        pytest.param("a == opt", "a and opt cannot be compared", id="a number and a text"),
        pytest.param("a in ['x']", "a and 'x' cannot be compared", id="a number among texts"),
        pytest.param("opt + 'b' == 'c'", "opt must be a number", id="texts are not added"),
        pytest.param("1 < 2", "must speak of at least one parameter", id="no parameter"),
        pytest.param("open('x') == a", "cannot contain \"open('x')\"", id="an unknown function"),
        pytest.param("a.real < 1", "cannot contain 'a.real'", id="an attribute"),
        pytest.param("(lambda: a)() < 1", "cannot contain", id="a lambda"),
        pytest.param("a < (b if a else 1)", "cannot contain", id="a choice"),
        pytest.param("sqrt(a, b) < 1", "sqrt takes one number", id="too many arguments"),
        pytest.param("a is b", "compare with", id="identity"),
        pytest.param("a in b", "what follows 'in' must be a list", id="in what is no list"),
        pytest.param("a and b > 1", "a must be a condition", id="a number in a conjunction"),
        pytest.param("a < 1" + " " * LONGEST, "at most 1000 characters", id="too long"),
        pytest.param("(" * 300 + "a" + ")" * 300 + " < 1", "must be a condition", id="too deep"),
    ],
)
def test_what_is_no_condition_is_refused_with_the_reason(text, told):
    with pytest.raises(ExpressionError) as caught:
        parse(text, KINDS)
    assert told in str(caught.value)
