"""The handlers of the routes, as plain ASGI: the shortest way from the bytes of a request to those of its response."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from model_runtime.formats import InputMismatch, InputRejected, Loaded, Tensors, tabular
from model_runtime.server import body, errors
from model_runtime.server.executor import Executor
from model_runtime.server.protocols.predict import PredictProtocol
from model_runtime.server.protocols.v2 import LENGTH_HEADER, Response, V2Protocol
from model_runtime.server.request_metrics import Measurement, RequestMetrics

logger = logging.getLogger("seatrial.server")
JSON = b"application/json"
BYTES = b"application/octet-stream"
PREDICTION_FAILED: Final = "the model failed on this input: see the server's log"
LARGEST_SINGLE: Final = float(np.finfo(np.float32).max)
"""Trees and neighbours of scikit-learn compute in single precision."""
Work = Callable[[bytes], Response]


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A loaded model with everything that is needed to serve it."""

    model: Loaded
    predict_protocol: PredictProtocol
    v2_protocol: V2Protocol
    executor: Executor[Response]
    example: Tensors
    body_limit: int

    def predict(self, content: bytes) -> Response:
        """Return the response to a body of `/predict`."""
        request = self.predict_protocol.decode(content)
        return Response(self.predict_protocol.encode(request, self.outputs(request.inputs)), None)

    def infer(self, json_length: bytes | None, content: bytes) -> Response:
        """Return the response to a body of `/v2/models/…/infer`."""
        request = self.v2_protocol.decode(content, json_length)
        outputs = self.outputs(request.inputs, frozenset(request.outputs))
        return self.v2_protocol.encode(request, outputs)

    def outputs(self, inputs: Tensors, wanted: frozenset[str] | None = None) -> Tensors:
        """Return the outputs of the model; every error that it raises becomes a `RequestError`."""
        try:
            return self.model.predict(inputs, wanted=wanted)
        except InputMismatch as error:
            raise errors.UnsuitableInput(error.field, error.message) from error
        except BaseException as error:  # a model that calls `sys.exit` must not end the process
            raise _request_error(error, inputs) from error


def guarded(work: Work, content: bytes) -> Response:
    """Return what `work` returns; any error but a `RequestError` means that the outputs do not fit the signature."""
    try:
        return work(content)
    except errors.RequestError:
        raise
    except BaseException as error:
        raise errors.PredictionFailed(PREDICTION_FAILED) from error


def _request_error(error: BaseException, inputs: Tensors) -> errors.RequestError:
    """Return the error of a request whose prediction failed with `error`.

    A missing or an infinite value explains why a framework stumbles, and so does a value that it calls wrong;
    anything else is an error of the model, however its framework names it.
    """
    if isinstance(error, ValueError | TypeError | AttributeError) and (found := _unusual_value(inputs)):
        return errors.UnsuitableInput(*found)
    if isinstance(error, InputRejected) or type(error).__name__ == "InvalidArgument":
        lines = (line.strip() for line in str(error).splitlines())
        reason = next((line for line in lines if line), type(error).__name__)
        return errors.RejectedValue(f"the model rejects this input: {reason[:300]}")
    return errors.PredictionFailed(PREDICTION_FAILED)


def _unusual_value(inputs: Tensors) -> tuple[str, str] | None:
    """Return the first input without values, or with a missing, infinite or huge one, and what is wrong with it."""
    for name, array in inputs.items():
        if not array.size:
            return name, "the model does not accept zero rows"
        if array.dtype.kind == "O" and any(tabular.is_missing(value) for value in array.flat):
            return name, "the model does not accept null here"
        if array.dtype.kind == "f" and np.isnan(array).any():
            return name, "the model does not accept null or NaN here"
        if array.dtype.kind == "f" and (np.abs(array) > LARGEST_SINGLE).any():
            return name, "the model does not accept an infinite or such a large number here"
    return None


