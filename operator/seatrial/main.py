"""Runs one operator: preflight, tasks, kopf, shutdown. It decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Coroutine
from importlib import metadata
from typing import Any, Final, cast

import kopf
from aiohttp import web

from seatrial import handlers, logs, telemetry
from seatrial.api.metadata import Key
from seatrial.kube import decoding, http
from seatrial.kube.pod_metrics import DirectFetch
from seatrial.kube.queue import KeyedQueue
from seatrial.options import Options, parse
from seatrial.preflight import PreflightFailed, check_cluster
from seatrial.reconciler import run_workers
from seatrial.wiring import Operator, build, register_gauges

log = logging.getLogger(__name__)

GRACE_PERIOD: Final = 5.0
"""Seconds that running passes get to complete at shutdown: ample, unless the API server is slow."""
CLOSE_TIMEOUT: Final = 20.0
"""Seconds that cancelled tasks and kopf get to end."""


async def run(options: Options) -> int:
    """Run until stopped; return 0 after a requested stop, 1 after a failure."""
    transport = http.HttpTransport(http.default_login(options.kubeconfig, options.context))
    lease_lost, stop = asyncio.Event(), asyncio.Event()
    direct = DirectFetch() if http.runs_in_cluster(options.kubeconfig, options.context) else None
    operator = build(options, transport, lease_lost=lease_lost, fetch_metrics=direct)
    log.info("operator starts", extra=described(options))
    try:
        await check_cluster(operator.lease_client)
        return await _run_parts(operator, transport, lease_lost=lease_lost, stop=stop)
    except PreflightFailed as error:
        log.error("operator cannot start", extra={"why": str(error)})
        return 1
    finally:
        await transport.close()
        if direct is not None:
            await direct.close()


def described(options: Options) -> dict[str, str]:
    """Return what an operator runs with, for the first line of its log."""
    return {
        "version": version(),
        "settings": options.settings_file or "defaults",
        "namespaces": ", ".join(options.namespaces) or "all",
        "lease": options.lease or "none: this process alone writes",
        "identity": options.identity,
    }


def version() -> str:
    """Return the version of the installed package; `unknown` where it runs from its sources."""
    try:
        return metadata.version("seatrial")
    except metadata.PackageNotFoundError:
        return "unknown"


async def _run_parts(
    operator: Operator, transport: http.HttpTransport, *, lease_lost: asyncio.Event, stop: asyncio.Event
) -> int:
    metrics = await _serve_metrics(operator)
    workers = run_workers(
        operator.reconciler, size=operator.options.workers, ready=wait_until_ready(operator)
    )
    parts: list[Coroutine[Any, Any, Any]] = [
        *operator.background(),
        workers,
        lease_lost.wait(),
    ]
    if operator.elector is not None:
        parts.append(operator.elector.run())
    tasks = [asyncio.create_task(part) for part in parts]
    kopf_task = asyncio.create_task(_run_kopf(operator, transport, stop))
    try:
        ended, _ = await asyncio.wait([kopf_task, *tasks], return_when=asyncio.FIRST_COMPLETED)
        failed = [task for task in ended if task is not kopf_task or task.exception() is not None]
        for task in failed:
            log.error(
                "a part of the operator ended, shutting down",
                exc_info=task.exception(),
                extra={"part": repr(task.get_coro())},
            )
        return 1 if failed else 0
    finally:
        stop.set()
        completed = await shut_down(operator.queue, tasks)
        if metrics is not None:
            await metrics.cleanup()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(
                asyncio.gather(kopf_task, *tasks, return_exceptions=True), timeout=CLOSE_TIMEOUT
            )
        if completed and operator.elector is not None:
            await operator.elector.release()


async def shut_down(queue: KeyedQueue[Key], tasks: list[asyncio.Task[Any]]) -> bool:
    """Start no more passes, give running ones `GRACE_PERIOD` seconds to complete, then cancel all tasks.

    Return whether all passes completed. Otherwise the server may still carry out a write of this process, and the
    lease must expire before another one writes.
    """
    completed = True
    try:
        await asyncio.wait_for(queue.close(), GRACE_PERIOD)
    except TimeoutError:
        completed = False
    for task in tasks:
        task.cancel()
    return completed


async def wait_until_ready(operator: Operator) -> None:
    """Wait until every informer has synced and the lease is held: a standby keeps its caches warm and does nothing."""
    for informer in operator.informers:
        await informer.synced.wait()
    if operator.elector is not None and not operator.elector.won.is_set():
        log.info("standing by until the lease is free", extra={"lease": operator.options.lease})
        await operator.elector.won.wait()
    operator.queue.reset_ages()
    log.info(
        "working",
        extra={
            "objects": len(operator.model_deployments),
            "workers": operator.options.workers,
            "lease": operator.options.lease,
        },
    )


async def _serve_metrics(operator: Operator) -> web.AppRunner | None:
    register_gauges(operator)
    if not operator.options.metrics_port:
        return None
    return await telemetry.serve(operator.telemetry.registry, operator.options.metrics_port)


async def _run_kopf(operator: Operator, transport: http.HttpTransport, stop: asyncio.Event) -> None:
    """Let kopf handle signals and probes until one stops it; its watch of ModelDeployments is only a second trigger."""
    registry = handlers.registry(operator.model_deployments, operator.queue, operator.stalled)
    handlers.add_login(registry, transport)
    handlers.add_cleanup(registry, stop)
    namespaces, port = operator.options.namespaces, operator.options.probe_port
    await kopf.operator(
        registry=registry,
        settings=handlers.settings(),
        standalone=True,
        # without an identity kopf looks up the name of the user, which an arbitrary uid does not have
        identity=cast("Any", operator.options.identity or "seatrial"),
        clusterwide=not namespaces,
        namespaces=list(namespaces),
        liveness_endpoint=f"http://0.0.0.0:{port}/healthz" if port else None,
        stop_flag=stop,
    )


def main() -> None:
    """Run the operator's command."""
    options = parse()
    decoding.raise_limit_for_libraries()
    logs.configure(level=options.log_level, json_lines=options.json_logs)
    sys.exit(asyncio.run(run(options)))


if __name__ == "__main__":
    main()
