"""Wires one operator together and runs it: nothing is decided here."""

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

from seatrial import handlers, logs, options, telemetry
from seatrial.api import kinds, objects
from seatrial.api.metadata import Key
from seatrial.applier import Applier
from seatrial.kube import http, lease
from seatrial.kube.caches import Caches
from seatrial.kube.client import Client, Selection
from seatrial.kube.informers import Informer, InformerConfig
from seatrial.kube.limiter import Limiter
from seatrial.kube.queue import KeyedQueue
from seatrial.kube.transport import Transport
from seatrial.observer import Observer, Referrers
from seatrial.options import Options
from seatrial.preflight import PreflightFailed, check_cluster
from seatrial.reconciler import Reconciler, Shell, run_workers
from seatrial.reporter import Reporter

log = logging.getLogger(__name__)

SILENT_TOO_LONG: Final = 400.0
"""Seconds: a watch ends after 290 at the latest, and earlier where it is silent; the next one shows who is there."""
STUCK_TOO_LONG: Final = 120.0
"""Seconds that a key may wait while this process leads."""
FAREWELL: Final = 5.0
"""Seconds that passes which have begun may take to end: as long as one write may last."""


def utc_now() -> datetime:
    """The clock of the whole program: aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The two clocks of the program: what objects say, and what waiting is measured with."""

    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic


@dataclass(slots=True, kw_only=True)
class Operator:
    """One operator: built by `build`, run by `run`."""

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
        """Nobody else may: the lease is ours, or there is none."""
        return self.elector is None or self.elector.is_leader()

    def stalled(self) -> str:
        """What has stopped living, in a sentence; empty when all is well."""
        for informer in self.informers:
            if informer.last_event_age() > SILENT_TOO_LONG:
                return f"the watch of {informer.kind} has been silent for {informer.last_event_age():.0f} s"
        if self.may_write() and self.queue.oldest_age() > STUCK_TOO_LONG:
            return f"an object has waited for {self.queue.oldest_age():.0f} s"
        return ""


def build(
    chosen: Options, transport: Transport, *, lost: asyncio.Event, clocks: Clocks | None = None
) -> Operator:
    """Everything made and nothing started."""
    clocks = clocks or Clocks()
    measures = telemetry.Telemetry(prometheus_client.CollectorRegistry())
    referrers = Referrers()
    queue: KeyedQueue[Key] = KeyedQueue()
    limiter = Limiter(clocks.monotonic, rate=chosen.qps, burst=chosen.burst)
    renewals = lease.Timing()
    unhurried = Limiter(clocks.monotonic, longest_pause=renewals.renew)
    lease_client = Client(transport, unhurried, lambda: True, timeout=renewals.call)
    elector = _elector(chosen, lease_client, lost, clocks)
    client = Client(
        transport,
        limiter,
        lambda: elector is None or elector.is_leader(),
        on_write=lambda kind, verb: measures.writes.labels(kind, verb).inc(),
    )

    def hear_reference(kind: str, namespace: str, name: str) -> None:
        for key in referrers.of(kind, namespace, name):
            queue.add(key)

    model_deployments = Informer(
        client,
        kinds.MODEL_DEPLOYMENT,
        lambda _event, body: queue.add(Key(*objects.key_of(body))),
        config=InformerConfig(clocks.monotonic),
        selection=Selection(chosen.namespace),
    )
    caches = Caches(client, queue.add, hear_reference, clock=clocks.monotonic, namespace=chosen.namespace)
    shell = Shell(
        observer=Observer(client, caches, referrers),
        applier=Applier(client, caches),
        reporter=Reporter(client, model_deployments, measures, clock=clocks.now),
        model_deployments=model_deployments,
        queue=queue,
        telemetry=measures,
        settings=chosen.settings,
        clock=clocks.now,
    )
    return Operator(
        options=chosen,
        client=client,
        lease_client=lease_client,
        elector=elector,
        model_deployments=model_deployments,
        queue=queue,
        caches=caches,
        reconciler=Reconciler(shell),
        telemetry=measures,
    )


def _elector(chosen: Options, client: Client, lost: asyncio.Event, clocks: Clocks) -> lease.Elector | None:
    if not chosen.lease_namespace:
        return None
    candidate = lease.Candidate(chosen.lease_namespace, chosen.lease_name, chosen.identity)
    return lease.Elector(client, candidate, clock=clocks.monotonic, now=clocks.now, on_lost=lost.set)


