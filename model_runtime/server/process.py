"""The life of the process: listen, load, warm up, serve, drain, leave."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import time
from typing import Any, Final

import uvloop

from model_runtime import contract, failures
from model_runtime.contract.logs import JsonLines
from model_runtime.server import settings, uvicorn_server
from model_runtime.server.edge import Front, Phase
from model_runtime.server.settings import Settings

logger = logging.getLogger("seatrial.server")
LEFT: Final = 0
FAILED: Final = 1
MISUSED: Final = 2
NO_MEMORY: Final = "the model does not fit into the pod's memory: raise spec.serving.resources.limits.memory."


def main() -> None:
    """Serve until told to stop, then leave at once: a prediction that hangs must not keep the process."""
    _configure_logs(revision=os.environ.get(contract.SERVER_REVISION_VARIABLE, ""))
    try:
        wanted = settings.of(sys.argv[1:], os.environ)
    except settings.SettingInvalid as error:
        logger.error("a setting is invalid", extra={"error": str(error)})
        sys.exit(MISUSED)
    gc.disable()  # nothing that a start makes is garbage; the loaded application turns it on again
    code = uvloop.new_event_loop().run_until_complete(live(wanted))
    logging.shutdown()
    os._exit(code)


def _configure_logs(*, revision: str) -> None:
    """Write every record of the process as a JSON line to stderr; of libraries only warnings and errors."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines({"revision": revision}))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("seatrial").setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)


async def live(wanted: Settings) -> int:
    """The exit code of one whole life."""
    return await Life(wanted).run()


class Life:
    """One run of the server."""

    def __init__(self, wanted: Settings) -> None:
        self._wanted = wanted
        self._front = Front(connection_age=wanted.connection_age)
        self._server = uvicorn_server.server(self._front, wanted)
        self._started = time.monotonic()

    async def run(self) -> int:
        """The exit code, after the last answer."""
        told = asyncio.create_task(_stop_asked().wait(), name="told to stop")
        door = uvicorn_server.door(self._wanted)
        serving = asyncio.create_task(self._server.serve(sockets=[door]))
        logger.info("listening", extra={"port": door.getsockname()[1]})
        async with contextlib.AsyncExitStack() as stack:
            loading = asyncio.create_task(self._load(stack))
            await _first_of(loading, told, serving)
            if not loading.done():
                return LEFT
            if failed := loading.exception():
                self._explain(failed)
                return FAILED
            await _first_of(told, serving)
            await self._drain(serving)
        return LEFT

    async def _load(self, stack: contextlib.AsyncExitStack) -> None:
        """The model answers from now on, until the stack is left."""
        from model_runtime.server import application

        app = await asyncio.to_thread(application.prepared, self._wanted)
        await stack.enter_async_context(app.asgi.router.lifespan_context(app.asgi))
        self._front.serve(app.asgi, name=app.name, version=app.version)
        seconds = round(time.monotonic() - self._started, 2)
        logger.info("ready", extra={"model": app.name, "seconds": seconds})

    async def _drain(self, serving: asyncio.Task[None]) -> None:
        """Whoever has not heard yet that this pod leaves still gets an answer; then the last ones are finished."""
        self._front.phase = Phase.DRAINING
        logger.info("draining", extra={"seconds": self._wanted.drain})
        await asyncio.wait({serving}, timeout=self._wanted.drain)
        self._server.should_exit = True
        await serving
        logger.info("left")

    def _explain(self, error: BaseException) -> None:
        """The reason stands in the log, and in the termination message where the operator reads it."""
        left = exit_of(error)
        logger.error("the model cannot be served", extra={"reason": left.reason}, exc_info=error)
        try:
            self._wanted.termination_message.write_text(left.to_json())
        except OSError as failed:
            logger.warning("no termination message", extra={"error": str(failed)})


def exit_of(error: BaseException) -> contract.Exit:
    """What the operator is told: a reason of the API and a sentence."""
    if isinstance(error, failures.BuildFailure):
        return contract.Exit(reason=error.reason, message=error.message)
    if isinstance(error, MemoryError):
        return contract.Exit(reason="OutOfMemory", message=NO_MEMORY)
    said = f"the server broke before it was ready: {failures.summary(error, limit=600)}. See its log."
    return contract.Exit(reason=failures.LoadFailed.reason, message=said)


def _stop_asked() -> asyncio.Event:
    """Set by the signals that mean stop; from now on they end nothing by themselves."""
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    return asked


async def _first_of(*tasks: asyncio.Task[Any]) -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
