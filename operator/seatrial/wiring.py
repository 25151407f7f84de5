"""Wires the parts of one operator together. It decides nothing and starts nothing."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import prometheus_client

from seatrial import telemetry
from seatrial.api import kinds, objects
from seatrial.api.metadata import Key
from seatrial.applier import Applier
from seatrial.kube import failures, lease
from seatrial.kube.caches import Caches, with_router_kinds
from seatrial.kube.client import Client
from seatrial.kube.clock import Clock, DatedTransport
from seatrial.kube.informer_group import InformerGroup
from seatrial.kube.informers import Informer, InformerConfig
from seatrial.kube.limiter import Limiter
from seatrial.kube.pod_metrics import Fetch, through_api_server
from seatrial.kube.queue import KeyedQueue
from seatrial.kube.sampler import Sampler
from seatrial.kube.transport import Transport
from seatrial.observation.urgency import canary_has_users
from seatrial.observer import Observer, Referrers
from seatrial.options import Options
from seatrial.reconciler import Reconciler, Shell
from seatrial.reporter import Reporter
from seatrial.routers import base as routers

WATCH_TIMEOUT: Final = 400.0
"""Seconds without a word of the API server after which a watch counts as stalled: it ends every watch within 290."""
TIME_INTERVAL: Final = 20.0
"""Seconds between two requests that are made for the date of their response."""
QUEUE_TIMEOUT: Final = 120.0
"""Seconds that keys may wait in the queue of the leader while no work begins or ends.

On a slow API server the last of many keys waits much longer; a restart would only repeat the work.
"""


def utc_now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The clocks of the machine: its time of day, and its monotonic seconds for durations and time-outs."""

    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic


@dataclass(slots=True, kw_only=True)
class Operator:
    """The parts of one operator; `build` makes them, `run` runs them."""

    options: Options
    client: Client
    lease_client: Client
    elector: lease.Elector | None
    model_deployments: InformerGroup
    queue: KeyedQueue[Key]
    caches: Caches
    reconciler: Reconciler
    telemetry: telemetry.Telemetry
    sampler: Sampler
    clock: Clock

    @property
    def informers(self) -> tuple[Informer, ...]:
        """Every informer of the process."""
        return (*self.caches.informers, *self.model_deployments.informers)

    def background(self) -> list[Coroutine[Any, Any, None]]:
        """Return what keeps the process informed, from its start on."""
        informers = (informer.run() for informer in self.informers)
        return [*informers, self.caches.secrets.run(), self.sampler.run(), self.keep_time()]

    def may_write(self) -> bool:
        """Return whether this process holds the lease, or needs none."""
        return self.elector is None or self.elector.is_leader()

    async def keep_time(self) -> None:
        """Keep the clock right until cancelled; renewals of a lease bring the API server's time by themselves."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.clock.run())
            if self.elector is None:
                group.create_task(self._ask_for_the_time())

    async def _ask_for_the_time(self) -> None:
        while True:
            await asyncio.sleep(TIME_INTERVAL)
            with contextlib.suppress(failures.ApiError):
                await self.client.raw_get("/version")

    def stalled(self) -> str:
        """Return a sentence about what has stalled; empty if nothing has."""
        for informer in self.informers:
            if informer.last_event_age() > WATCH_TIMEOUT:
                return (
                    f"the watch of {informer.kind} has received nothing for {informer.last_event_age():.0f} s"
                )
        if self.may_write() and self.queue.stalled_for() > QUEUE_TIMEOUT:
            return (
                f"ModelDeployments wait, and no pass has begun or ended for {self.queue.stalled_for():.0f} s"
            )
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
    clocks, metrics = clocks or Clocks(), telemetry.Telemetry(prometheus_client.CollectorRegistry())
    queue: KeyedQueue[Key] = KeyedQueue(
        is_urgent=lambda key: canary_has_users(model_deployments.get(key.namespace, key.name) or {})
    )
    clock = Clock(clocks.now, clocks.monotonic)
    transport = DatedTransport(transport, clock, clocks.monotonic)
    timing = lease.Timing()
    lease_limiter = Limiter(clocks.monotonic, longest_pause=timing.renew)
    lease_client = Client(transport, lease_limiter, lambda: True, longest=timing.call)
    elector = _elector(options, lease_client, lease_lost, clocks.monotonic, clock)
    client = Client(
        transport,
        Limiter(clocks.monotonic, rate=options.qps, burst=options.burst),
        lambda: elector is None or elector.is_leader(),
        on_write=lambda kind, verb: metrics.writes.labels(kind, verb).inc(),
    )
    model_deployments = _model_deployments(client, queue, clocks, options.namespaces)
    plugins, referrers = routers.routers(), Referrers()
    caches = _caches(client, queue, referrers, options, clocks, plugins)
    sampler = Sampler(
        fetch_metrics or through_api_server(client), queue.add, now=clock.now, clock=clocks.monotonic
    )
    shell = Shell(
        model_deployments=model_deployments,
        observer=Observer(client, caches, referrers, sampler, secret_content=options.settings.secret_content),
        applier=Applier(client, caches),
        reporter=Reporter(client, model_deployments, metrics, clock=clock.now),
        queue=queue,
        telemetry=metrics,
        settings=options.settings,
        routers=plugins,
        clock=clock,
    )
    operator = Operator(
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
        clock=clock,
    )
    _connect_clock(operator)
    return operator


def _caches(
    client: Client,
    queue: KeyedQueue[Key],
    referrers: Referrers,
    options: Options,
    clocks: Clocks,
    plugins: routers.Plugins,
) -> Caches:
    """Return the caches of children, decisions and references; every change enqueues whom it concerns."""

    def on_reference(kind: str, namespace: str, name: str) -> None:
        for key in referrers.keys_of(kind, namespace, name):
            queue.add(key)

    return Caches(
        client,
        queue.add,
        on_reference,
        clock=clocks.monotonic,
        namespaces=options.namespaces,
        child_kinds=with_router_kinds(routers.kinds_of(plugins)),
    )


def _connect_clock(operator: Operator) -> None:
    """Let the clock know whether the process watches, and let everybody know when a clock was set."""

    def on_step(whose: str, step: timedelta) -> None:
        operator.telemetry.count_clock_step(whose, step)
        for body in operator.model_deployments:  # their status has times by the clock as it was
            operator.queue.add(Key(*objects.key_of(body)))

    operator.clock.is_watching = operator.caches.hears_of_pods
    operator.clock.on_step = on_step


def _elector(
    options: Options,
    client: Client,
    lease_lost: asyncio.Event,
    monotonic: Callable[[], float],
    clock: Clock,
) -> lease.Elector | None:
    if not options.lease_namespace:
        return None
    candidate = lease.Candidate(options.lease_namespace, options.lease_name, options.identity)
    return lease.Elector(client, candidate, clock=monotonic, now=clock.now, on_lost=lease_lost.set)


def _model_deployments(
    client: Client, queue: KeyedQueue[Key], clocks: Clocks, namespaces: Iterable[str]
) -> InformerGroup:
    """Return the informers of ModelDeployments: what passes read, and what enqueues them."""
    return InformerGroup(
        client,
        kinds.MODEL_DEPLOYMENT,
        lambda _event, body: queue.add(Key(*objects.key_of(body))),
        config=InformerConfig(clocks.monotonic),
        namespaces=namespaces,
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
