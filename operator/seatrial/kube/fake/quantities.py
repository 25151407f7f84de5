"""Resource quantities in the one spelling that an API server gives back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

_BINARY: Final = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4, "Pi": 1024**5, "Ei": 1024**6}
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def canonical(quantity: Any) -> str:
    """`1000m` → `1`, `1024Mi` → `1Gi`, `0.5` → `500m`; what is no quantity stays as it is."""
    text = str(quantity)
    for suffix, factor in _BINARY.items():
        if text.endswith(suffix):
            return _binary(Decimal(text[: -len(suffix)]) * factor)
    suffix = text[-1] if text and text[-1] in _DECIMAL else ""
    try:
        number = Decimal(text[: len(text) - len(suffix)])
    except ArithmeticError:
        return text
    return _decimal(number.scaleb(_DECIMAL[suffix]))


def _binary(value: Decimal) -> str:
    if value != value.to_integral_value():
        return _decimal(value)
    for suffix, factor in reversed(_BINARY.items()):
        if value and value % factor == 0:
            return f"{int(value) // factor}{suffix}"
    return str(int(value))


def _decimal(value: Decimal) -> str:
    """The largest suffix that leaves a whole number."""
    if value == 0:
        return "0"
    for suffix, power in reversed(_DECIMAL.items()):
        scaled = value.scaleb(-power)
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}{suffix}"
    return f"{int(value.scaleb(9).to_integral_value())}n"