class Handlers:
    """The handlers of all routes; they respond with 503 until a model is bound."""

    def __init__(self, metrics: RequestMetrics | None = None) -> None:
        self.served: ServedModel | None = None
        self._metrics = metrics or RequestMetrics()

    def bind(self, served: ServedModel) -> None:
        """Serve this model from now on."""
        self.served = served

    @property
    def model(self) -> ServedModel:
        """Return the served model; `NotReady` while there is none."""
        if self.served is None:
            raise errors.NotReady(errors.LOADING)
        return self.served

    async def predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle `POST /predict`."""
        await self._handle(scope, receive, send, choose=lambda served, _: served.predict)

    async def infer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle `POST /v2/models/{name}/infer`."""
        await self._handle(scope, receive, send, choose=_infer)

    def v2_server(self) -> dict[str, Any]:
        """Return the body of `GET /v2`."""
        version = self.model.v2_protocol.version
        return {"name": "seatrial", "version": version, "extensions": ["binary_tensor_data"]}

    def v2_model(self) -> dict[str, Any]:
        """Return the body of `GET /v2/models/{name}`."""
        return self.model.v2_protocol.metadata()

    def v2_model_ready(self) -> dict[str, Any]:
        """Return the body of `GET /v2/models/{name}/ready`."""
        return {"name": self.model.v2_protocol.name, "ready": True}

    async def unknown(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Handle a path without a route."""
        await respond(send, 404, to_json({"error": scope["state"].get("unknown", "no such path")}))

    async def _handle(self, scope: Scope, receive: Receive, send: Send, *, choose: Chooser) -> None:
        headers = dict(scope["headers"])
        measurement = self._metrics.begin(headers)
        try:
            response = await self._response(headers, receive, choose, measurement)
        except body.ClientDisconnected:
            return
        except errors.RequestError as error:
            measurement.end(error.status)
            _log(error, scope)
            await respond(send, error.status, to_json(_error_body(error, scope)))
            return
        measurement.end(200)
        await respond(send, 200, response.body, json_length=response.json_length)

    async def _response(
        self, headers: dict[bytes, bytes], receive: Receive, choose: Chooser, measurement: Measurement
    ) -> Response:
        served = self.model
        executor = served.executor
        deadline = executor.deadline()
        with executor.body_slot():
            content = await body.read(headers, receive, limit=served.body_limit, timeout=executor.timeout)
        measurement.body_arrived()
        work = partial(guarded, choose(served, headers), content)
        with executor.prediction_slot() as slot:
            return await executor.run(work, slot, size=len(content), deadline=deadline)


Chooser = Callable[[ServedModel, dict[bytes, bytes]], Work]
"""Returns the work for a request from the model and the request's headers."""


def _infer(served: ServedModel, headers: dict[bytes, bytes]) -> Work:
    return partial(served.infer, headers.get(LENGTH_HEADER))


async def respond(send: Send, status: int, content: bytes, *, json_length: int | None = None) -> None:
    """Send a whole response."""
    headers = [(b"content-type", JSON), (b"content-length", b"%d" % len(content))]
    if json_length is not None:
        headers[0] = (b"content-type", BYTES)
        headers.append((LENGTH_HEADER, b"%d" % json_length))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _error_body(error: errors.RequestError, scope: Scope) -> dict[str, Any]:
    """Return the body of the response; for an error of the model it names the request, as the log does."""
    identifier = (
        scope["state"].get("request_id", "") if error.status == errors.PredictionFailed.status else ""
    )
    return error.body() | ({"request_id": identifier} if identifier else {})


def _log(error: errors.RequestError, scope: Scope) -> None:
    """Log errors of the server and the model; rejected requests are counted by the metrics only."""
    if error.status < 500 or isinstance(error, errors.NotReady):
        return
    fields: dict[str, Any] = {"request_id": scope["state"].get("request_id", ""), "status": error.status}
    logger.error("the prediction failed", extra=fields, exc_info=error.__cause__)
