"""The answers to the model's own routes, as plain ASGI: the shortest way from bytes to bytes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from model_runtime.formats import InputInvalid, Loaded, Tensors
from model_runtime.server import body, errors
from model_runtime.server.executor import Engine
from model_runtime.server.protocols import v2
from model_runtime.server.protocols.predict import Words

logger = logging.getLogger("seatrial.server")
JSON = b"application/json"
BYTES = b"application/octet-stream"
BROKEN: Final = "the model failed on this input; the server's log has the reason"


@dataclass(frozen=True, slots=True)
class Served:
    """A loaded model with everything that is needed to answer for it."""

    model: Loaded
    words: Words
    protocol: v2.Protocol
    engine: Engine[v2.Reply]
    example: Tensors
    body_limit: int

    def in_words(self, sent: bytes) -> v2.Reply:
        """The answer to a body of `/predict`."""
        question = self.words.question(sent)
        return v2.Reply(self.words.answer(question, self.in_tensors(question.inputs)), None)

    def in_v2(self, json_length: bytes | None, sent: bytes) -> v2.Reply:
        """The answer to a body of `/v2/models/…/infer`."""
        request = self.protocol.request(sent, json_length)
        return self.protocol.reply(request, self.in_tensors(request.inputs, frozenset(request.wanted)))

    def in_tensors(self, inputs: Tensors, wanted: frozenset[str] | None = None) -> Tensors:
        """The model's outputs; whatever it raises becomes a refusal with a status."""
        try:
            return self.model.predict(inputs, wanted=wanted)
        except InputInvalid as error:
            raise errors.InputUnfit(error.field, error.message) from error
        except BaseException as error:  # a model that calls `sys.exit` must not end the process
            raise _blamed(error, inputs) from error


def guarded(work: Callable[[bytes], v2.Reply], sent: bytes) -> v2.Reply:
    """What `work` answers; whatever else it raises than a refusal becomes one: the answer is not the signature's."""
    try:
        return work(sent)
    except errors.Refusal:
        raise
    except BaseException as error:
        raise errors.ModelBroken(BROKEN) from error


def _blamed(error: BaseException, inputs: Tensors) -> errors.Refusal:
    """Frameworks say `ValueError` when they dislike an input; anything else is the model's own fault.

    A missing text is no text to them: they stumble over it.
    """
    if isinstance(error, TypeError | AttributeError) and (name := _lacking(inputs)) is not None:
        return errors.InputUnfit(name, "the model takes no missing text (null)")
    if isinstance(error, ValueError) or type(error).__name__ == "InvalidArgument":
        said = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        return errors.ModelRefused(f"the model refused this input: {said[:300]}")
    return errors.ModelBroken(BROKEN)


def _lacking(inputs: Tensors) -> str | None:
    """The first input with a missing text in it."""
    texts = ((name, array) for name, array in inputs.items() if array.dtype.kind == "O")
    return next((name for name, array in texts if any(text is None for text in array.flat)), None)


class Answers:
    """The handlers of all routes; they answer 503 until a model is bound."""

    def __init__(self) -> None:
        self.served: Served | None = None

    def bind(self, served: Served) -> None:
        """From now on this model answers."""
        self.served = served

    @property
    def bound(self) -> Served:
        """The model that answers; `Unready` before there is one."""
        if self.served is None:
            raise errors.Unready(errors.LOADING)
        return self.served

    async def predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`POST /predict`."""
        await self._answered(scope, receive, send, choose=lambda served, _: served.in_words)

    async def infer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`POST /v2/models/{name}/infer`."""
        await self._answered(scope, receive, send, choose=_in_v2)

    def v2_server(self) -> dict[str, Any]:
        """`GET /v2`."""
        version = self.bound.protocol.version
        return {"name": "seatrial", "version": version, "extensions": ["binary_tensor_data"]}

    def v2_model(self) -> dict[str, Any]:
        """`GET /v2/models/{name}`."""
        return self.bound.protocol.metadata()

    def v2_model_ready(self) -> dict[str, Any]:
        """`GET /v2/models/{name}/ready`."""
        return {"name": self.bound.protocol.name, "ready": True}

    async def unknown(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Whatever has no route."""
        await respond(send, 404, to_json({"error": scope["state"].get("unknown", "no such path")}))

    async def _answered(self, scope: Scope, receive: Receive, send: Send, *, choose: Chooser) -> None:
        headers = dict(scope["headers"])
        try:
            reply = await self._reply(headers, receive, choose)
        except body.Left:
            return
        except errors.Refusal as refusal:
            _log(refusal, scope)
            await respond(send, refusal.status, to_json(refusal.document()))
            return
        await respond(send, 200, reply.body, json_length=reply.json_length)

    async def _reply(self, headers: dict[bytes, bytes], receive: Receive, choose: Chooser) -> v2.Reply:
        served = self.bound
        engine = served.engine
        deadline = engine.deadline()
        with engine.place():
            sent = await body.read(headers, receive, limit=served.body_limit, timeout=engine.timeout)
        work = partial(guarded, choose(served, headers), sent)
        with engine.slot() as slot:
            return await engine.run(work, slot, size=len(sent), deadline=deadline)


Chooser = Callable[[Served, dict[bytes, bytes]], Callable[[bytes], v2.Reply]]


def _in_v2(served: Served, headers: dict[bytes, bytes]) -> Callable[[bytes], v2.Reply]:
    return partial(served.in_v2, headers.get(v2.HEADER))


async def respond(send: Send, status: int, content: bytes, *, json_length: int | None = None) -> None:
    """One whole response."""
    headers = [(b"content-type", JSON), (b"content-length", b"%d" % len(content))]
    if json_length is not None:
        headers[0] = (b"content-type", BYTES)
        headers.append((v2.HEADER, b"%d" % json_length))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _log(refusal: errors.Refusal, scope: Scope) -> None:
    """What is the server's or the model's fault; bad requests are counted, not logged."""
    if refusal.status < 500 or isinstance(refusal, errors.Unready):
        return
    fields: dict[str, Any] = {"request_id": scope["state"].get("request_id", ""), "status": refusal.status}
    cause = refusal.__cause__
    logger.error("request failed", extra=fields, exc_info=cause)
