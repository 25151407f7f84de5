"""Does what a plan says, in order, and stops at the first thing that does not work.

One after the other and in the task of the pass: at its end kopf waits for tasks that are younger than itself, and
takes their failures for its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from seatrial.api import kinds, names, objects, reasons, rollout_decision
from seatrial.api.objects import Body
from seatrial.api.text import truncate
from seatrial.children import actions
from seatrial.children.actions import Action
from seatrial.core.snapshot import ApplyError
from seatrial.kube import failures
from seatrial.kube.caches import Caches
from seatrial.kube.client import Client

Reason = reasons.Reason
_FATE: Final = {Reason.QUOTA_EXCEEDED: "was refused", Reason.INVALID_SPEC: "was refused"}
LONGEST_REFUSAL: Final = 300
"""A server's sentence quotes the whole value that it refuses."""
LEAVING: Final = "still belongs to a deleted object of this name; it is waited until that is collected"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOutcome:
    """How far a plan got; without a setback everything was done."""

    done: int
    apply_error: ApplyError | None = None
    again: bool = False
    """The world has changed in between, or nothing could be asked: a fresh look is all that is needed."""
    after: float | None = None
    """Seconds before which trying again is of no use; None where nobody knows."""


class Applier:
    """The only place that writes children."""

    def __init__(self, client: Client, caches: Caches) -> None:
        self._client = client
        self._caches = caches

    async def run(self, todo: tuple[Action, ...], *, uid: str) -> ApplyOutcome:
        """Every action is done, or the outcome says which one was not and why. `uid`: of the owner.

        An answer to a decision that cannot be written is told, and holds nothing else up.
        """
        unanswered: ApplyOutcome | None = None
        for done, action in enumerate(todo):
            try:
                await self._do(action, uid)
            except failures.Failure as failure:
                outcome = _outcome(failure, action, done=done)
                if not isinstance(action, actions.AnswerDecision):
                    return outcome
                unanswered = unanswered or outcome
        return unanswered or ApplyOutcome(done=len(todo))

    async def _do(self, action: Action, uid: str) -> None:
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
                await self._settle(action)
            case _:
                assert_never(action)

    async def _create(self, body: Body, uid: str) -> None:
        kind = kinds.kind_of(body)
        try:
            self._caches.observe(await self._client.create(kind, body))
        except failures.AlreadyExists:
            await self._take_over(kind, body, uid)

    async def _take_over(self, kind: kinds.Kind, body: Body, uid: str) -> None:
        """The name is taken: by us, by an orphan of ours, or by somebody else."""
        present = await self._client.get(kind, *objects.key_of(body))
        controller = objects.controller_of(present)
        if controller is not None and controller.get("uid") == uid:
            await self._own(body, present)
            return
        if controller is not None and _is_of_predecessor(controller, body):
            raise failures.Retry(Reason.PENDING, message=f"{kind.kind} {body['metadata']['name']} {LEAVING}")
        labels = objects.labels_of(present)
        ours = labels.get(names.LABEL_DEPLOYMENT) == objects.labels_of(body)[names.LABEL_DEPLOYMENT]
        if controller is not None or not ours:
            name = body["metadata"]["name"]
            raise failures.Stalled(
                Reason.NAME_CONFLICT,
                f"{kind.kind} {name} belongs to somebody else; delete it, or give this object another name",
            )
        await self._claim(body, present)

    async def _own(self, body: Body, present: Body) -> None:
        """A child of ours is known to the caches, also one that has lost the labels they know it by."""
        wanted = objects.labels_of(body)
        if wanted.items() <= objects.labels_of(present).items():
            self._caches.observe(present)
        else:
            await self._claim(body, present)

    async def _claim(self, body: Body, present: Body) -> None:
        """What is there is as wanted and ours; how many pods it has stays as it is, for /scale alone says that."""
        head = {
            **body["metadata"],
            "uid": objects.uid_of(present),
            "resourceVersion": objects.version_of(present),
        }
        claimed = {**body, "metadata": head}
        if body["kind"] == kinds.DEPLOYMENT.kind:
            claimed["spec"] = {key: value for key, value in body["spec"].items() if key != "replicas"}
        await self._apply(claimed)

    async def _apply(self, body: Body) -> None:
        self._caches.observe(await self._client.apply(kinds.kind_of(body), body))

    async def _scale(self, action: actions.Scale) -> None:
        await self._client.scale(kinds.DEPLOYMENT, action.namespace, action.name, replicas=action.replicas)

    async def _delete(self, action: actions.Delete) -> None:
        kind = kinds.kind_of({"apiVersion": action.api_version, "kind": action.kind})
        await self._client.delete(kind, action.namespace, action.name, uid=action.uid)
        self._caches.observe_delete(kind, action.namespace, action.name, uid=action.uid)

    async def _settle(self, action: actions.AnswerDecision) -> None:
        answer = rollout_decision.DecisionStatus(phase=action.phase, message=action.message, at=action.at)
        seen = self._caches.decision(action.namespace, action.name)
        if seen is None or objects.uid_of(seen) != action.uid:
            raise failures.Outdated(f"RolloutDecision {action.name} is gone, or another")
        # another decision of the same name must not get this answer; of a status no server compares the uid
        patch = {"metadata": {"resourceVersion": objects.version_of(seen)}, "status": answer.to_dict()}
        patched = await self._client.patch_status(
            kinds.ROLLOUT_DECISION, action.namespace, action.name, patch=patch
        )
        self._caches.observe(patched)


def _is_of_predecessor(controller: Body, body: Body) -> bool:
    """A deleted object of our name still owns it; the garbage collector is on its way."""
    owner = body["metadata"]["ownerReferences"][0]
    return all(controller.get(part) == owner[part] for part in ("kind", "name"))


def _outcome(failure: failures.Failure, action: Action, *, done: int) -> ApplyOutcome:
    """What follows from a failure of `action`; raises it again where that is not for a plan to know."""
    match failure:
        case failures.Conflict() | failures.NotFound() | failures.Outdated():
            return ApplyOutcome(done=done, again=True)
        case failures.Paused():
            return ApplyOutcome(done=done, again=True, after=failure.retry_after)
    verdict = failures.classify(failure, of_spec=isinstance(action, actions.Create | actions.Apply))
    if verdict is None:
        raise failure
    said = verdict.message
    if verdict is not failure:
        fate = _FATE.get(verdict.reason, "could not be written")
        said = f"{_subject_of(action)} {fate}: {truncate(said, LONGEST_REFUSAL)}"
    after = verdict.after if isinstance(verdict, failures.Retry) else None
    return ApplyOutcome(done=done, apply_error=ApplyError(reason=verdict.reason, message=said), after=after)


def _subject_of(action: Action) -> str:
    """What an action is about, for a sentence."""
    if isinstance(action, actions.Create | actions.Apply):
        return f"{action.body['kind']} {action.body['metadata']['name']}"
    kind = {actions.Scale: "Deployment", actions.AnswerDecision: "RolloutDecision"}.get(type(action), "")
    return f"{kind or getattr(action, 'kind', '')} {action.name}"