async def run(chosen: Options) -> int:
    """Runs until told to stop; 0 when that was asked for, 1 when something broke."""
    transport = http.HttpTransport(http.as_environment_says(chosen.kubeconfig, chosen.context))
    lost, stop = asyncio.Event(), asyncio.Event()
    operator = build(chosen, transport, lost=lost)
    try:
        await check_cluster(operator.lease_client)
        return await _running(operator, transport, lost=lost, stop=stop)
    except PreflightFailed as refusal:
        log.error("the operator does not start", extra={"why": str(refusal)})
        return 1
    finally:
        if operator.elector is not None:
            await operator.elector.release()
        await transport.close()


async def _running(
    operator: Operator, transport: http.HttpTransport, *, lost: asyncio.Event, stop: asyncio.Event
) -> int:
    metrics = await _serve_metrics(operator)
    parts: list[Coroutine[Any, Any, Any]] = [
        *(informer.run() for informer in operator.informers),
        run_workers(operator.reconciler, size=operator.options.workers, ready=_ready(operator)),
        lost.wait(),
    ]
    if operator.elector is not None:
        parts.append(operator.elector.run())
    tasks = [asyncio.create_task(part) for part in parts]
    shell = asyncio.create_task(_kopf(operator, transport, stop))
    try:
        finished, _ = await asyncio.wait([shell, *tasks], return_when=asyncio.FIRST_COMPLETED)
        broken = [task for task in finished if task is not shell or task.exception() is not None]
        for task in broken:
            log.error(
                "a part of the operator ended",
                exc_info=task.exception(),
                extra={"part": repr(task.get_coro())},
            )
        return 1 if broken else 0
    finally:
        stop.set()
        await wind_down(operator.queue, tasks)
        if metrics is not None:
            await metrics.cleanup()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(shell, *tasks, return_exceptions=True), timeout=20)


async def wind_down(queue: KeyedQueue[Key], tasks: list[asyncio.Task[Any]]) -> None:
    """No pass begins; those that have begun have ended, or have had their time, before all else is cut off."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(queue.close(), FAREWELL)
    for task in tasks:
        task.cancel()


async def _ready(operator: Operator) -> None:
    """Passes begin when all is known and the lease is won: a standby knows everything and does nothing."""
    for informer in operator.informers:
        await informer.synced.wait()
    if operator.elector is not None:
        await operator.elector.won.wait()
    operator.queue.count_from_now()
    log.info(
        "working",
        extra={"objects": len(operator.model_deployments.store), "workers": operator.options.workers},
    )


def watch_gauges(operator: Operator) -> None:
    """The gauges that are read when they are scraped say how this operator does."""
    queue = operator.queue
    ages: dict[str, list[Callable[[], float]]] = {}
    for informer in operator.informers:
        ages.setdefault(str(informer.kind), []).append(informer.last_event_age)
    operator.telemetry.watch(
        depth=lambda: queue.depth,
        oldest=queue.oldest_age,
        leader=lambda: float(operator.may_write()),
        ages=ages,
    )


async def _serve_metrics(operator: Operator) -> web.AppRunner | None:
    watch_gauges(operator)
    if not operator.options.metrics_port:
        return None
    return await telemetry.serve(operator.telemetry.registry, operator.options.metrics_port)


async def _kopf(operator: Operator, transport: http.HttpTransport, stop: asyncio.Event) -> None:
    """kopf watches the ModelDeployments, answers probes and hears signals until one comes."""
    registry = handlers.registry(operator.model_deployments, operator.queue, operator.stalled)
    handlers.add_login(registry, transport)
    handlers.add_farewell(registry, stop)
    port = operator.options.probe_port
    await kopf.operator(
        registry=registry,
        settings=handlers.quiet_settings(),
        standalone=True,
        # without one kopf asks who the user is, and an arbitrary uid has no name
        identity=cast("Any", operator.options.identity or "seatrial"),
        clusterwide=not operator.options.namespace,
        namespaces=[operator.options.namespace] if operator.options.namespace else [],
        liveness_endpoint=f"http://0.0.0.0:{port}/healthz" if port else None,
        stop_flag=stop,
    )


def main() -> None:
    """The operator's command."""
    chosen = options.parse()
    logs.configure(level=chosen.log_level, json_lines=chosen.json_logs)
    sys.exit(asyncio.run(run(chosen)))


if __name__ == "__main__":
    main()
