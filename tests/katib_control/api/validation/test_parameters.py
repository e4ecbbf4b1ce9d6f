from typing import Any

import pytest

from katib_control.api.experiment import ParameterSpec
from katib_control.api.validation.parameters import check_parameters


def parameter(type: str, name: str = "p", **space: Any) -> dict[str, Any]:
    return {"name": name, "parameterType": type, "feasibleSpace": space}


def errors(*parameters: dict[str, Any]) -> list[tuple[str, str]]:
    """Field (below the first parameter where there is one) and reason of each error."""
    decoded = [ParameterSpec.decode(item) for item in parameters]
    found = check_parameters(decoded, "spec.parameters")
    return [(item.field.removeprefix("spec.parameters"), item.reason.removeprefix("FieldValue")) for item in found]


MIN, MAX, STEP, LIST = (f"[0].feasibleSpace.{name}" for name in ("min", "max", "step", "list"))


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(parameter("double", min="0.01", max="0.1"), id="a double"),
        pytest.param(
            parameter("double", min="-1", max="1", step="0.25", distribution="normal"), id="a double with step"
        ),
        pytest.param(
            parameter("double", min="1e-5", max="1E-1", distribution="logUniform"), id="a double on a log scale"
        ),
        pytest.param(parameter("int", min="1", max="5", step="2"), id="an int with step"),
        pytest.param(parameter("int", min="-3", max="+3"), id="an int with signs"),
        pytest.param(parameter("int", min="5", max="5"), id="a range of one value"),
        pytest.param(parameter("int", min="1", max="5", step="10"), id="a step past the end leaves one value"),
        pytest.param(parameter("discrete", list=["16", "32.5"]), id="a discrete"),
        pytest.param(parameter("categorical", list=["adam", "", "0"]), id="a categorical, the empty text too"),
        pytest.param(parameter("categorical", list=["a"], distribution="uniform"), id="Katib's default distribution"),
        pytest.param(parameter("double", min=0.5, max=1), id="numbers instead of text"),
    ],
)
def test_accepts(given: dict[str, Any]) -> None:
    assert errors(given) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(parameter("float", min="0", max="1"), [("[0].parameterType", "NotSupported")], id="unknown type"),
        pytest.param(parameter("unknown", list=["a"]), [("[0].parameterType", "NotSupported")], id="the type unknown"),
        pytest.param(parameter("", min="0", max="1"), [("[0].parameterType", "Required")], id="no type"),
        pytest.param(parameter("int", "", min="0", max="1"), [("[0].name", "Required")], id="no name"),
        pytest.param(parameter("double"), [(MIN, "Required"), (MAX, "Required")], id="no range"),
        pytest.param(parameter("double", min="", max="1"), [(MIN, "Required")], id="an empty text"),
        pytest.param(parameter("double", min="low", max="1"), [(MIN, "Invalid")], id="min that is no number"),
        pytest.param(parameter("double", min="0", max="nan"), [(MAX, "Invalid")], id="max that is not finite"),
        pytest.param(parameter("double", min="0", max="1e999"), [(MAX, "Invalid")], id="max out of range"),
        pytest.param(parameter("double", min="-1e308", max="1e308"), [(MAX, "Invalid")], id="a range out of range"),
        pytest.param(parameter("double", min="1_0", max="11"), [(MIN, "Invalid")], id="an underscore"),
        pytest.param(parameter("int", min="1", max="5.5"), [(MAX, "Invalid")], id="an int that is not whole"),
        pytest.param(
            parameter("int", min="1", max="5", step="0.5"), [(STEP, "Invalid")], id="a step that is not whole"
        ),
        pytest.param(parameter("int", min="5", max="1"), [(MIN, "Invalid")], id="min above max"),
        pytest.param(parameter("double", min="0", max="1", step="0"), [(STEP, "Invalid")], id="step 0"),
        pytest.param(parameter("double", min="0", max="1", step="-0.1"), [(STEP, "Invalid")], id="step below 0"),
        pytest.param(
            parameter("double", min="0", max="1", distribution="logUniform"), [(MIN, "Invalid")], id="log scale from 0"
        ),
        pytest.param(
            parameter("int", min="-1", max="1", distribution="logNormal"), [(MIN, "Invalid")], id="log scale below 0"
        ),
        pytest.param(
            parameter("double", min="0", max="1", distribution="log"),
            [("[0].feasibleSpace.distribution", "NotSupported")],
            id="unknown distribution",
        ),
        pytest.param(parameter("int", min="1", max="2", list=["1"]), [(LIST, "Forbidden")], id="a list beside a range"),
        pytest.param(parameter("discrete"), [(LIST, "Required")], id="an empty discrete list"),
        pytest.param(parameter("categorical", list=[]), [(LIST, "Required")], id="an empty categorical list"),
        pytest.param(parameter("discrete", list=["1", "x"]), [(f"{LIST}[1]", "Invalid")], id="discrete text"),
        pytest.param(
            parameter("discrete", list=["1", "1.0"]), [(f"{LIST}[1]", "Duplicate")], id="the same number twice"
        ),
        pytest.param(
            parameter("categorical", list=["a", "b", "a"]), [(f"{LIST}[2]", "Duplicate")], id="the same twice"
        ),
        pytest.param(
            parameter("categorical", list=["a"], min="1", max="2", step="1"),
            [(MIN, "Forbidden"), (MAX, "Forbidden"), (STEP, "Forbidden")],
            id="a range beside a list",
        ),
        pytest.param(
            parameter("double", min="a", max="b", step="c", distribution="d"),
            [("[0].feasibleSpace.distribution", "NotSupported"), (MIN, "Invalid"), (MAX, "Invalid"), (STEP, "Invalid")],
            id="everything at once",
        ),
    ],
)
def test_refuses(given: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert errors(given) == expected


def test_names_are_unique() -> None:
    given = parameter("int", "a", min=0, max=1)
    assert errors(given, parameter("int", "b", min=0, max=1), given) == [("[2].name", "Duplicate")]


def test_an_error_tells_field_rule_value_and_remedy() -> None:
    (error,) = check_parameters([ParameterSpec.decode(parameter("dobule", min=0, max=1))], "spec.parameters")
    expected = "must be one of double, int, discrete, categorical; did you mean 'double'? (got 'dobule')"
    assert str(error) == f"spec.parameters[0].parameterType: {expected}"
