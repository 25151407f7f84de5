"""The operator of a story: the real wiring on a fake API server, started and killed like a process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from seatrial import handlers, main, options, planner, reconciler
from seatrial.api import kinds, model_deployment, objects
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.kube.informers import Habits, Informer
from seatrial.observation import questions
from seatrial.observation.observed import Platform
from seatrial.routers import base as routers
from tests.apiserver.server import FakeApiServer
from tests.stories.operator_transport import OperatorTransport


class InProcessOperator:
    """An operator with a transport of its own; an informer stands in for kopf's watch."""

    def __init__(
        self,
        server: FakeApiServer,
        transport: OperatorTransport,
        operator_options: options.Options,
        now: Callable[[], datetime],
    ) -> None:
        self.transport = transport
        self.drops_watch_events = False
        """Drop the events of kopf's watch; they are never delivered later."""
        self.lost = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        clocks = main.Clocks(now=now, monotonic=self._clock)
        self.operator = main.build(operator_options, transport, lost=self.lost, clocks=clocks)
        self._now = now
        self._tasks: list[asyncio.Task[Any]] = []

    async def start(self) -> None:
        """Start every task of the operator; return when kopf's watch has listed."""
        operator = self.operator
        watch = Informer(
            operator.client,
            kinds.MODEL_DEPLOYMENT,
            self._deliver,
            habits=Habits(self._clock, trim=objects.without_managed_fields),
        )
        parts: list[Coroutine[Any, Any, None]] = [
            *(informer.run() for informer in operator.informers),
            watch.run(),
        ]
        if operator.elector is not None:
            parts.append(operator.elector.run())
        begin = main._ready(operator)
        parts.append(reconciler.run_workers(operator.reconciler, size=operator.options.workers, ready=begin))
        self._tasks = [asyncio.create_task(part) for part in parts]
        await watch.synced.wait()

    def _deliver(self, event: str, body: Body) -> None:
        if not self.drops_watch_events:
            handlers.take(self.operator.known, self.operator.queue, event, body)

    async def kill(self) -> None:
        """Stop the operator between two instructions, as kill -9 does."""
        self.transport.crashed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def failure(self) -> BaseException | None:
        """Return the exception that ended a task, unless the operator crashed on purpose."""
        if self.transport.crashed:
            return None
        done = [task for task in self._tasks if task.done() and not task.cancelled()]
        return next((task.exception() for task in done if task.exception()), None)

    async def pending_actions(self, key: Key) -> list[str]:
        """Return what a plan made now would change; empty when the operator is idle."""
        body = self.operator.known.get(key)
        if body is None:
            return []
        shell = self.operator.reconciler._shell
        desired = model_deployment.parse_leniently(body)
        parts = Platform(router=routers.chosen("replicas", routers.routers()), settings=shell.settings)
        observed = await shell.observer.look(desired, questions.questions(desired, parts), None)
        plan = planner.plan(desired, observed, parts, now=self._now())
        status_change = [] if plan.status.to_dict() == body.get("status") else ["another status"]
        return [*status_change, *(type(action).__name__ for action in plan.actions)]
