"""The first answers, given to the process itself: the first user must not pay for lazy imports and cold caches."""

from __future__ import annotations

import contextlib

from pydantic_core import to_json

from model_runtime import formats
from model_runtime.server.errors import Refusal
from model_runtime.server.handlers import Served


def warm_up(served: Served, *, requests: int) -> None:
    """The example is answered so many times; `failures.ExampleFailed`, or `MemoryError`, when it is not."""
    for _ in range(requests):
        try:
            served.in_tensors(served.example)
        except Refusal as refusal:
            cause = refusal.__cause__ or refusal
            if isinstance(cause, MemoryError):
                raise cause from None
            raise formats.example_failure(cause) from cause
    _speak(served, times=requests)


def _speak(served: Served, *, times: int) -> None:
    """The way from bytes to bytes is warm too, where the example can be said in the model's own words."""
    body = to_json({name: array.tolist() for name, array in served.example.items()}, inf_nan_mode="null")
    for _ in range(times):
        with contextlib.suppress(Refusal):
            served.in_words(b'{"columns":' + body + b"}")
