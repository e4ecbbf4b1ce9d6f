"""References in commands, arguments and environment values."""

import pytest

from katib_control.node.expansion import expand


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("$(A)", "1", id="a defined variable becomes its value"),
        pytest.param("x$(A)y$(B)z", "x1y2z", id="several in one text"),
        pytest.param("$(NONE)", "$(NONE)", id="an undefined variable stays as it is"),
        pytest.param("$$(A)", "$(A)", id="two dollars escape a reference"),
        pytest.param("$$$(A)", "$1", id="three dollars are an escape and a reference"),
        pytest.param("$$$$(A)", "$$(A)", id="four dollars are two escapes"),
        pytest.param("$A ${A} $", "$A ${A} $", id="what a shell would expand is left to the shell"),
        pytest.param("$(A", "$(A", id="an open parenthesis is no reference"),
        pytest.param("a$$b", "a$b", id="an escape may stand anywhere"),
        pytest.param("$(C)", "$(A)", id="what comes out is not expanded again"),
        pytest.param("$($(A))", "$($(A))", id="references do not nest"),
    ],
)
def test_expand(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2", "C": "$(A)"}) == expected
