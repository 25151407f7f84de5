"""The first answers, given to the process itself: the first user must not pay for lazy imports and cold caches."""

from __future__ import annotations

from pydantic_core import to_json

from model_runtime.failures import ExampleFailed
from model_runtime.server.answers import Served
from model_runtime.server.refusals import Refusal


def warm_up(served: Served, *, requests: int) -> None:
    """The example is answered so many times, from bytes to bytes; `ExampleFailed` when it is not."""
    if not requests:
        return
    body = to_json({name: array.tolist() for name, array in served.example.items()}, inf_nan_mode="null")
    for _ in range(requests):
        try:
            served.in_words(b'{"columns":' + body + b"}")
        except Refusal as refusal:
            reason = refusal.__cause__ or refusal
            raise ExampleFailed(f"the model does not answer its example: {reason}") from refusal
