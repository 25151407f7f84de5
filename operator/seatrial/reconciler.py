"""Runs one pass over one object: observe, plan, store the status, apply, announce. It decides nothing itself."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

from seatrial import planner
from seatrial.api import settings
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.api.reasons import Reason
from seatrial.applier import Applier, ApplyOutcome
from seatrial.children import decision_answers
from seatrial.children.chains import each
from seatrial.core.clocks import Look, Reading
from seatrial.core.snapshot import ApplyError
from seatrial.kube import failures
from seatrial.kube.clock import Clock
from seatrial.kube.informer_group import InformerGroup
from seatrial.kube.limiter import priority
from seatrial.kube.queue import KeyedQueue
from seatrial.observation.internal_error import InternalError
from seatrial.observation.observed import Observed
from seatrial.observation.user_decisions import decisions_about_nothing
from seatrial.observer import Observer
from seatrial.reporter import Reporter
from seatrial.routers import base as routers
from seatrial.telemetry import Telemetry

log = logging.getLogger(__name__)

URGENT_WORKERS: Final = 2
"""More workers, which take urgent keys alone: the others may all wait for a server that is slow."""
SHORTEST_DELAY: Final = 0.05
"""Seconds until the next pass where a plan asks for one now: a plan that always does must not use up the CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """What a pass works with; `main` builds it."""

    model_deployments: InformerGroup
    observer: Observer
    applier: Applier
    reporter: Reporter
    queue: KeyedQueue[Key]
    telemetry: Telemetry
    settings: settings.Settings
    routers: routers.Plugins
    clock: Clock


