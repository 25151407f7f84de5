"""One pass over one object: parse, look, plan, store, do, tell. It has no decisions of its own."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from seatrial import planner
from seatrial.api import model_deployment, settings
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.applier import Applier, ApplyOutcome
from seatrial.children import decision_answers
from seatrial.core.snapshot import ApplyError
from seatrial.kube import failures
from seatrial.kube.queue import KeyedQueue
from seatrial.kube.store import Known
from seatrial.observation.observed import questions
from seatrial.observation.user_decisions import decisions_about_nothing
from seatrial.observer import Observer
from seatrial.reporter import Reporter
from seatrial.routers import base as routers
from seatrial.telemetry import Telemetry

log = logging.getLogger(__name__)

SOON: Final = 0.05
"""Seconds that a look which is due now waits at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """The four verbs and what they share; built in `main`, passed down."""

    observer: Observer
    applier: Applier
    reporter: Reporter
    known: Known
    queue: KeyedQueue[Key]
    telemetry: Telemetry
    settings: settings.Settings
    clock: Callable[[], datetime]


class Reconciler:
    """Takes keys from the queue and makes a pass over each; a key is never passed over twice at once."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._apply_errors: dict[Key, ApplyError] = {}
        self._routers = routers.routers()

    async def work(self) -> None:
        """Works until cancelled."""
        queue = self._shell.queue
        while True:
            key = await queue.get()
            try:
                await self._pass(key)
            finally:
                queue.done(key)

    async def _pass(self, key: Key) -> None:
        began = time.perf_counter()
        result = "done"
        try:
            await self._one(key)
        except failures.NotLeader:
            result = "not_leader"
            # a lease that is renewed late is ours again, and the work is not done
            self._shell.queue.retry(key)
        except failures.ApiError as error:
            result = "api_error"
            delay = self._shell.queue.retry(key, after=error.retry_after)
            log.warning(
                "a pass was cut short", extra={"object": str(key), "error": str(error), "retry": delay}
            )
        except Exception:
            result = "bug"
            self._shell.queue.retry(key)
            log.exception("a pass failed: this is a bug", extra={"object": str(key)})
        self._shell.telemetry.passes.labels(result).inc()
        self._shell.telemetry.pass_seconds.observe(time.perf_counter() - began)

    async def _one(self, key: Key) -> None:
        body = self._shell.known.get(key)
        if body is None:
            self._forget(key)
            await self._answer_for_nobody(key)
            return
        desired = model_deployment.parse_leniently(body)
        if not desired.deleting:
            await self._advance(desired, body)

    async def _advance(self, desired: model_deployment.ModelDeployment, body: Body) -> None:
        shell, key = self._shell, desired.key
        desired, platform = planner.platform_for(desired, self._routers, shell.settings)
        asked = questions(desired, platform).references
        observed = await shell.observer.look(desired, asked, self._apply_errors.get(key))
        plan = planner.plan(desired, observed, platform, now=shell.clock())
        if not await shell.reporter.store(desired, body, plan.status):
            shell.queue.retry(key)
            return
        outcome = await shell.applier.run(plan.actions, uid=desired.uid)
        await shell.reporter.tell(desired, plan)
        if outcome.apply_error is not None and self._is_news(key, outcome.apply_error):
            await shell.reporter.complain(desired, outcome.apply_error)
        self._come_again(key, outcome, plan.wake_at)

    def _is_news(self, key: Key, apply_error: ApplyError) -> bool:
        """Of another reason than the one before; a sentence that differs each time is not worth a word each time."""
        before = self._apply_errors.get(key)
        return before is None or before.reason != apply_error.reason

    def _come_again(self, key: Key, outcome: ApplyOutcome, wake_at: datetime | None) -> None:
        queue = self._shell.queue
        if outcome.again:
            queue.retry(key, after=outcome.after)
        elif outcome.apply_error is not None:
            if self._is_news(key, outcome.apply_error):
                queue.add(key)  # to be said in status at once
            self._apply_errors[key] = outcome.apply_error
            queue.retry(key, after=outcome.after)
        elif self._apply_errors.pop(key, None) is not None:
            queue.add(key)
        else:
            queue.forget(key)
        if wake_at is not None:
            queue.add_after(key, max((wake_at - self._shell.clock()).total_seconds(), SOON))

    async def _answer_for_nobody(self, key: Key) -> None:
        """Decisions about an object that is not there are refused: their author may have mistyped its name."""
        waiting = self._shell.observer.decisions(key)
        decisions = decisions_about_nothing(waiting)
        answers = decision_answers.rejections(key, decisions, now=self._shell.clock())
        outcome = await self._shell.applier.run(answers, uid="")
        if outcome.again or outcome.apply_error is not None:
            self._shell.queue.retry(key, after=outcome.after)

    def _forget(self, key: Key) -> None:
        self._apply_errors.pop(key, None)
        self._shell.queue.cancel(key)
        self._shell.queue.forget(key)
        self._shell.observer.forget(key)
        self._shell.reporter.forget(key)


async def run_workers(reconciler: Reconciler, *, size: int, ready: Awaitable[None]) -> None:
    """`size` workers at once, until cancelled; none takes a key before `ready`.

    They are tasks from the start: at its end kopf waits five seconds for every task that is younger than itself.
    """
    begin = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(size):
            group.create_task(_worker(reconciler, begin))
        await ready
        begin.set()


async def _worker(reconciler: Reconciler, begin: asyncio.Event) -> None:
    await begin.wait()
    await reconciler.work()
