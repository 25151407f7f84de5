"""The small types of a status: texts that are cut to what the API server accepts, and times in UTC.

A status that is refused for its length would stop a rollout, so nothing here fails for being long.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from seatrial.api.reasons import Reason
from seatrial.api.text import ELLIPSIS, truncate

WORD: Final = 63
NAME: Final = 512
SENTENCE: Final = 1024
LOG: Final = 4096

FEW: Final = 20
"""Entries of history and of rejected, newest first; older ones are dropped."""
DECISIONS: Final = 64
"""Decisions remembered per rollout, newest last; older ones are dropped."""


def first_characters(limit: int) -> Callable[[Any], Any]:
    """What cuts a text behind `limit` characters and shows that it did."""

    return lambda value: truncate(value, limit) if isinstance(value, str) else value


def last_characters(limit: int) -> Callable[[Any], Any]:
    """What keeps the last `limit` characters of a text and shows that it did."""

    def cut(value: Any) -> Any:
        if isinstance(value, str) and len(value) > limit:
            return ELLIPSIS + str(value)[1 - limit :]
        return value

    return cut


def first_items(limit: int) -> Callable[[Any], Any]:
    """What drops the items behind the first `limit`."""
    return lambda items: items[:limit] if isinstance(items, list | tuple) else items


def last_items(limit: int) -> Callable[[Any], Any]:
    """What drops the items before the last `limit`."""
    return lambda items: items[-limit:] if isinstance(items, list | tuple) else items


def known_reason_or(default: str) -> BeforeValidator:
    """Return a validator that replaces a reason of another version of the operator by `default`."""

    def known(value: Any) -> Any:
        return default if isinstance(value, str) and value and value not in set(Reason) else value

    return BeforeValidator(known)


def _in_utc(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(microsecond=0)


def format_time(time: datetime) -> str:
    """RFC 3339 with whole seconds and `Z`, as Kubernetes writes times."""
    return _in_utc(time).replace(tzinfo=None).isoformat() + "Z"  # strftime writes the year 1 as 1


Word = Annotated[str, BeforeValidator(first_characters(WORD)), Field(max_length=WORD)]
Revision = Annotated[str, BeforeValidator(first_characters(WORD)), Field(min_length=1, max_length=WORD)]
"""Ten hex digits; what has none cannot be told from anything else."""
Name = Annotated[str, BeforeValidator(first_characters(NAME)), Field(max_length=NAME)]
Sentence = Annotated[str, BeforeValidator(first_characters(SENTENCE)), Field(max_length=SENTENCE)]
LogTail = Annotated[str, BeforeValidator(last_characters(LOG)), Field(max_length=LOG)]
Share = Annotated[int, Field(strict=True, ge=0, le=100)]

Time = Annotated[
    AwareDatetime,
    AfterValidator(_in_utc),
    PlainSerializer(format_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "maxLength": 32}),
]
"""An aware time, in UTC and whole seconds."""

Generation = Annotated[int, Field(strict=True, ge=0)]
"""Of an object's spec: 1 when it was made, one more with each change; 0 means never seen."""
