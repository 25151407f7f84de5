"""Why a request is not answered: one class for each status, and no others.

Refusal
├── InputRefused      400  names the field, what it expects and what came
├── InputUnfit        400  the model names the input that does not fit it
├── ModelRefused      400  the input fits the signature, but the model takes no such value
├── SentTooSlowly     408
├── TooLarge          413
├── EncodingRefused   415
├── TooMany           429
├── ModelBroken       500  the model failed on an input that fits its signature
├── Unready           503  loading, or told to stop
└── TooSlow           504
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

LOADING: Final = "the model is being loaded"


class Refusal(Exception):
    """A request that gets an error instead of an answer; `str()` is the sentence for its sender."""

    status: ClassVar[int] = 500

    def document(self) -> dict[str, Any]:
        """The body of the response."""
        return {"error": str(self)}


class InputRefused(Refusal):
    """The body is not what the model takes."""

    status = 400

    def __init__(self, field: str, *, expected: str, came: str) -> None:
        super().__init__(
            f"{field}: expected {expected}; {came} came" if field else f"expected {expected}; {came} came"
        )
        self.field = field
        self.expected = expected
        self.came = came

    def document(self) -> dict[str, Any]:
        """The sentence, and its three parts for programs."""
        return {"error": str(self), "field": self.field, "expected": self.expected, "came": self.came}


class InputUnfit(Refusal):
    """The model names the input that does not fit it."""

    status = 400

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field

    def document(self) -> dict[str, Any]:
        """The sentence and the field."""
        return {"error": str(self), "field": self.field}


class ModelRefused(Refusal):
    """The input fits the signature, but the model takes no such value."""

    status = 400


class SentTooSlowly(Refusal):
    """The body did not arrive in time."""

    status = 408


class TooLarge(Refusal):
    """The body is larger than the limit."""

    status = 413


class EncodingRefused(Refusal):
    """The body is compressed."""

    status = 415


class TooMany(Refusal):
    """As many predictions as are allowed run already."""

    status = 429


class ModelBroken(Refusal):
    """The model raised what no input should make it raise."""

    status = 500


class Unready(Refusal):
    """The model is not loaded yet, or the process is leaving."""

    status = 503


class TooSlow(Refusal):
    """The model did not answer in time."""

    status = 504
