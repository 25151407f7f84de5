"""Carries out the actions of a plan in order and stops at the first one that fails.

The actions run one after the other in the task of the pass: when kopf ends it waits for every task that is younger
than itself, and treats a failure of such a task as its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from seatrial.api import kinds, names, objects, reasons, rollout_decision
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from seatrial.api.text import truncate
from seatrial.children import actions, diff
from seatrial.children.actions import Action
from seatrial.core.snapshot import ApplyError
from seatrial.kube import failures
from seatrial.kube.caches import Caches
from seatrial.kube.client import Client

Reason = reasons.Reason
_REJECTED: Final = frozenset({Reason.QUOTA_EXCEEDED, Reason.INVALID_SPEC})
"""The reasons of which the API server says that it rejects the content of a write."""
LONGEST_CAUSE: Final = 300
"""Characters of the API server's message: it quotes the whole value that it rejects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOutcome:
    """How far a plan was carried out; everything was done unless there is an error or `retry`."""

    done: int
    """The number of actions carried out before the first failure."""
    apply_error: ApplyError | None = None
    retry: bool = False
    """The cluster changed in between, or nothing was sent: observe and plan again, there is nothing to report."""
    retry_after: float | None = None
    """Seconds before which another try is of no use; None if unknown."""


class Applier:
    """The only writer of children and of the status of decisions."""

    def __init__(self, client: Client, caches: Caches) -> None:
        self._client = client
        self._caches = caches

    async def apply(self, plan: tuple[Action, ...], *, uid: str) -> ApplyOutcome:
        """Carry out the actions in order; `uid` is that of the owner.

        The outcome reports the first failure. An answer to a decision that cannot be written does not hold up the
        actions after it.
        """
        unanswered: ApplyOutcome | None = None
        for done, action in enumerate(plan):
            try:
                await self._carry_out(action, uid)
            except failures.Failure as failure:
                outcome = _outcome(failure, action, done=done)
                if not isinstance(action, actions.AnswerDecision):
                    return outcome
                unanswered = unanswered or outcome
        return unanswered or ApplyOutcome(done=len(plan))

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
                f"{name} exists and belongs to another owner; delete it, or rename this object",
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


def _outcome(failure: failures.Failure, action: Action, *, done: int) -> ApplyOutcome:
    """Return what follows from a failure of `action`; raise it again if it is a bug or ends the pass."""
    match failure:
        case failures.Conflict() | failures.NotFound() | failures.Outdated():
            return ApplyOutcome(done=done, retry=True)
        case failures.Paused():
            return ApplyOutcome(done=done, retry=True, retry_after=failure.retry_after)
    verdict = failures.classify(failure, of_spec=isinstance(action, actions.Create | actions.Apply))
    if verdict is None:
        raise failure
    message = verdict.message if verdict is failure else _message(verdict, action)
    after = verdict.after if isinstance(verdict, failures.Retry) else None
    apply_error = ApplyError(reason=verdict.reason, message=message)
    return ApplyOutcome(done=done, apply_error=apply_error, retry_after=after)


def _message(verdict: failures.Retry | failures.Stalled, action: Action) -> str:
    """Return what the API server did with the action, and why."""
    result = "was rejected" if verdict.reason in _REJECTED else "could not be written"
    return f"{_subject_of(action)} {result}: {truncate(verdict.message, LONGEST_CAUSE)}"


def _subject_of(action: Action) -> str:
    """Return kind and name of the object that an action is about."""
    if isinstance(action, actions.Create | actions.Apply):
        return f"{action.body['kind']} {action.body['metadata']['name']}"
    kind = {actions.Scale: "Deployment", actions.AnswerDecision: "RolloutDecision"}.get(type(action), "")
    return f"{kind or getattr(action, 'kind', '')} {action.name}"
