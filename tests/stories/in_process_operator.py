"""One operator in a story: started, killed, and asked whether it has anything left to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from seatrial import handlers, main, options, planner, reconciler, wiring
from seatrial.api import kinds
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.kube.informers import Informer, InformerConfig
from tests.apiserver.server import FakeApiServer
from tests.stories.operator_transport import OperatorTransport


class InProcessOperator:
    """An operator with a transport of its own. A second informer stands in for kopf's watch."""

    def __init__(
        self,
        server: FakeApiServer,
        transport: OperatorTransport,
        operator_options: options.Options,
        now: Callable[[], datetime],
    ) -> None:
        self.transport = transport
        self.kopf_delay: float | None = 0.0
        """Seconds by which kopf's watch delivers events late; None: it never delivers any."""
        self.lease_lost = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        clocks = wiring.Clocks(now=now, monotonic=self._clock)
        self.operator = wiring.build(operator_options, transport, lease_lost=self.lease_lost, clocks=clocks)
        self._tasks: list[asyncio.Task[Any]] = []

    async def start(self) -> None:
        """Start every task of the operator; its caches may still be filling."""
        operator = self.operator
        parts: list[Coroutine[Any, Any, None]] = operator.background()
        if self.kopf_delay is not None:
            parts.append(self._kopf_watch().run())
        if operator.elector is not None:
            parts.append(operator.elector.run())
        ready = main.wait_until_ready(operator)
        parts.append(reconciler.run_workers(operator.reconciler, size=operator.options.workers, ready=ready))
        self._tasks = [asyncio.create_task(part) for part in parts]
        await asyncio.sleep(0)

    def _kopf_watch(self) -> Informer:
        """Return kopf's watch, whose events only enqueue objects."""
        operator, loop = self.operator, asyncio.get_running_loop()

        def deliver(_event: str, body: Body) -> None:
            loop.call_later(
                self.kopf_delay or 0.0, handlers.enqueue, operator.model_deployments, operator.queue, body
            )

        return Informer(operator.client, kinds.MODEL_DEPLOYMENT, deliver, config=InformerConfig(self._clock))

    async def kill(self) -> None:
        """Stop the operator between two instructions, as kill -9 does."""
        self.transport.crashed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    @property
    def bugs(self) -> float:
        """Return the number of passes that failed because of a bug."""
        registry = self.operator.telemetry.registry
        return registry.get_sample_value("seatrial_reconcile_total", {"result": "bug"}) or 0.0

    def failure(self) -> BaseException | None:
        """Return the exception that ended a task, unless the operator crashed on purpose."""
        if self.transport.crashed:
            return None
        done = [task for task in self._tasks if task.done() and not task.cancelled()]
        return next((task.exception() for task in done if task.exception()), None)

    async def pending_actions(self, key: Key) -> list[str]:
        """Return what a plan made now would change; empty when the operator is idle."""
        body = self.operator.model_deployments.get(key.namespace, key.name)
        if body is None:
            return []
        shell = self.operator.reconciler._shell
        subject = planner.subject_of(body, shell.routers, shell.settings)
        observed = await shell.observer.observe(subject.deployment, subject.questions)
        plan, _ = self.operator.reconciler.plan(subject, observed, shell.clock.read())
        status_change = [] if plan.status.to_dict() == body.get("status") else ["another status"]
        return [*status_change, *(type(action).__name__ for action in plan.actions)]
