"""Carries out the chains of a plan: at the same time, where none needs or follows another.

A failure stops only its own chain and those that need it; every child that could not be written is reported.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

from seatrial.api import kinds, names, objects, reasons, rollout_decision
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from seatrial.children import actions, diff
from seatrial.children.actions import Action
from seatrial.children.chains import Chain
from seatrial.core.snapshot import ApplyError
from seatrial.kube import failures
from seatrial.kube.apply_errors import verdict_on
from seatrial.kube.caches import Caches
from seatrial.kube.client import Client
from seatrial.kube.task_pool import TaskPool

Reason = reasons.Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOutcome:
    """How far a plan was carried out; everything was done unless there are errors or `retry`."""

    done: int
    apply_errors: tuple[ApplyError, ...] = ()
    """One for each chain that failed, the most harmful first."""
    retry: bool = False
    """The cluster changed in between, or nothing was sent: observe and plan again, there is nothing to report."""
    retry_after: float | None = None
    """Seconds before which another try is of no use; None if unknown."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """A chain that is over: how many of its actions were carried out, and why no more were."""

    chain: Chain
    done: int
    failure: Exception | None = None


@dataclass(slots=True)
class _Progress:
    """Which chains of a plan wait, run, or are over."""

    waiting: list[Chain]
    running: dict[asyncio.Future[_Ended], Chain] = field(default_factory=dict)
    ended: list[_Ended] = field(default_factory=list)
    incomplete: set[str] = field(default_factory=set)
    """Names of chains that failed or were left to a later pass."""

    def ready(self) -> list[Chain]:
        """Return the chains that may begin now; those whose need has failed wait no longer."""
        pending = {chain.name for chain in self.running.values()}
        ready: list[Chain] = []
        for chain in tuple(self.waiting):
            if chain.needs & self.incomplete:
                self.waiting.remove(chain)
                self.incomplete.add(chain.name)
                continue
            if not (chain.needs | chain.after) & pending:
                ready.append(chain)
            pending.add(chain.name)
        return ready

    def record(self, ended: _Ended) -> None:
        """Record that a chain is over."""
        self.ended.append(ended)
        if ended.failure is not None:
            self.incomplete.add(ended.chain.name)

    def record_ended(self) -> None:
        """Record every running chain that is over."""
        for running in [future for future in self.running if future.done()]:
            del self.running[running]
            self.record(running.result())


class Applier:
    """The only writer of children and of the status of decisions."""

    def __init__(self, client: Client, caches: Caches) -> None:
        self._client = client
        self._caches = caches
        self._pool: TaskPool[_Ended] = TaskPool()

    async def help(self) -> None:
        """Carry out chains beside the tasks of passes, until cancelled."""
        await self._pool.work()

    async def apply(self, chains: Iterable[Chain], *, uid: str) -> ApplyOutcome:
        """Carry out the chains; `uid` is that of the owner. A bug, or a lost lease, is raised when all are over.

        The first chain that may begin runs in the task of the pass, so that nothing overtakes it.
        """
        progress = _Progress(list(chains))
        while ready := progress.ready():
            for chain in ready[1:]:
                self._begin(chain, uid, progress)
            progress.waiting.remove(ready[0])
            progress.record(await self._run(ready[0], uid))
            progress.record_ended()
            while progress.running and not progress.ready():
                await asyncio.wait(progress.running, return_when=asyncio.FIRST_COMPLETED)
                progress.record_ended()
        return _outcome(progress.ended)

    def _begin(self, chain: Chain, uid: str, progress: _Progress) -> None:
        """Let an idle task run the chain; it waits for the next turn if none is idle."""
        running = self._pool.submit(partial(self._run, chain, uid))
        if running is not None:
            progress.waiting.remove(chain)
            progress.running[running] = chain

    async def _run(self, chain: Chain, uid: str) -> _Ended:
        for done, action in enumerate(chain.actions):
            try:
                await self._carry_out(action, uid)
            except Exception as failure:
                return _Ended(chain, done, failure)
        return _Ended(chain, len(chain.actions))

    async def _carry_out(self, action: Action, uid: str) -> None:
        match action:
            case actions.Create():
                await self._create(action.body, uid)
            case actions.Apply():
                await self._apply(action.body)
            case actions.Scale():
                await self._scale(action)
            case actions.Delete():
                await self._delete(action)
            case actions.AnswerDecision():
                await self._answer_decision(action)
            case _:
                assert_never(action)

    async def _create(self, body: Body, uid: str) -> None:
        kind = self._caches.kind_of(body)
        try:
            self._caches.observe(await self._client.create(kind, body))
        except failures.AlreadyExists:
            await self._take_over(kind, body, uid)

    async def _take_over(self, kind: Kind, body: Body, uid: str) -> None:
        """Use the object that has the name if it is a child or an orphan of the owner; fail if it is not."""
        present = await self._client.get(kind, *objects.key_of(body))
        controller = objects.controller_of(present)
        if controller is not None and controller.get("uid") == uid:
            await self._use_child(body, present)
            return
        name = f"{kind.kind} {body['metadata']['name']}"
        if controller is not None and _is_of_predecessor(controller, body):
            raise failures.Retry(
                Reason.PENDING,
                message=f"{name} belongs to a deleted object of this name; waiting until it is garbage-collected",
            )
        labels = objects.labels_of(present)
        is_ours = labels.get(names.LABEL_DEPLOYMENT) == objects.labels_of(body)[names.LABEL_DEPLOYMENT]
        if controller is not None or not is_ours:
            raise failures.Stalled(
                Reason.NAME_CONFLICT,
                f"{name} exists and belongs to another owner; delete it, or create the {names.KIND} under another name",
            )
        await self._adopt(body, present)

    async def _use_child(self, body: Body, present: Body) -> None:
        """Put a child into the caches; restore its labels first if it lost those that the caches select by."""
        labels = objects.labels_of(body)
        if labels.items() <= objects.labels_of(present).items():
            self._caches.observe(present)
        else:
            await self._adopt(body, present)

    async def _adopt(self, body: Body, present: Body) -> None:
        """Apply `body` to the object that exists. Its replicas stay: only the scale subresource changes them."""
        metadata = {
            **body["metadata"],
            "uid": objects.uid_of(present),
            "resourceVersion": objects.version_of(present),
        }
        adopted = {**body, "metadata": metadata}
        if body["kind"] == kinds.DEPLOYMENT.kind:
            adopted["spec"] = {name: value for name, value in body["spec"].items() if name != "replicas"}
        await self._apply(adopted)

    async def _apply(self, body: Body) -> None:
        kind = self._caches.kind_of(body)
        applied = await self._client.apply(kind, body)
        patch = diff.without_foreign_containers(body, applied)
        if patch is not None:
            applied = await self._client.patch(kind, *objects.key_of(applied), patch=patch)
        self._caches.observe(applied)

    async def _scale(self, action: actions.Scale) -> None:
        await self._client.scale(
            kinds.DEPLOYMENT,
            action.namespace,
            action.name,
            replicas=action.replicas,
            resource_version=action.resource_version,
        )

    async def _delete(self, action: actions.Delete) -> None:
        kind = self._caches.kind_of({"apiVersion": action.api_version, "kind": action.kind})
        await self._client.delete(
            kind, action.namespace, action.name, uid=action.uid, resource_version=action.resource_version
        )
        self._caches.observe_delete(kind, action.namespace, action.name, uid=action.uid)

    async def _answer_decision(self, action: actions.AnswerDecision) -> None:
        decision = self._caches.decision(action.namespace, action.name)
        if decision is None or objects.uid_of(decision) != action.uid:
            raise failures.Outdated(f"RolloutDecision {action.name} was deleted or replaced")
        status = rollout_decision.DecisionStatus(phase=action.phase, message=action.message, at=action.at)
        # The API server does not compare the uid in a status patch; the version keeps the answer from a successor.
        patch = {"metadata": {"resourceVersion": objects.version_of(decision)}, "status": status.to_dict()}
        patched = await self._client.patch_status(
            kinds.ROLLOUT_DECISION, action.namespace, action.name, patch=patch
        )
        self._caches.observe(patched)


def _is_of_predecessor(controller: Body, body: Body) -> bool:
    """Return whether a deleted object of the owner's name controls the object; it will be garbage-collected."""
    owner = body["metadata"]["ownerReferences"][0]
    return all(controller.get(field) == owner[field] for field in ("kind", "name"))


def _outcome(ended: Iterable[_Ended]) -> ApplyOutcome:
    """Return what follows from how the chains ended; raise a failure that is a bug or ends the pass."""
    done, retry = 0, False
    delays: list[float | None] = []
    errors: list[ApplyError] = []
    for chain in ended:
        done += chain.done
        match chain.failure:
            case None:
                continue
            case failures.Conflict() | failures.NotFound() | failures.Outdated():
                retry = True
                delays.append(None)
            case failures.Paused() as pause:
                retry = True
                delays.append(pause.retry_after)
            case Exception() as failure:
                error, delay = verdict_on(failure, chain.chain.actions[chain.done], harm=chain.chain.harm)
                errors.append(error)
                delays.append(delay)
    return ApplyOutcome(
        done=done,
        apply_errors=tuple(sorted(errors, key=lambda error: error.harm)),
        retry=retry,
        retry_after=_soonest(delays),
    )


def _soonest(delays: list[float | None]) -> float | None:
    """Return the shortest delay; None, the queue's own, if there is none or one is unknown."""
    known = [delay for delay in delays if delay is not None]
    return min(known) if known and len(known) == len(delays) else None
