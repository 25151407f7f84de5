"""Why a request is rejected: the one error tree of the server, with one class for each status and cause.

RequestError
├── InvalidInput          400  the body does not fit the signature: field, expected, got
├── UnsuitableInput       400  the model names the input that it cannot use
├── RejectedValue         400  the input fits the signature, but the model rejects a value
├── BodyTimeout           408
├── BodyTooLarge          413
├── CompressedBody        415
├── LimitReached          429
├── PredictionFailed      500  the model fails on an input that fits its signature
├── NotReady              503  the server is loading the model, or is stopping
└── PredictionTimeout     504
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

LOADING: Final = "the model is loading"


class RequestError(Exception):
    """A request gets an error instead of a prediction; `str()` is the sentence for the client."""

    status: ClassVar[int] = 500

    def body(self) -> dict[str, Any]:
        """Return the JSON body of the response."""
        return {"error": str(self)}


class InvalidInput(RequestError):
    """The body does not fit the signature of the model."""

    status = 400

    def __init__(self, field: str, *, expected: str, got: str) -> None:
        sentence = f"expected {expected}, got {got}"
        super().__init__(f"{field}: {sentence}" if field else sentence)
        self.field = field
        self.expected = expected
        self.got = got

    def body(self) -> dict[str, Any]:
        """Return the sentence, and its three parts for programs."""
        return {"error": str(self), "field": self.field, "expected": self.expected, "got": self.got}


class UnsuitableInput(RequestError):
    """The model names the input that it cannot use."""

    status = 400

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field

    def body(self) -> dict[str, Any]:
        """Return the sentence and the field."""
        return {"error": str(self), "field": self.field}


class RejectedValue(RequestError):
    """The input fits the signature, but the model rejects a value."""

    status = 400


class BodyTimeout(RequestError):
    """The body does not arrive in time."""

    status = 408


class BodyTooLarge(RequestError):
    """The body is larger than the limit."""

    status = 413


class CompressedBody(RequestError):
    """The body has a content encoding."""

    status = 415


class LimitReached(RequestError):
    """As many predictions as allowed are running."""

    status = 429


class PredictionFailed(RequestError):
    """The model raises an error that no input should cause."""

    status = 500


class NotReady(RequestError):
    """The model is not loaded yet."""

    status = 503


class PredictionTimeout(RequestError):
    """The model does not return in time."""

    status = 504
