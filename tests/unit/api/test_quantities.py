"""Equal quantities have the same canonical text, different ones do not."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from seatrial.api import quantities

QUANTITY: TypeAdapter[str] = TypeAdapter(quantities.Quantity)
FACTORS: dict[str, Fraction] = {
    "": Fraction(1),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "Ki": Fraction(2**10),
    "Mi": Fraction(2**20),
    "Gi": Fraction(2**30),
    "Ti": Fraction(2**40),
    "m": Fraction(1, 10**3),
    "u": Fraction(1, 10**6),
    "n": Fraction(1, 10**9),
    "e3": Fraction(10**3),
    "E-2": Fraction(1, 100),
}
NANO = 10**9


@pytest.mark.parametrize(
    ("spellings", "canonical"),
    [
        pytest.param(["1000m", "1", 1, 1.0, "1.0", "1e0", "+1", "01", "1000000u"], "1", id="one"),
        pytest.param(["200m", "0.2", 0.2, ".2", "2e-1", "200000u"], "200m", id="a fifth"),
        pytest.param(["1Gi", "1024Mi", 1073741824, "1048576Ki"], "1073741824", id="binary"),
        pytest.param(["1G", "1e9", "1000M", "1000000k"], "1000000000", id="decimal"),
        pytest.param(["1.5Gi", "1536Mi"], "1610612736", id="a broken binary"),
        pytest.param(["1E", "1e18"], "1000000000000000000", id="exa, not an exponent"),
        pytest.param(["0", 0, "0m", "-0", "0Gi"], "0", id="nothing"),
        pytest.param(["1500u", "1.5m"], "1500u", id="micro"),
        pytest.param(["0.1n", "1n", "0.0000000001"], "1n", id="too fine is rounded up"),
        pytest.param(["-1500m", "-1.5"], "-1500m", id="below zero"),
    ],
)
def test_equal_quantities_have_the_same_canonical_text(
    spellings: list[str | int | float], canonical: str
) -> None:
    assert {quantities.canonical_quantity(spelling) for spelling in spellings} == {canonical}


@pytest.mark.parametrize(
    "value", ["", "1 Gi", "Gi", "1gi", "1K", "1e", "1e1000", "NaN", float("inf"), True, "1\n", "--1", "1ee3"]
)
def test_a_value_that_is_not_a_quantity_is_rejected(value: Any) -> None:
    with pytest.raises(ValueError, match="expected a quantity such as"):
        quantities.canonical_quantity(value)


@pytest.mark.parametrize("value", ["-1", -1, True, None, [], "1 Gi", "1" * 60])
def test_a_negative_or_invalid_resource_quantity_is_rejected(value: Any) -> None:
    with pytest.raises(ValidationError, match="and not negative"):
        QUANTITY.validate_python(value)


def test_a_resource_quantity_keeps_its_spelling() -> None:
    assert QUANTITY.validate_python("1024Mi") == "1024Mi"
    assert QUANTITY.validate_python(2) == "2"


amounts = st.tuples(st.integers(0, 10**9), st.sampled_from(sorted(FACTORS)))


def exact(amount: tuple[int, str]) -> Fraction:
    number, suffix = amount
    return number * FACTORS[suffix]


@given(amounts, amounts)
def test_canonical_texts_are_equal_exactly_when_the_quantities_are(
    one: tuple[int, str], other: tuple[int, str]
) -> None:
    texts = [quantities.canonical_quantity(f"{number}{suffix}") for number, suffix in (one, other)]
    assert (texts[0] == texts[1]) == (exact(one) == exact(other))


@given(amounts)
def test_the_canonical_text_is_an_equal_quantity(amount: tuple[int, str]) -> None:
    text = quantities.canonical_quantity(f"{amount[0]}{amount[1]}")
    assert quantities.canonical_quantity(text) == text
    suffix = text.lstrip("-0123456789")
    assert int(text.removesuffix(suffix)) * FACTORS[suffix] == exact(amount)


@given(st.decimals(0, 10**6, places=6))
def test_trailing_zeros_do_not_change_the_canonical_text(number: Any) -> None:
    text = f"{number:f}"
    assume("E" not in text)
    assert quantities.canonical_quantity(text) == quantities.canonical_quantity(f"{text}000")


@given(st.just(0.0) | st.floats(1e-90, 1e15))
def test_a_float_is_never_rounded_down(number: float) -> None:
    text = quantities.canonical_quantity(number)
    suffix = text.lstrip("0123456789")
    result = int(text.removesuffix(suffix)) * FACTORS[suffix]
    assert 0 <= result - Fraction(repr(number)) < Fraction(1, NANO)
