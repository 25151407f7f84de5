"""A pattern means the same in Python and in CEL."""

import pytest

from seatrial.api import cel


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        pytest.param(r"^a+$", "aa", True, id="the whole"),
        pytest.param(r"^a+$", "aa\n", False, id="a line break at the end is not the end"),
        pytest.param(r"^a", "ab", True, id="a beginning"),
        pytest.param(r"^\d$", "٥", False, id="digits are ASCII"),
    ],
)
def test_matches(pattern: str, text: str, expected: bool) -> None:
    assert cel.matches(pattern, text) is expected


def test_a_literal_keeps_its_backslashes() -> None:
    assert cel.literal(r"^\s'$") == r"'^\\s\'$'"
