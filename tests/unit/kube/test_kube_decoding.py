"""Objects that are nested without end are decoded without hiding the others."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies

from seatrial.kube import decoding

DEEP = 5000


def nested(opening: str, closing: str) -> str:
    return f"{opening * DEEP}1{closing * DEEP}"


@pytest.mark.parametrize(
    "deep",
    [
        pytest.param(nested('{"a":', "}"), id="objects"),
        pytest.param(nested("[", "]"), id="lists"),
        pytest.param(nested('[{"]}": "\\"[{", "a":', "}]"), id="both, with brackets in texts"),
    ],
)
def test_a_list_with_an_object_that_is_nested_too_deep_shows_every_object(deep: str) -> None:
    items = (
        f'[{{"name": "first"}}, {{"name": "second", "free": {deep}, "more": [{deep}]}}, {{"name": "third"}}]'
    )
    decoded = decoding.decode(f'{{"items": {items}, "end": true}}'.encode())
    assert [item["name"] for item in decoded["items"]] == ["first", "second", "third"]
    assert decoded["end"] is True
    json.dumps(decoded)


VALUES = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(),
    lambda values: strategies.lists(values) | strategies.dictionaries(strategies.text(), values),
    max_leaves=20,
)


@given(value=VALUES)
def test_a_value_that_is_not_too_deep_is_decoded_as_it_is(value: object) -> None:
    text = json.dumps(value)
    assert decoding.decode(text.encode()) == value
    assert json.loads(decoding._shallow(text)) == value
