"""The life of the server process: listen, load, warm up, serve, drain, exit."""

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
from model_runtime.server import uvicorn_server
from model_runtime.server.edge import Edge, ServerState
from model_runtime.server.settings import InvalidSetting, Settings, parse_settings

logger = logging.getLogger("seatrial.server")
STOPPED: Final = 0
FAILED: Final = 1
INVALID_SETTING: Final = 2
NO_MEMORY: Final = (
    "the model does not fit into the memory of the pod: raise spec.serving.resources.limits.memory."
)


def main() -> None:
    """Serve until SIGTERM or SIGINT, then exit at once: a prediction that hangs must not keep the process alive."""
    _configure_logs(revision=os.environ.get(contract.SERVER_REVISION_VARIABLE, ""))
    try:
        settings = parse_settings(sys.argv[1:], os.environ)
    except InvalidSetting as error:
        logger.error("a setting is invalid", extra={"error": str(error)})
        sys.exit(INVALID_SETTING)
    gc.disable()  # the objects of a start are not garbage; the application enables it again
    code = uvloop.new_event_loop().run_until_complete(ServerProcess(settings).run())
    logging.shutdown()
    os._exit(code)


def _configure_logs(*, revision: str) -> None:
    """Write all records as JSON lines to stderr; of libraries only warnings and errors."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines({"revision": revision}))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("seatrial").setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)


class ServerProcess:
    """One run of the server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._edge = Edge(connection_age=settings.connection_age)
        self._server = uvicorn_server.create_server(self._edge, settings)
        self._started = time.monotonic()

    async def run(self) -> int:
        """Serve until the process is stopped; return its exit code."""
        stop = asyncio.create_task(_stop_signal().wait(), name="stop signal")
        bound = uvicorn_server.bind_socket(self._settings)
        serving = asyncio.create_task(self._server.serve(sockets=[bound]))
        logger.info("listening", extra={"port": bound.getsockname()[1]})
        async with contextlib.AsyncExitStack() as stack:
            loading = asyncio.create_task(self._load(stack))
            await _first_done(loading, stop, serving)
            if not loading.done():
                return STOPPED
            if error := loading.exception():
                self._report_failure(error)
                return FAILED
            await _first_done(stop, serving)
            await self._drain(serving)
        return STOPPED

    async def _load(self, stack: contextlib.AsyncExitStack) -> None:
        """Load the model and serve it until the stack is closed."""
        from model_runtime.server import startup

        app = await asyncio.to_thread(startup.create_application, self._settings)
        await stack.enter_async_context(app.asgi.router.lifespan_context(app.asgi))
        self._edge.serve(app.asgi, name=app.name, version=app.version)
        seconds = round(time.monotonic() - self._started, 2)
        logger.info("ready", extra={"model": app.name, "seconds": seconds})

    async def _drain(self, serving: asyncio.Task[None]) -> None:
        """Keep serving clients that do not know yet that this pod stops; then finish the last requests."""
        self._edge.state = ServerState.DRAINING
        logger.info("draining", extra={"seconds": self._settings.drain})
        await asyncio.wait({serving}, timeout=self._settings.drain)
        self._server.should_exit = True
        await serving
        logger.info("stopped")

    def _report_failure(self, error: BaseException) -> None:
        """Write the reason to the log, and to the termination message for the operator."""
        exit_message = exit_of(error)
        logger.error("the model cannot be served", extra={"reason": exit_message.reason}, exc_info=error)
        try:
            self._settings.termination_message.write_text(exit_message.to_json())
        except OSError as write_error:
            logger.warning("the termination message cannot be written", extra={"error": str(write_error)})


def exit_of(error: BaseException) -> contract.Exit:
    """Return the message for the operator: a reason of the API and a sentence."""
    if isinstance(error, failures.BuildFailure):
        return contract.Exit(reason=error.reason, message=error.message)
    if isinstance(error, MemoryError):
        return contract.Exit(reason="OutOfMemory", message=NO_MEMORY)
    summary = failures.summary(error, limit=600)
    sentence = f"the server failed before it was ready ({summary}): see its log."
    return contract.Exit(reason=failures.LoadFailed.reason, message=sentence)


def _stop_signal() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set, instead of ending the process."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


async def _first_done(*tasks: asyncio.Task[Any]) -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
