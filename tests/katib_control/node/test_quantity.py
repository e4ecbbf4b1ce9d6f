"""Quantities of Kubernetes."""

from decimal import Decimal

import pytest

from katib_control.node.quantity import in_units, parse, show_cpu, show_memory


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2", Decimal(2), id="a plain number"),
        pytest.param(1.5, Decimal("1.5"), id="a YAML number"),
        pytest.param("500m", Decimal("0.5"), id="thousandths"),
        pytest.param("1Gi", Decimal(2**30), id="binary suffix"),
        pytest.param("1G", Decimal(10**9), id="decimal suffix"),
        pytest.param("1e3", Decimal(1000), id="exponent"),
        pytest.param(".5", Decimal("0.5"), id="no digit before the point"),
    ],
)
def test_parse(text: str, expected: Decimal) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["", "x", "1gb", "1 Gi", "1mi", "--1"])
def test_what_is_no_quantity_is_refused_with_the_value(text: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        parse(text)


def test_showing() -> None:
    assert [show_cpu(parse(text)) for text in ("2", "1500m", "0.1")] == ["2", "1500m", "100m"]
    assert [show_memory(parse(text)) for text in ("1Gi", "1536Mi", "100", "2Ki")] == ["1Gi", "1.5Gi", "100", "2Ki"]
    assert in_units(parse("1500m"), parse("1")) == "2"
    assert in_units(parse("1Gi"), parse("1Mi")) == "1024"
