"""Runs one pass over one object: observe, plan, store the status, apply, announce. It decides nothing itself."""

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
from seatrial.children.chains import each
from seatrial.core.snapshot import ApplyError
from seatrial.kube import failures
from seatrial.kube.informers import Informer
from seatrial.kube.queue import KeyedQueue
from seatrial.observation.questions import questions
from seatrial.observation.user_decisions import decisions_about_nothing
from seatrial.observer import Observer
from seatrial.reporter import Reporter
from seatrial.routers import base as routers
from seatrial.telemetry import Telemetry

log = logging.getLogger(__name__)

SHORTEST_DELAY: Final = 0.05
"""Seconds until the next pass where a plan asks for one now: a plan that always does must not use up the CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """What a pass works with; `main` builds it."""

    model_deployments: Informer
    observer: Observer
    applier: Applier
    reporter: Reporter
    queue: KeyedQueue[Key]
    telemetry: Telemetry
    settings: settings.Settings
    routers: routers.Plugins
    clock: Callable[[], datetime]


class Reconciler:
    """Takes keys from the queue and runs a pass for each; no key is in two passes at the same time."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._apply_errors: dict[Key, tuple[ApplyError, ...]] = {}
        """What could not be written in the last pass, by object."""

    async def run_worker(self) -> None:
        """Run one pass after the other until cancelled."""
        queue = self._shell.queue
        while True:
            key = await queue.get()
            try:
                await self._run_pass(key)
            finally:
                queue.done(key)

    async def run_helper(self) -> None:
        """Write beside the passes until cancelled."""
        await self._shell.applier.help()

    async def _run_pass(self, key: Key) -> None:
        began = time.perf_counter()
        result = "done"
        try:
            await self._reconcile(key)
        except failures.NotLeader:
            result = "not_leader"
            # a late renewal may bring the lease back, and then this work is still to be done
            self._shell.queue.retry(key)
        except failures.ApiError as error:
            result = "api_error"
            delay = self._shell.queue.retry(key, after=error.retry_after)
            log.warning(
                "pass failed, will be retried",
                extra={"object": str(key), "error": str(error), "retry_seconds": delay},
            )
        except Exception:
            result = "bug"
            self._shell.queue.retry(key)
            log.exception("pass failed because of a bug, will be retried", extra={"object": str(key)})
        self._shell.telemetry.passes.labels(result).inc()
        self._shell.telemetry.pass_seconds.observe(time.perf_counter() - began)

    async def _reconcile(self, key: Key) -> None:
        body = self._shell.model_deployments.get(key.namespace, key.name)
        if body is None:
            self._forget(key)
            await self._reject_decisions_about_missing(key)
            return
        desired = model_deployment.parse_leniently(body)
        if not desired.deleting:
            await self._advance(desired, body)

    async def _advance(self, desired: model_deployment.ModelDeployment, body: Body) -> None:
        shell, key = self._shell, desired.key
        desired, platform = planner.platform_for(desired, shell.routers, shell.settings)
        apply_errors = self._apply_errors.get(key, ())
        observed = await shell.observer.observe(desired, questions(desired, platform), apply_errors)
        plan = planner.plan(desired, observed, platform, now=shell.clock())
        if not await shell.reporter.store(desired, body, plan):
            shell.queue.retry(key)
            return
        outcome = await shell.applier.apply(plan.chains, uid=desired.uid)
        await shell.reporter.announce(desired, plan)
        for apply_error in self._new_errors(key, outcome):
            await shell.reporter.announce_error(desired, apply_error)
        self._schedule(key, outcome, plan.wake_at)

    def _new_errors(self, key: Key, outcome: ApplyOutcome) -> tuple[ApplyError, ...]:
        """Return the errors that the last pass did not have, or not with this reason; messages may vary."""
        before = {(error.child, error.reason) for error in self._apply_errors.get(key, ())}
        return tuple(e for e in outcome.apply_errors if (e.child, e.reason) not in before)

    def _schedule(self, key: Key, outcome: ApplyOutcome, wake_at: datetime | None) -> None:
        """Enqueue the next pass of the object for when it is needed."""
        queue = self._shell.queue
        if outcome.apply_errors:
            if self._new_errors(key, outcome):
                queue.add(key)  # the next pass reports the errors in the status
            self._apply_errors[key] = outcome.apply_errors
            queue.retry(key, after=outcome.retry_after)
        elif outcome.retry:
            queue.retry(key, after=outcome.retry_after)
        elif self._apply_errors.pop(key, None) is not None:
            queue.add(key)  # the next pass removes the errors from the status
        else:
            queue.forget(key)
        if wake_at is not None:
            queue.add_after(key, max((wake_at - self._shell.clock()).total_seconds(), SHORTEST_DELAY))

    async def _reject_decisions_about_missing(self, key: Key) -> None:
        """Reject the decisions about an object that does not exist: their author may have mistyped its name."""
        decisions = decisions_about_nothing(self._shell.observer.decisions(key))
        answers = decision_answers.rejections(key, decisions, now=self._shell.clock())
        outcome = await self._shell.applier.apply(each("answer", answers), uid="")
        if outcome.retry or outcome.apply_errors:
            self._shell.queue.retry(key, after=outcome.retry_after)

    def _forget(self, key: Key) -> None:
        """Drop everything that is kept in memory about an object."""
        self._apply_errors.pop(key, None)
        self._shell.queue.cancel(key)
        self._shell.queue.forget(key)
        self._shell.observer.forget(key)
        self._shell.reporter.forget(key)


async def run_workers(reconciler: Reconciler, *, size: int, ready: Awaitable[None]) -> None:
    """Run `size` workers until cancelled; none takes a key before `ready`.

    The tasks are created at once: when kopf ends it waits five seconds for every task that is younger than itself.
    """
    begin = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(size):
            group.create_task(_worker(reconciler, begin))
            group.create_task(reconciler.run_helper())
        await ready
        begin.set()


async def _worker(reconciler: Reconciler, begin: asyncio.Event) -> None:
    await begin.wait()
    await reconciler.run_worker()
