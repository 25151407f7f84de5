"""Wires the parts of one operator together. It decides nothing and starts nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import prometheus_client

from seatrial import telemetry
from seatrial.api import kinds, objects
from seatrial.api.metadata import Key
from seatrial.applier import Applier
from seatrial.kube import lease
from seatrial.kube.caches import Caches, with_router_kinds
from seatrial.kube.client import Client, Selection
from seatrial.kube.informers import Informer, InformerConfig
from seatrial.kube.limiter import Limiter
from seatrial.kube.pod_metrics import Fetch, through_api_server
from seatrial.kube.queue import KeyedQueue
from seatrial.kube.sampler import Sampler
from seatrial.kube.transport import Transport
from seatrial.observer import Observer, Referrers
from seatrial.options import Options
from seatrial.reconciler import Reconciler, Shell
from seatrial.reporter import Reporter
from seatrial.routers import base as routers

WATCH_TIMEOUT: Final = 400.0
"""Seconds without a word of the API server after which a watch counts as stalled: it ends every watch within 290."""
QUEUE_TIMEOUT: Final = 120.0
"""Seconds that a key may wait in the queue of the leader."""


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
    sampler: Sampler

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
    options: Options,
    transport: Transport,
    *,
    lease_lost: asyncio.Event,
    clocks: Clocks | None = None,
    fetch_metrics: Fetch | None = None,
) -> Operator:
    """Return an operator of which nothing is started; `lease_lost` is set when it loses the lease.

    Pods' metrics are read through the API server unless `fetch_metrics` says otherwise.
    """
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
    sampler = Sampler(
        fetch_metrics or through_api_server(client), queue.add, now=clocks.now, clock=clocks.monotonic
    )
    shell = Shell(
        model_deployments=model_deployments,
        observer=Observer(client, caches, referrers, sampler),
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
        sampler=sampler,
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
