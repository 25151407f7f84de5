"""What is not needed any more, and when it may go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from seatrial.api import names
from seatrial.api.objects import Body, label_of
from seatrial.children import actions, decision_answers
from seatrial.children.actions import Action
from seatrial.children.context import Scene
from seatrial.core import transitions
from seatrial.core.state import RolloutState
from seatrial.core.transitions import Phase


def last_change(state: RolloutState) -> datetime | None:
    """When traffic last left a revision."""
    since = None if state.stable is None else state.stable.since
    ends = [h.finished_at for h in state.history[:1] if h.finished_at] + ([since] if since else [])
    return max(ends, default=None)


def leaves_at(scene: Scene) -> datetime | None:
    """When revisions without traffic lose their pods; a pod that is told to go then still finishes its requests."""
    changed = last_change(scene.state)
    return None if changed is None else changed + scene.snapshot.wish.scale_down_delay


def workloads(scene: Scene) -> Iterator[Action]:
    """What takes away the pods of revisions that neither serve nor are on trial."""
    yield from _deployments_out(scene, keep=_current(scene.state) | _lingering(scene))


def changes(scene: Scene) -> Iterator[Action]:
    """What takes away everything that no revision in memory needs."""
    state = scene.state
    current = _current(state)
    yield from workloads(scene)
    serving = state.stable.revision if state.stable is not None else ""
    keep_scalers = {serving} if scene.desired.spec.scaling.autoscaled else set()
    yield from _revisions_out(scene.observed.autoscalers, keep=keep_scalers)
    if scene.desired.spec.scaling.floor < 2:
        yield from map(actions.delete_action, scene.observed.budgets)
    known = current | {h.revision for h in state.history} | _wanted(state)
    known |= _unremembered(scene, known)
    yield from _revisions_out(scene.observed.copies, keep=known)
    yield from _revisions_out(scene.observed.revisions, keep=known)
    yield from decision_answers.prune(scene.observed.decisions)


def _current(state: RolloutState) -> set[str]:
    """The revisions that serve or are on trial."""
    rejected = state.rollout is not None and state.rollout.phase is Phase.REJECTED
    tracks = (state.stable, None if rejected else state.canary)
    return {track.revision for track in tracks if track is not None}


def _deployments_out(scene: Scene, *, keep: set[str]) -> Iterator[Action]:
    """Pods go first: they finish their requests while their Deployment is there.

    Deleted with its pods, it takes its ReplicaSet away before them; to the disruption controller those are pods
    without a controller, and as long as there is one it warns of our budget and lets no drain go on.
    """
    for body in _unneeded(scene.observed.deployments, keep=keep):
        track, deletion = (
            scene.snapshot.track(label_of(body, names.LABEL_REVISION)),
            actions.delete_action(body),
        )
        if track.pods == 0:
            yield deletion
        elif track.wanted:
            yield actions.Scale(namespace=deletion.namespace, name=deletion.name, replicas=0)


def _lingering(scene: Scene) -> set[str]:
    """Revisions that lost their users so lately that their pods are kept, in case they are wanted back."""
    when = leaves_at(scene)
    if when is None or scene.snapshot.now >= when:
        return set()
    return {revision for revision, track in scene.snapshot.tracks.items() if track.pods or track.wanted}


def _wanted(state: RolloutState) -> set[str]:
    rollout = state.rollout
    return set() if rollout is None or rollout.phase in transitions.AT_REST else {rollout.revision}


def _unremembered(scene: Scene, known: set[str]) -> set[str]:
    """The newest templates, up to `historyLimit` beside stable: a lost status takes history along, not what it ran.

    None of them is called promoted, but those that say so themselves and are in the history that was read from them.
    """
    spare = max(scene.snapshot.wish.history_limit + 1 - len(known), 0)
    newest = sorted(scene.observed.revisions, key=lambda body: int(body.get("revision", 0)), reverse=True)
    others = [r for body in newest if (r := label_of(body, names.LABEL_REVISION)) not in known]
    return set(others[:spare])


def _revisions_out(bodies: tuple[Body, ...], *, keep: set[str]) -> Iterator[Action]:
    yield from map(actions.delete_action, _unneeded(bodies, keep=keep))


def _unneeded(bodies: tuple[Body, ...], *, keep: set[str]) -> Iterator[Body]:
    for body in bodies:
        revision = label_of(body, names.LABEL_REVISION)
        if revision and revision not in keep and not body["metadata"].get("deletionTimestamp"):
            yield body
