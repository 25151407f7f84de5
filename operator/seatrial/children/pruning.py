"""What is no longer needed, and when it may be deleted."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.api import kinds
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body, version_of
from seatrial.children import decision_answers
from seatrial.children.actions import Action, Scale, delete_action
from seatrial.core.decide import Decision
from seatrial.core.snapshot import Bodies
from seatrial.core.state import RolloutState
from seatrial.core.transitions import Phase, at_rest
from seatrial.manifests import controller_revision, metadata


def workloads(decision: Decision) -> Iterator[Action]:
    """Yield what removes the pods of revisions that neither serve nor are rolled out."""
    keep = _current(decision.state) | _lingering(decision)
    yield from _idle_deployments(decision, keep=keep)


def leftovers(decision: Decision) -> Iterator[Action]:
    """Yield what deletes everything else that no revision of the state needs."""
    state, scaling = decision.state, decision.target.scaling
    stable = {state.stable.revision} if state.stable is not None else set()
    autoscaled = stable if scaling.autoscaled else set()
    yield from map(delete_action, _unneeded(_of(decision, kinds.HPA), keep=autoscaled))
    protected = _current(state) if scaling.floor >= 2 else set()
    yield from map(delete_action, _unprotecting(_of(decision, kinds.PDB), protected))
    known = _current(state) | {h.revision for h in state.history} | _in_progress(state)
    yield from _decisions(decision, known)
    known |= _spare_templates(decision, known)
    yield from map(delete_action, _unneeded(_of(decision, kinds.CONFIG_MAP), keep=known))
    yield from map(delete_action, _unneeded(_of(decision, kinds.CONTROLLER_REVISION), keep=known))


def _decisions(decision: Decision, known: set[str]) -> Iterator[Action]:
    """Yield the deletion of decisions that were answered before, and explain nothing that status shows."""
    rejected = {rejection.revision for rejection in decision.state.rejected}
    bodies = _of(decision, kinds.ROLLOUT_DECISION)
    yield from decision_answers.prune(bodies, revisions=known | rejected, now=decision.now)


def _of(decision: Decision, kind: Kind) -> Bodies:
    return decision.snapshot.children.get(kind.kind, ())


def _current(state: RolloutState) -> set[str]:
    """Return the revisions that serve or are rolled out."""
    rejected = state.rollout is not None and state.rollout.phase is Phase.REJECTED
    revisions = (state.stable, None if rejected else state.canary)
    return {revision.revision for revision in revisions if revision is not None}


def _in_progress(state: RolloutState) -> set[str]:
    return set() if state.rollout is None or at_rest(state.rollout) else {state.rollout.revision}


def _lingering(decision: Decision) -> set[str]:
    """Return the revisions that lost their traffic so recently that their pods are kept, in case they are wanted."""
    leave_at = decision.idle_pods_leave_at
    if leave_at is None or decision.now >= leave_at:
        return set()
    tracks = decision.snapshot.tracks
    return {revision for revision, track in tracks.items() if track.pods or track.wanted}


def _idle_deployments(decision: Decision, *, keep: set[str]) -> Iterator[Action]:
    """Yield the removal of Deployments, pods first: they finish their requests while their Deployment exists.

    Deleted with its pods, a Deployment takes its ReplicaSet away before them; to the disruption controller those
    are pods without a controller, and while there is one it warns of our budget and lets no drain proceed.
    """
    for body in _unneeded(_of(decision, kinds.DEPLOYMENT), keep=keep):
        track = decision.snapshot.track(metadata.revision_of(body))
        deletion = delete_action(body)
        if track.pods == 0:
            yield deletion
        elif track.wanted:
            yield Scale(
                namespace=deletion.namespace,
                name=deletion.name,
                replicas=0,
                resource_version=version_of(body),
            )


def _spare_templates(decision: Decision, known: set[str]) -> set[str]:
    """Return the newest ControllerRevisions, up to `historyLimit` beside stable.

    A lost status loses the history, not what it ran. None of them counts as promoted but those that say so
    themselves and are in the history that was read from them.
    """
    spare = max(decision.target.history_limit + 1 - len(known), 0)
    kept = _of(decision, kinds.CONTROLLER_REVISION)
    newest = sorted(kept, key=controller_revision.number_of, reverse=True)
    others = [r for body in newest if (r := metadata.revision_of(body)) not in known]
    return set(others[:spare])


def _unprotecting(budgets: Bodies, protected: set[str]) -> Iterator[Body]:
    """Yield the budgets of no protected revision: a pod that two budgets select cannot be evicted at all."""
    for body in budgets:
        revision, deleting = metadata.revision_of(body), body["metadata"].get("deletionTimestamp")
        if revision not in protected and not deleting:
            yield body


def _unneeded(bodies: Bodies, *, keep: set[str]) -> Iterator[Body]:
    for body in bodies:
        revision = metadata.revision_of(body)
        if revision and revision not in keep and not body["metadata"].get("deletionTimestamp"):
            yield body
