"""Kubernetes quantities (``500m``, ``1Gi``, ``1e3``): reading and writing. Pure."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_SUFFIXES = {
    "": Decimal(1),
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9),
    "T": Decimal(10**12), "P": Decimal(10**15), "E": Decimal(10**18),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30),
    "Ti": Decimal(2**40), "Pi": Decimal(2**50), "Ei": Decimal(2**60),
}  # fmt: skip
_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkKMGTPE]?i?)")


def parse(value: str | int | float) -> Decimal:
    """Return the number; raise ValueError when it is no quantity."""
    match = _FORM.fullmatch(str(value).strip())
    if match is None or match[2] not in _SUFFIXES:
        raise ValueError(f"a quantity is a number with an optional suffix such as m, k, Mi, Gi (got {value!r})")
    return Decimal(match[1]) * _SUFFIXES[match[2]]


def in_units(value: Decimal, divisor: Decimal) -> str:
    """Return how many whole units of ``divisor`` hold the value, rounded up, as resourceFieldRef does."""
    return str(int((value / (divisor or 1)).to_integral_value(ROUND_CEILING)))


def show_cpu(value: Decimal) -> str:
    """Return ``2`` or ``500m``."""
    return (
        str(int(value))
        if value == value.to_integral_value()
        else f"{int((value * 1000).to_integral_value(ROUND_CEILING))}m"
    )


def show_memory(value: Decimal) -> str:
    """Return the largest binary unit in which at most one decimal is needed, such as ``1.5Gi``."""
    for suffix in ("Ti", "Gi", "Mi", "Ki"):
        if abs(value) >= _SUFFIXES[suffix]:
            return f"{(value / _SUFFIXES[suffix]).quantize(Decimal('0.1')).normalize():f}{suffix}"
    return str(int(value))
