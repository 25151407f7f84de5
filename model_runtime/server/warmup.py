"""Predict before the first request arrives: no client must wait for lazy imports and cold caches."""

from __future__ import annotations

import contextlib

from pydantic_core import to_json

from model_runtime import formats
from model_runtime.server.errors import RequestError
from model_runtime.server.handlers import ServedModel


def warm_up(served: ServedModel, *, requests: int) -> None:
    """Predict from the example several times; `failures.ExampleFailed`, or `MemoryError`, when that fails."""
    for _ in range(requests):
        try:
            served.outputs(served.example)
        except RequestError as error:
            cause = error.__cause__ or error
            if isinstance(cause, MemoryError):
                raise cause from None
            raise formats.example_failure(cause) from cause
    _warm_up_protocol(served, requests=requests)


def _warm_up_protocol(served: ServedModel, *, requests: int) -> None:
    """Decode and encode the example as well, if `/predict` can express it."""
    body = to_json({name: array.tolist() for name, array in served.example.items()}, inf_nan_mode="null")
    for _ in range(requests):
        with contextlib.suppress(RequestError):
            served.predict(b'{"columns":' + body + b"}")
