"""Field types of a status: texts that are truncated to what the CRD allows, and times in UTC.

The API server would reject a status that is too long, and the rollout would stop; so long values are truncated here.
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

MAX_ENTRIES: Final = 20
"""Maximum number of entries of history and of rejected; the oldest are dropped."""
MAX_DECISIONS: Final = 64
"""Maximum number of decisions per rollout; the oldest are dropped."""


def first_characters(limit: int) -> Callable[[Any], Any]:
    """Return a function that truncates a text to its first `limit` characters and marks the place."""
    return lambda value: truncate(value, limit) if isinstance(value, str) else value


def last_characters(limit: int) -> Callable[[Any], Any]:
    """Return a function that truncates a text to its last `limit` characters and marks the place."""

    def truncate_start(value: Any) -> Any:
        if isinstance(value, str) and len(value) > limit:
            return ELLIPSIS + str(value)[1 - limit :]
        return value

    return truncate_start


def first_items(limit: int) -> Callable[[Any], Any]:
    """Return a function that keeps the first `limit` items of a list."""
    return lambda items: items[:limit] if isinstance(items, list | tuple) else items


def last_items(limit: int) -> Callable[[Any], Any]:
    """Return a function that keeps the last `limit` items of a list."""
    return lambda items: items[-limit:] if isinstance(items, list | tuple) else items


def known_reason_or(default: str) -> BeforeValidator:
    """Return a validator that replaces a reason of another version of the operator by `default`."""

    def replace_unknown(value: Any) -> Any:
        return default if isinstance(value, str) and value and value not in set(Reason) else value

    return BeforeValidator(replace_unknown)


def _in_utc(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(microsecond=0)


def format_time(time: datetime) -> str:
    """Return `time` in RFC 3339 with whole seconds and `Z`, as Kubernetes writes times."""
    return _in_utc(time).replace(tzinfo=None).isoformat() + "Z"  # strftime would write the year 1 as 1


Word = Annotated[str, BeforeValidator(first_characters(WORD)), Field(max_length=WORD)]
Revision = Annotated[str, BeforeValidator(first_characters(WORD)), Field(min_length=1, max_length=WORD)]
"""Ten hex digits, never empty."""
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
"""An aware datetime in UTC with whole seconds."""

Generation = Annotated[int, Field(strict=True, ge=0)]
"""A metadata.generation: 1 at creation, one more with each change of the spec; 0 before the first observation."""
