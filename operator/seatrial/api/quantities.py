"""Kubernetes quantities (`200m`, `1Gi`, `1e3`) and their canonical text."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from math import ceil, isfinite
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema

from seatrial.api import cel

EXPECTED: Final = "expected a quantity such as 200m, 2, 512Mi or 1e3"
NOT_NEGATIVE: Final = EXPECTED + ", and not negative"
MAX_LENGTH: Final = 48

_PATTERN: Final = re.compile(
    r"(?P<number>[+-]?(?:[0-9]{1,24}(?:\.[0-9]{0,24})?|\.[0-9]{1,24}))"
    r"(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?",
    re.ASCII,
)
NOT_NEGATIVE_PATTERN: Final = (
    r"^\+?([0-9]{1,24}(\.[0-9]{0,24})?|\.[0-9]{1,24})([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$"
)
_BINARY: Final = {f"{letter}i": Fraction(1024**power) for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL: Final = {letter: Fraction(1000) ** power for power, letter in enumerate("num", start=-3)} | {
    letter: Fraction(1000) ** power for power, letter in enumerate("kMGTPE", start=1)
}
_NANO: Final = 10**9
_SMALL: Final = (("", 1), ("m", 10**3), ("u", 10**6), ("n", _NANO))


def canonical_quantity(value: str | int | float) -> str:
    """Return the text that equal quantities share: `1000m` and `1e0` are `1`, `1Gi` is `1073741824`.

    It is a valid quantity. Fractions below a billionth are rounded away from zero, as Kubernetes does.
    Raise `ValueError` when `value` is not a quantity.
    """
    nanos = _nanos(_exact(value))
    for suffix, per_unit in _SMALL:
        amount, rest = divmod(nanos * per_unit, _NANO)
        if not rest:
            return f"{amount}{suffix}"
    raise AssertionError("every count of nanos is a whole number of nanos")


def whole_units(value: str | int | float) -> int:
    """Return the quantity as a whole number, rounded up."""
    return ceil(_exact(value))


def _exact(value: str | int | float) -> Fraction:
    if isinstance(value, bool) or (isinstance(value, float) and not isfinite(value)):
        raise ValueError(EXPECTED)
    match = _PATTERN.fullmatch(str(value))
    if match is None:
        raise ValueError(EXPECTED)
    return Fraction(Decimal(match["number"])) * _factor(match["suffix"] or "")


def _factor(suffix: str) -> Fraction:
    if suffix in _BINARY:
        return _BINARY[suffix]
    if suffix in _DECIMAL:
        return _DECIMAL[suffix]
    return Fraction(10) ** int(suffix[1:] or 0)


def _nanos(amount: Fraction) -> int:
    sign = -1 if amount < 0 else 1
    return sign * ceil(abs(amount) * _NANO)


def _from_any(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(NOT_NEGATIVE)
    text = str(value)
    if len(text) > MAX_LENGTH or not cel.matches(NOT_NEGATIVE_PATTERN, text):
        raise ValueError(NOT_NEGATIVE)
    return text


_LEGAL: Final = (
    f"type(self) == int ? self >= 0 : self.size() <= {MAX_LENGTH}"
    f" && self.matches({cel.literal(NOT_NEGATIVE_PATTERN)})"
)

Quantity = Annotated[
    str,
    BeforeValidator(_from_any),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
            "maxLength": MAX_LENGTH,
            "x-kubernetes-validations": [{"rule": _LEGAL, "message": NOT_NEGATIVE}],
        }
    ),
]
"""A quantity that is not negative, as it was written; compare with `canonical_quantity`."""
