"""Spans of time as users write them: `90s`, `5m`, `1h30m`, `500ms`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from seatrial.api import cel

PATTERN: Final = r"^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?([0-9]{1,6}ms)?$"
MAX_LENGTH: Final = 32
EXPECTED: Final = "must be a duration such as 90s, 5m, 1h30m or 500ms"
POSITIVE: Final = "must be longer than 0s"

_MILLISECOND: Final = timedelta(milliseconds=1)
_UNITS: Final = (("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))
_LARGEST: Final = 999_999
"""Of one unit: six digits, so that no text can overflow."""


def parse_duration(text: str) -> timedelta:
    """The span that `text` names, in whole milliseconds; `ValueError` when it names none."""
    found = re.fullmatch(PATTERN, text, re.ASCII) if text else None
    if found is None:
        raise ValueError(EXPECTED)
    amounts = [int(re.sub(r"\D", "", part or "0")) for part in found.groups()]
    return timedelta(milliseconds=sum(n * size for n, (_, size) in zip(amounts, _UNITS, strict=True)))


def format_duration(span: timedelta) -> str:
    """The shortest text of `span`, rounded to milliseconds, largest unit first; `ValueError` below zero."""
    rest = round(span / _MILLISECOND)
    parts = []
    for unit, size in _UNITS:
        amount = min(rest // size, _LARGEST)
        rest -= amount * size
        if amount:
            parts.append(f"{amount}{unit}")
    if span < timedelta(0) or rest:
        raise ValueError(f"{span} is not a duration between 0s and {_LARGEST}h")
    return "".join(parts) or "0s"


def _from_text(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(EXPECTED)
    return parse_duration(value)


def _positive(span: timedelta) -> timedelta:
    if span <= timedelta(0):
        raise ValueError(POSITIVE)
    return span


_LEGAL: Final = f"self.matches({cel.literal(PATTERN)})"
_A_DURATION: Final = {"rule": f"self != '' && {_LEGAL}", "message": EXPECTED}
_LONGER: Final = {"rule": f"self == '' || !{_LEGAL} || duration(self) > duration('0s')", "message": POSITIVE}


def _schema(*rules: dict[str, str]) -> dict[str, Any]:
    return {"type": "string", "maxLength": MAX_LENGTH, "x-kubernetes-validations": list(rules)}


Duration = Annotated[
    timedelta,
    BeforeValidator(_from_text),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(_schema(_A_DURATION)),
]
"""Zero or longer."""

PositiveDuration = Annotated[
    timedelta,
    BeforeValidator(_from_text),
    AfterValidator(_positive),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(_schema(_A_DURATION, _LONGER)),
]
"""Longer than zero."""
