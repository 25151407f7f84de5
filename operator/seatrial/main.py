"""Wires one operator together and runs it. It decides nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast

import kopf
import prometheus_client
from aiohttp import web

from seatrial import handlers, logs, telemetry
from seatrial.api import kinds, objects
from seatrial.api.metadata import Key
from seatrial.applier import Applier
from seatrial.kube import http, lease
from seatrial.kube.caches import Caches, with_router_kinds
from seatrial.kube.client import Client, Selection
from seatrial.kube.informers import Informer, InformerConfig
from seatrial.kube.limiter import Limiter
from seatrial.kube.queue import KeyedQueue
from seatrial.kube.transport import Transport
from seatrial.observer import Observer, Referrers
from seatrial.options import Options, parse
from seatrial.preflight import PreflightFailed, check_cluster
from seatrial.reconciler import Reconciler, Shell, run_workers
from seatrial.reporter import Reporter
from seatrial.routers import base as routers

log = logging.getLogger(__name__)

WATCH_TIMEOUT: Final = 400.0
"""Seconds without a word of the API server after which a watch counts as stalled: it ends every watch within 290."""
QUEUE_TIMEOUT: Final = 120.0
"""Seconds that a key may wait in the queue of the leader."""
GRACE_PERIOD: Final = 5.0
"""Seconds that running passes get to complete at shutdown: as long as one write may take."""
CLOSE_TIMEOUT: Final = 20.0
"""Seconds that cancelled tasks and kopf get to end."""


def utc_now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The clocks of the program: wall time for what is stored in objects, monotonic time for time-outs."""

    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic


@dataclass(slots=True, kw_only=True)
class Operator:
    """The parts of one operator; `build` makes them, `run` runs them."""

    options: Options
    client: Client
    lease_client: Client
    elector: lease.Elector | None
    model_deployments: Informer
    queue: KeyedQueue[Key]
    caches: Caches
    reconciler: Reconciler
    telemetry: telemetry.Telemetry

    @property
    def informers(self) -> tuple[Informer, ...]:
        """Every informer of the process."""
        return (*self.caches.informers, self.model_deployments)

    def may_write(self) -> bool:
        """Return whether this process holds the lease, or needs none."""
        return self.elector is None or self.elector.is_leader()

    def stalled(self) -> str:
        """Return a sentence about what has stalled; empty if nothing has."""
        for informer in self.informers:
            if informer.last_event_age() > WATCH_TIMEOUT:
                return (
                    f"the watch of {informer.kind} has received nothing for {informer.last_event_age():.0f} s"
                )
        if self.may_write() and self.queue.oldest_age() > QUEUE_TIMEOUT:
            return f"a ModelDeployment has waited in the queue for {self.queue.oldest_age():.0f} s"
        return ""


def build(
    options: Options, transport: Transport, *, lease_lost: asyncio.Event, clocks: Clocks | None = None
) -> Operator:
    """Return an operator of which nothing is started; `lease_lost` is set when it loses the lease."""
    clocks = clocks or Clocks()
    metrics = telemetry.Telemetry(prometheus_client.CollectorRegistry())
    queue: KeyedQueue[Key] = KeyedQueue()
    timing = lease.Timing()
    lease_limiter = Limiter(clocks.monotonic, longest_pause=timing.renew)
    lease_client = Client(transport, lease_limiter, lambda: True, timeout=timing.call)
    elector = _elector(options, lease_client, lease_lost, clocks)
    client = Client(
        transport,
        Limiter(clocks.monotonic, rate=options.qps, burst=options.burst),
        lambda: elector is None or elector.is_leader(),
        on_write=lambda kind, verb: metrics.writes.labels(kind, verb).inc(),
    )
    model_deployments = _model_deployments(client, queue, clocks, options.namespace)
    referrers = Referrers()

    def on_reference(kind: str, namespace: str, name: str) -> None:
        for key in referrers.keys_of(kind, namespace, name):
            queue.add(key)

    plugins = routers.routers()
    caches = Caches(
        client,
        queue.add,
        on_reference,
        clock=clocks.monotonic,
        namespace=options.namespace,
        child_kinds=with_router_kinds(routers.kinds_of(plugins)),
    )
    shell = Shell(
        model_deployments=model_deployments,
        observer=Observer(client, caches, referrers),
        applier=Applier(client, caches),
        reporter=Reporter(client, model_deployments, metrics, clock=clocks.now),
        queue=queue,
        telemetry=metrics,
        settings=options.settings,
        routers=plugins,
        clock=clocks.now,
    )
    return Operator(
        options=options,
        client=client,
        lease_client=lease_client,
        elector=elector,
        model_deployments=model_deployments,
        queue=queue,
        caches=caches,
        reconciler=Reconciler(shell),
        telemetry=metrics,
    )


def _elector(
    options: Options, client: Client, lease_lost: asyncio.Event, clocks: Clocks
) -> lease.Elector | None:
    if not options.lease_namespace:
        return None
    candidate = lease.Candidate(options.lease_namespace, options.lease_name, options.identity)
    return lease.Elector(client, candidate, clock=clocks.monotonic, now=clocks.now, on_lost=lease_lost.set)


def _model_deployments(client: Client, queue: KeyedQueue[Key], clocks: Clocks, namespace: str) -> Informer:
    """Return the informer of ModelDeployments: what passes read, and what enqueues them."""
    return Informer(
        client,
        kinds.MODEL_DEPLOYMENT,
        lambda _event, body: queue.add(Key(*objects.key_of(body))),
        config=InformerConfig(clocks.monotonic),
        selection=Selection(namespace),
    )


async def run(options: Options) -> int:
    """Run until stopped; return 0 after a requested stop, 1 after a failure."""
    transport = http.HttpTransport(http.default_login(options.kubeconfig, options.context))
    lease_lost, stop = asyncio.Event(), asyncio.Event()
    operator = build(options, transport, lease_lost=lease_lost)
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


async def _run_parts(
    operator: Operator, transport: http.HttpTransport, *, lease_lost: asyncio.Event, stop: asyncio.Event
) -> int:
    metrics = await _serve_metrics(operator)
    workers = run_workers(
        operator.reconciler, size=operator.options.workers, ready=wait_until_ready(operator)
    )
    parts: list[Coroutine[Any, Any, Any]] = [
        *(informer.run() for informer in operator.informers),
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


def register_gauges(operator: Operator) -> None:
    """Register the gauges that read the operator's state at every scrape."""
    ages: dict[str, list[Callable[[], float]]] = {}
    for informer in operator.informers:
        ages.setdefault(str(informer.kind), []).append(informer.last_event_age)
    operator.telemetry.register_gauges(
        depth=lambda: operator.queue.depth,
        oldest=operator.queue.oldest_age,
        leader=lambda: float(operator.may_write()),
        ages=ages,
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
