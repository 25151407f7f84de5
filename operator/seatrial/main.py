"""Runs one operator: preflight, tasks, kopf, shutdown. It decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Coroutine
from typing import Any, Final, cast

import kopf
from aiohttp import web

from seatrial import handlers, logs, telemetry
from seatrial.api.metadata import Key
from seatrial.kube import http
from seatrial.kube.pod_metrics import DirectFetch
from seatrial.kube.queue import KeyedQueue
from seatrial.options import Options, parse
from seatrial.preflight import PreflightFailed, check_cluster
from seatrial.reconciler import run_workers
from seatrial.wiring import Operator, build, register_gauges

log = logging.getLogger(__name__)

GRACE_PERIOD: Final = 5.0
"""Seconds that running passes get to complete at shutdown: as long as one write may take."""
CLOSE_TIMEOUT: Final = 20.0
"""Seconds that cancelled tasks and kopf get to end."""


async def run(options: Options) -> int:
    """Run until stopped; return 0 after a requested stop, 1 after a failure."""
    transport = http.HttpTransport(http.default_login(options.kubeconfig, options.context))
    lease_lost, stop = asyncio.Event(), asyncio.Event()
    direct = DirectFetch() if http.runs_in_cluster(options.kubeconfig, options.context) else None
    operator = build(options, transport, lease_lost=lease_lost, fetch_metrics=direct)
    try:
        await check_cluster(operator.lease_client)
        return await _run_parts(operator, transport, lease_lost=lease_lost, stop=stop)
    except PreflightFailed as error:
        log.error("operator cannot start", extra={"why": str(error)})
        return 1
    finally:
        if operator.elector is not None:
            await operator.elector.release()
        await transport.close()
        if direct is not None:
            await direct.close()


async def _run_parts(
    operator: Operator, transport: http.HttpTransport, *, lease_lost: asyncio.Event, stop: asyncio.Event
) -> int:
    metrics = await _serve_metrics(operator)
    workers = run_workers(
        operator.reconciler, size=operator.options.workers, ready=wait_until_ready(operator)
    )
    parts: list[Coroutine[Any, Any, Any]] = [
        *(informer.run() for informer in operator.informers),
        operator.sampler.run(),
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
        await shut_down(operator.queue, tasks)
        if metrics is not None:
            await metrics.cleanup()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(
                asyncio.gather(kopf_task, *tasks, return_exceptions=True), timeout=CLOSE_TIMEOUT
            )


async def shut_down(queue: KeyedQueue[Key], tasks: list[asyncio.Task[Any]]) -> None:
    """Start no more passes, give running ones `GRACE_PERIOD` seconds to complete, then cancel all tasks."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(queue.close(), GRACE_PERIOD)
    for task in tasks:
        task.cancel()


async def wait_until_ready(operator: Operator) -> None:
    """Wait until every informer has synced and the lease is held: a standby keeps its caches warm and does nothing."""
    for informer in operator.informers:
        await informer.synced.wait()
    if operator.elector is not None:
        await operator.elector.won.wait()
    operator.queue.reset_ages()
    log.info(
        "working",
        extra={"objects": len(operator.model_deployments.store), "workers": operator.options.workers},
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
    namespace, port = operator.options.namespace, operator.options.probe_port
    await kopf.operator(
        registry=registry,
        settings=handlers.settings(),
        standalone=True,
        # without an identity kopf looks up the name of the user, which an arbitrary uid does not have
        identity=cast("Any", operator.options.identity or "seatrial"),
        clusterwide=not namespace,
        namespaces=[namespace] if namespace else [],
        liveness_endpoint=f"http://0.0.0.0:{port}/healthz" if port else None,
        stop_flag=stop,
    )


def main() -> None:
    """Run the operator's command."""
    options = parse()
    logs.configure(level=options.log_level, json_lines=options.json_logs)
    sys.exit(asyncio.run(run(options)))


if __name__ == "__main__":
    main()
