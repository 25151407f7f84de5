"""Durations as users write them, in the format of GEP-2257 (Gateway API): `90s`, `5m`, `1h30m`, `500ms`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from seatrial.api import cel

PATTERN: Final = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"
MAX_LENGTH: Final = 28
"""Four parts of five digits and two letters."""
EXPECTED: Final = "expected a duration such as 90s, 5m, 1h30m or 500ms"
POSITIVE: Final = "expected a duration longer than 0s"

_MILLISECOND: Final = timedelta(milliseconds=1)
_UNITS: Final = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
"""Milliseconds of each unit, the largest first."""
_PART: Final = re.compile(r"([0-9]+)([a-z]+)", re.ASCII)

LONGEST: Final = timedelta(hours=99_999, minutes=59, seconds=59, milliseconds=999)
"""What the format can express with each unit once; GEP-2257 has the same limit."""
LONGEST_TEXT: Final = "99999h59m59s999ms"
AT_MOST: Final = f"expected at most {LONGEST_TEXT}"


def parse_duration(text: str) -> timedelta:
    """Return the sum of the parts of `text`, which may be in any order and repeat a unit.

    Raise `ValueError` when `text` is not a duration.
    """
    if not cel.matches(PATTERN, text):
        raise ValueError(EXPECTED)
    duration = sum((int(count) * _UNITS[unit] for count, unit in _PART.findall(text)), 0) * _MILLISECOND
    if duration > LONGEST:
        raise ValueError(AT_MOST)
    return duration


def format_duration(duration: timedelta) -> str:
    """Return the shortest text of `duration`, rounded to milliseconds, the largest unit first.

    Raise `ValueError` when it is negative or longer than the format can express.
    """
    if not timedelta(0) <= duration <= LONGEST:
        raise ValueError(f"{duration} is not a duration between 0s and {LONGEST_TEXT}")
    rest = round(duration / _MILLISECOND)
    parts = []
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _from_text(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(EXPECTED)
    return parse_duration(value)


def _positive(duration: timedelta) -> timedelta:
    if duration <= timedelta(0):
        raise ValueError(POSITIVE)
    return duration


_LEGAL: Final = f"self.matches({cel.literal(PATTERN)})"
_IS_DURATION: Final = {"rule": _LEGAL, "message": EXPECTED}
_IS_SHORT_ENOUGH: Final = {
    "rule": f"!{_LEGAL} || duration(self) <= duration('{LONGEST_TEXT}')",
    "message": AT_MOST,
}
_IS_POSITIVE: Final = {"rule": f"!{_LEGAL} || duration(self) > duration('0s')", "message": POSITIVE}


def _schema(*rules: dict[str, str]) -> dict[str, Any]:
    return {"type": "string", "maxLength": MAX_LENGTH, "x-kubernetes-validations": list(rules)}


Duration = Annotated[
    timedelta,
    BeforeValidator(_from_text),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(_schema(_IS_DURATION, _IS_SHORT_ENOUGH)),
]
"""Zero or longer."""

PositiveDuration = Annotated[
    timedelta,
    BeforeValidator(_from_text),
    AfterValidator(_positive),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(_schema(_IS_DURATION, _IS_SHORT_ENOUGH, _IS_POSITIVE)),
]
"""Longer than zero."""
