"""One operator process in a story: started, killed, and asked whether it has anything left to do."""

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
from tests.stories.operator_transport import Line


class Process:
    """An operator behind a line of its own; kopf's watch is played by an informer."""

    def __init__(
        self, server: FakeApiServer, line: Line, chosen: options.Options, now: Callable[[], datetime]
    ) -> None:
        self.line = line
        self.deaf = False
        """kopf's watch delivers nothing, and never makes up for it."""
        self.lost = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        clocks = main.Clocks(now=now, monotonic=self._clock)
        self.operator = main.build(chosen, line, lost=self.lost, clocks=clocks)
        self._now = now
        self._tasks: list[asyncio.Task[Any]] = []

    async def start(self) -> None:
        """The process has begun to work; its caches may still be filling."""
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
        if not self.deaf:
            handlers.take(self.operator.known, self.operator.queue, event, body)

    async def kill(self) -> None:
        """The process is gone between two instructions, as with kill -9."""
        self.line.dead = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def died(self) -> BaseException | None:
        """What ended a part of the process, if anything but a planned crash did."""
        if self.line.dead:
            return None
        ended = [task for task in self._tasks if task.done() and not task.cancelled()]
        return next((task.exception() for task in ended if task.exception()), None)

    async def left_to_do(self, key: Key) -> list[str]:
        """What a plan made now would do: nothing, where the one before was carried out."""
        body = self.operator.known.get(key)
        if body is None:
            return []
        shell = self.operator.reconciler._shell
        desired = model_deployment.parse_leniently(body)
        parts = Platform(router=routers.chosen("replicas", routers.routers()), settings=shell.settings)
        observed = await shell.observer.look(desired, questions.questions(desired, parts), None)
        plan = planner.plan(desired, observed, parts, now=self._now())
        said = [] if plan.status.to_dict() == body.get("status") else ["another status"]
        return [*said, *(type(action).__name__ for action in plan.actions)]
