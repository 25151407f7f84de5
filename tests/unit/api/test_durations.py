"""Durations are read and written without loss."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from seatrial.api import durations

ANY: TypeAdapter[timedelta] = TypeAdapter(durations.Duration)
POSITIVE: TypeAdapter[timedelta] = TypeAdapter(durations.PositiveDuration)

SPANS = st.integers(0, 999_999 * 3_600_000).map(lambda n: timedelta(milliseconds=n))
PARTS = st.tuples(*[st.none() | st.integers(0, 999_999)] * 4).filter(
    lambda parts: any(p is not None for p in parts)
)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("0s", timedelta(0)),
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(minutes=90)),
        ("500ms", timedelta(milliseconds=500)),
        ("1m500ms", timedelta(minutes=1, milliseconds=500)),
        ("48h", timedelta(days=2)),
    ],
)
def test_read(text: str, span: timedelta) -> None:
    assert durations.parse_duration(text) == span


@pytest.mark.parametrize(
    "text", ["", "5", "5 m", "1.5h", "-5m", "5m1h", "5d", "m", "5m\n", "٥m", "1000000s", "5M", "1m1m"]
)
def test_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration such as"):
        durations.parse_duration(text)


@pytest.mark.parametrize("value", [5, 5.0, None, True, ["5m"], {"m": 5}])
def test_what_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="must be a duration such as"):
        ANY.validate_python(value)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(minutes=30), "30m"),
        (timedelta(days=2), "48h"),
        (timedelta(microseconds=1500), "2ms"),
    ],
)
def test_written_short(span: timedelta, text: str) -> None:
    assert durations.format_duration(span) == text


@pytest.mark.parametrize("span", [timedelta(seconds=-1), timedelta(hours=2_000_000)])
def test_what_no_text_names_is_not_written(span: timedelta) -> None:
    with pytest.raises(ValueError, match="is not a duration between"):
        durations.format_duration(span)


def test_zero_is_not_longer_than_zero() -> None:
    assert ANY.validate_python("0s") == timedelta(0)
    with pytest.raises(ValidationError, match="must be longer than 0s"):
        POSITIVE.validate_python("0s")


@given(SPANS)
def test_written_and_read_again(span: timedelta) -> None:
    assert durations.parse_duration(durations.format_duration(span)) == span


@given(PARTS)
def test_every_spelling_of_a_span_is_written_the_same(parts: tuple[int | None, ...]) -> None:
    text = "".join(
        f"{n}{unit}" for n, unit in zip(parts, ("h", "m", "s", "ms"), strict=True) if n is not None
    )
    hours, minutes, seconds, millis = (n or 0 for n in parts)
    span = timedelta(hours=hours, minutes=minutes, seconds=seconds, milliseconds=millis)
    assert durations.parse_duration(text) == span
    assert ANY.dump_python(ANY.validate_python(text)) == ANY.dump_python(span)


@given(SPANS)
def test_a_written_duration_fits_the_schema(span: timedelta) -> None:
    assert len(durations.format_duration(span)) <= durations.MAX_LENGTH
