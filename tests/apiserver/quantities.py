"""Resource quantities in the canonical spelling of the API server."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

_SPELLING: Final = re.compile(r"^(?P<number>[+-]?[0-9.]+)(?P<suffix>[eE][+-]?[0-9]+|[KMGTPE]i|[numkMGTPE]?)$")
_BINARY: Final = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4, "Pi": 1024**5, "Ei": 1024**6}
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def value(quantity: Any) -> Decimal:
    """Return the number of a quantity; raise `ValueError` when it is not one."""
    found = _SPELLING.match(str(quantity))
    if found is None:
        raise ValueError(f"{quantity!r} is not a quantity")
    number, suffix = Decimal(found["number"]), found["suffix"]
    if suffix in _BINARY:
        return number * _BINARY[suffix]
    return number.scaleb(_DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:]))


def canonical(quantity: Any) -> str:
    """Return the canonical spelling: `1000m` → `1`, `1024Mi` → `1Gi`, `0.5` → `500m`; other texts unchanged."""
    text = str(quantity)
    found = _SPELLING.match(text)
    if found is None:
        return text
    number = value(text)
    if found["suffix"] in _BINARY:
        return _binary(number)
    if found["suffix"][:1] in ("e", "E") and found["suffix"] != "E":
        return _exponential(number, found["suffix"][0])
    return _decimal(number)


def _binary(number: Decimal) -> str:
    if abs(number) < 1024 or number != number.to_integral_value():
        return _decimal(number)
    for suffix, factor in reversed(_BINARY.items()):
        if number % factor == 0:
            return f"{int(number) // factor}{suffix}"
    return str(int(number))


def _exponential(number: Decimal, letter: str) -> str:
    for power in range(18, -10, -3):
        scaled = number.scaleb(-power)
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}{letter}{power}" if power else str(int(scaled))
    return _decimal(number)


def _decimal(number: Decimal) -> str:
    """Use the largest suffix that leaves a whole number."""
    if number == 0:
        return "0"
    for suffix, power in reversed(_DECIMAL.items()):
        scaled = number.scaleb(-power)
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}{suffix}"
    return f"{int(number.scaleb(9).to_integral_value())}n"
