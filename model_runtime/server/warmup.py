"""Answer the model's example the way requests are answered, in the build's trial and before the first request.

A model that cannot answer its own example over HTTP can answer no request; and no client must wait for lazy imports
and cold caches.
"""

from __future__ import annotations

from pydantic_core import to_json

from model_runtime import formats
from model_runtime.failures import ExampleFailed
from model_runtime.formats import Signature, Tensors
from model_runtime.server.errors import PredictionFailed
from model_runtime.server.handlers import ServedModel


def warm_up(served: ServedModel, *, requests: int) -> None:
    """Answer the example several times; `failures.ExampleFailed`, or `MemoryError`, when that fails."""
    body = request_body(served.example, served.predict_protocol.signature)
    for _ in range(requests):
        try:
            _answer(served, body)
        except (MemoryError, ExampleFailed):
            raise
        except BaseException as error:  # what a model returns may be anything, and so may its errors
            raise _failure(error) from error


def request_body(example: Tensors, signature: Signature) -> bytes:
    """Return the body of `/predict` for an example; a matrix of all columns may have any name."""
    name, whole = next(iter(example.items()), ("", None))
    of_rows = not signature.columns and len(signature.inputs[0].shape) > 1 and len(signature.inputs) == 1
    if (
        whole is not None
        and len(example) == 1
        and (of_rows or name not in {s.name for s in signature.inputs})
    ):
        return b'{"instances":' + to_json(whole.tolist(), inf_nan_mode="null") + b"}"
    columns = {name: array.tolist() for name, array in example.items()}
    return b'{"columns":' + to_json(columns, inf_nan_mode="null") + b"}"


def _answer(served: ServedModel, body: bytes) -> None:
    request = served.predict_protocol.decode(body)
    outputs = served.outputs(request.inputs)
    if missing := {spec.name for spec in served.predict_protocol.signature.outputs} - outputs.keys():
        raise ExampleFailed(f"the model does not return the outputs {', '.join(sorted(missing))}.")
    served.predict_protocol.encode(request, outputs)


def _failure(error: BaseException) -> BaseException:
    """Return the failure of an example; the error of the model itself where there is one."""
    cause = error.__cause__ if isinstance(error, PredictionFailed) else None
    if isinstance(cause, MemoryError):
        return cause
    return formats.example_failure(error if cause is None else cause)
