"""The reconciler with its workers over a fake API server, in virtual time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from prometheus_client import CollectorRegistry

from seatrial.api import kinds, settings
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.applier import Applier
from seatrial.kube.caches import Caches
from seatrial.kube.client import Client
from seatrial.kube.clock import TICK, Clock
from seatrial.kube.limiter import Limiter
from seatrial.kube.pod_metrics import through_api_server
from seatrial.kube.queue import KeyedQueue
from seatrial.kube.sampler import Sampler
from seatrial.observer import Observer, Referrers
from seatrial.reconciler import Reconciler, Shell, run_workers
from seatrial.reporter import Reporter
from seatrial.routers import base as routers
from seatrial.telemetry import Telemetry
from tests.apiserver import FakeApiServer
from tests.unit.shell.shell_objects import NAMESPACE, START, informer_of_models


class Loop:
    """The loop over the fake, without informers: its stores contain what the test delivers and own writes."""

    def __init__(self, api: FakeApiServer) -> None:
        clock = asyncio.get_running_loop().time
        self.api = api
        self.is_leader = True
        self.queue: KeyedQueue[Key] = KeyedQueue(jitter=lambda: 0.0)
        self.telemetry = Telemetry(CollectorRegistry())
        self.referrers = Referrers()
        self.limiter = Limiter(clock)
        client = Client(api, self.limiter, lambda: self.is_leader)
        self.models = informer_of_models(client, clock)
        caches = Caches(client, self.queue.add, lambda *_place: None, clock=clock)

        def now() -> Any:
            return START + timedelta(seconds=clock())

        sampler = Sampler(through_api_server(client), self.queue.add, now=now, clock=clock)
        self.clock = Clock(now, clock)
        self.reconciler = Reconciler(
            Shell(
                observer=Observer(client, caches, self.referrers, sampler),
                applier=Applier(client, caches),
                reporter=Reporter(client, self.models, self.telemetry, clock=now),
                model_deployments=self.models,
                queue=self.queue,
                telemetry=self.telemetry,
                settings=settings.Settings(),
                routers=routers.routers(),
                clock=self.clock,
            )
        )
        self.task: asyncio.Task[None] | None = None

    async def work(self, seconds: float = 0.1) -> None:
        """Let workers run for `seconds`."""
        if self.task is None:
            self.task = asyncio.create_task(run_workers(self.reconciler, size=3, ready=asyncio.sleep(0)))
        ticks, rest = divmod(seconds, TICK)
        for _ in range(int(ticks)):
            await asyncio.sleep(TICK)
            self.clock.tick()
        await asyncio.sleep(rest)
        assert not self.task.done(), "a worker ended"

    def deliver(self, name: str = "churn") -> None:
        """Deliver the object as it is now, as the watch would."""
        body = self.api.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, name)
        if body is not None:
            self.models.informers[0].store.upsert(body)
        elif (last := self.models.get(NAMESPACE, name)) is not None:
            self.models.informers[0].store.delete(last)
        self.queue.add(Key(NAMESPACE, name))

    def passes(self, result: str) -> float:
        """Return the number of passes with this result."""
        value = self.telemetry.registry.get_sample_value("seatrial_reconcile_total", {"result": result})
        return value or 0.0

    def status(self) -> Body:
        """Return the stored status of churn."""
        body = self.api.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn") or {}
        status: Body = body.get("status") or {}
        return status

    def events(self) -> list[tuple[str, str, int]]:
        """Return type, reason and count of every Event."""
        return [(e["type"], e["reason"], e["count"]) for e in self.api.all(kinds.EVENT)]

    def status_writes(self) -> int:
        """Return the number of status writes."""
        return sum(write.subresource == "status" for write in self.api.writes)

    def phase(self) -> dict[str, float]:
        """Return the phases whose gauge is not 0."""
        metric = next(m for m in self.telemetry.registry.collect() if m.name == "seatrial_phase")
        return {sample.labels["phase"]: sample.value for sample in metric.samples if sample.value}
