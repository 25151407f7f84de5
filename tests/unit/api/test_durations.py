"""Durations follow GEP-2257: what is read is the sum of the parts, what is written is the shortest text."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from seatrial.api import cel, durations

ANY: TypeAdapter[timedelta] = TypeAdapter(durations.Duration)
POSITIVE: TypeAdapter[timedelta] = TypeAdapter(durations.PositiveDuration)

UNITS = {
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
DURATIONS = st.integers(0, durations.LONGEST // UNITS["ms"]).map(lambda count: count * UNITS["ms"])
PARTS = st.lists(st.tuples(st.integers(0, 20_000), st.sampled_from(sorted(UNITS))), min_size=1, max_size=4)
"""Parts whose sum is within the limit."""


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("0s", timedelta(0)),
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(minutes=90)),
        ("500ms", timedelta(milliseconds=500)),
        ("1m500ms", timedelta(minutes=1, milliseconds=500)),
        ("48h", timedelta(days=2)),
        pytest.param("5m1h", timedelta(minutes=65), id="units in any order"),
        pytest.param("1m1m", timedelta(minutes=2), id="a repeated unit"),
        pytest.param("00001s", timedelta(seconds=1), id="leading zeros"),
        pytest.param("99999h59m59s999ms", durations.LONGEST, id="the longest"),
    ],
)
def test_a_text_is_read_as_the_sum_of_its_parts(text: str, duration: timedelta) -> None:
    assert durations.parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    ["", "5", "5 m", "1.5h", "-5m", "5d", "m", "5m\n", "٥m", "100000s", "5M", "1h1m1s1ms1ms", "1us", "+1s"],
)
def test_other_texts_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="a duration such as"):
        durations.parse_duration(text)


@pytest.mark.parametrize("text", ["99999h60m", "99999h99999h", "99999h59m59s1000ms"])
def test_a_text_longer_than_the_format_can_express_is_rejected(text: str) -> None:
    assert cel.matches(durations.PATTERN, text)
    with pytest.raises(ValueError, match="at most 99999h59m59s999ms"):
        durations.parse_duration(text)


@pytest.mark.parametrize("value", [5, 5.0, None, True, ["5m"], {"m": 5}])
def test_a_value_that_is_not_a_string_is_rejected(value: Any) -> None:
    with pytest.raises(ValidationError, match="a duration such as"):
        ANY.validate_python(value)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(minutes=30), "30m"),
        (timedelta(days=2), "48h"),
        (timedelta(microseconds=1500), "2ms"),
        (durations.LONGEST, durations.LONGEST_TEXT),
    ],
)
def test_the_shortest_text_is_written(duration: timedelta, text: str) -> None:
    assert durations.format_duration(duration) == text


@pytest.mark.parametrize("duration", [timedelta(seconds=-1), timedelta(hours=100_000)])
def test_a_duration_that_the_format_cannot_express_is_not_written(duration: timedelta) -> None:
    with pytest.raises(ValueError, match="is not a duration between"):
        durations.format_duration(duration)


def test_a_positive_duration_is_not_zero() -> None:
    assert ANY.validate_python("0s") == timedelta(0)
    with pytest.raises(ValidationError, match="longer than 0s"):
        POSITIVE.validate_python("0s")


@settings(deadline=None)  # on a busy machine
@given(DURATIONS)
def test_a_written_duration_is_read_as_the_same_duration(duration: timedelta) -> None:
    assert durations.parse_duration(durations.format_duration(duration)) == duration


@settings(deadline=None)  # on a busy machine
@given(PARTS)
def test_equal_durations_are_written_the_same(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{count}{unit}" for count, unit in parts)
    duration = sum((count * UNITS[unit] for count, unit in parts), timedelta())
    assert durations.parse_duration(text) == duration
    assert ANY.dump_python(ANY.validate_python(text)) == ANY.dump_python(duration)


@settings(deadline=None)  # on a busy machine
@given(DURATIONS)
def test_a_written_duration_fits_the_schema(duration: timedelta) -> None:
    text = durations.format_duration(duration)
    assert len(text) <= durations.MAX_LENGTH
    assert cel.matches(durations.PATTERN, text)