class Reconciler:
    """Takes keys from the queue and runs a pass for each; no key is in two passes at the same time."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._looks: dict[Key, Look] = {}
        """The last look at each object whose outcome is known to be stored."""
        self._apply_errors: dict[Key, tuple[ApplyError, ...]] = {}
        """What could not be written in the last pass, by object."""

    async def run_worker(self, *, urgent_only: bool = False) -> None:
        """Run one pass after the other until cancelled."""
        queue = self._shell.queue
        while True:
            key = await queue.get(urgent_only=urgent_only)
            try:
                await self._run_pass(key)
            finally:
                queue.done(key)

    async def run_helper(self) -> None:
        """Write beside the passes until cancelled."""
        await self._shell.applier.help()

    async def _run_pass(self, key: Key) -> None:
        began = time.perf_counter()
        try:
            result = await self._reconcile(key)
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
        except Exception as error:
            result = "bug"
            bug = InternalError(error)
            _log_bug(key, bug)
            # the next pass reports it in the status, as it reports a write that failed
            self._apply_errors[key] = (ApplyError(reason=Reason.INTERNAL_ERROR, message=bug.message),)
            self._shell.queue.retry(key)
        self._shell.telemetry.passes.labels(result).inc()
        self._shell.telemetry.pass_seconds.observe(time.perf_counter() - began)

    async def _reconcile(self, key: Key) -> str:
        """Run the pass; return its result for the metric."""
        body = self._shell.model_deployments.get(key.namespace, key.name)
        if body is None:
            self._forget(key)
            await self._reject_decisions_about_missing(key)
            return "done"
        subject = planner.subject_of(body, self._shell.routers, self._shell.settings)
        if subject.deployment.deleting:
            return "done"
        bug = await self._advance(subject, body)
        if bug is None:
            return "done"
        _log_bug(key, bug)
        self._shell.queue.retry(key)
        return "bug"

    async def _advance(self, subject: planner.Subject, body: Body) -> InternalError | None:
        """Carry the object as far as it goes; return the bug that kept its spec from being planned, if one did."""
        shell, desired = self._shell, subject.deployment
        key = desired.key
        observed = await shell.observer.observe(desired, subject.questions, self._apply_errors.get(key, ()))
        reading = shell.clock.read()
        plan, look = self.plan(subject, observed, reading)
        bug = plan.bug or subject.bug
        with priority(urgent=plan.urgent):
            if not await shell.reporter.store(desired, body, plan):
                shell.queue.retry(key)
                return bug
            if look is not None:
                self._looks[key] = look
            outcome = await shell.applier.apply(plan.chains, uid=desired.uid)
        await shell.reporter.announce(desired, plan)
        for apply_error in self._new_errors(key, outcome):
            await shell.reporter.announce_error(desired, apply_error)
        wake_in = None if plan.wake_at is None else shell.clock.seconds_until(plan.wake_at, reading)
        self._schedule(key, outcome, wake_in, is_done=bug is None)
        return bug

    def plan(
        self, subject: planner.Subject, observed: Observed, reading: Reading
    ) -> tuple[planner.Plan, Look | None]:
        """Return the plan of a pass, and what is to be remembered of this look once the plan is stored."""
        desired = subject.deployment
        attention = planner.Attention(reading=reading, last=self._looks.get(desired.key))
        plan = planner.plan(desired, observed, subject.platform, now=reading.now, attention=attention)
        return plan, None if plan.state is None else Look(state=plan.state, reading=reading)

    def _new_errors(self, key: Key, outcome: ApplyOutcome) -> tuple[ApplyError, ...]:
        """Return the errors that the last pass did not have, or not with this reason; messages may vary."""
        before = {(error.child, error.reason) for error in self._apply_errors.get(key, ())}
        return tuple(e for e in outcome.apply_errors if (e.child, e.reason) not in before)

    def _schedule(self, key: Key, outcome: ApplyOutcome, wake_in: float | None, *, is_done: bool) -> None:
        """Enqueue the next pass of the object for when it is needed, in `wake_in` seconds at the latest."""
        queue = self._shell.queue
        if outcome.apply_errors:
            if self._new_errors(key, outcome):
                queue.add(key)  # the next pass reports the errors in the status
            self._apply_errors[key] = outcome.apply_errors
            queue.retry(key, after=outcome.retry_after)
        elif outcome.retry:
            queue.retry(key, after=outcome.retry_after)
        elif self._apply_errors.pop(key, None) is not None:
            queue.add(key)  # the next pass removes the error from the status
        elif is_done:
            queue.forget(key)
        if wake_in is not None:
            queue.add_after(key, max(wake_in, SHORTEST_DELAY))

    async def _reject_decisions_about_missing(self, key: Key) -> None:
        """Reject the decisions about an object that does not exist: their author may have mistyped its name."""
        bodies, now = self._shell.observer.decisions(key), self._shell.clock.now()
        answers = decision_answers.rejections(key, decisions_about_nothing(bodies), now=now)
        pruned = tuple(decision_answers.prune(bodies, revisions=(), now=now))
        outcome = await self._shell.applier.apply(each("answer", (*answers, *pruned)), uid="")
        if outcome.retry or outcome.apply_errors:
            self._shell.queue.retry(key, after=outcome.retry_after)

    def _forget(self, key: Key) -> None:
        """Drop everything that is kept in memory about an object."""
        self._apply_errors.pop(key, None)
        self._looks.pop(key, None)
        self._shell.queue.cancel(key)
        self._shell.queue.forget(key)
        self._shell.observer.forget(key)
        self._shell.reporter.forget(key)


def _log_bug(key: Key, bug: InternalError) -> None:
    """Log the traceback under the id that the status shows."""
    log.error(
        "pass failed because of a bug, will be retried",
        exc_info=bug.error,
        extra={"object": str(key), "id": bug.id},
    )


async def run_workers(reconciler: Reconciler, *, size: int, ready: Awaitable[None]) -> None:
    """Run `size` workers, and those for urgent keys, until cancelled; none takes a key before `ready`.

    The tasks are created at once: when kopf ends it waits five seconds for every task that is younger than itself.
    """
    begin = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for number in range(size + URGENT_WORKERS):
            group.create_task(_worker(reconciler, begin, urgent_only=number >= size))
            group.create_task(reconciler.run_helper())
        await ready
        begin.set()


async def _worker(reconciler: Reconciler, begin: asyncio.Event, *, urgent_only: bool) -> None:
    await begin.wait()
    await reconciler.run_worker(urgent_only=urgent_only)
