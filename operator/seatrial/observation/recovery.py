"""Recovers stable and its history from the children when the status was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from seatrial.api import kinds, model_deployment, names, phases, reasons
from seatrial.api.objects import Body, label_of, parse_time
from seatrial.core.state import HistoryEntry, ModelRevision, RolloutState, identity_fields
from seatrial.manifests import controller_revision
from seatrial.observation.observed import Observed

ModelDeployment = model_deployment.ModelDeployment


def recovered(state: RolloutState, deployment: ModelDeployment, observed: Observed) -> RolloutState:
    """Return the state, with stable and what served before read from the children where the status was lost.

    A label of the router's objects names stable, also where they were edited and the router cannot read them.
    """
    if state.stable is not None or state.rollout is not None:
        return state
    revisions = controller_revision.by_revision(observed.of(kinds.CONTROLLER_REVISION))
    labelled = (
        label_of(body, names.LABEL_STABLE) for bodies in observed.children.values() for body in bodies
    )
    revision = next((revision for revision in labelled if revision in revisions), "")
    if not revision:
        return state
    stable = _revision_in(revision, revisions[revision], deployment)
    return replace(state, stable=stable, history=_history_in(revisions, stable, deployment))


def _history_in(
    revisions: Mapping[str, Body], stable: ModelRevision, deployment: ModelDeployment
) -> tuple[HistoryEntry, ...]:
    """Return the promotions that the ControllerRevisions record, stable's the newest."""
    dated = {
        name: at
        for name, body in revisions.items()
        if (at := controller_revision.promoted_at(body)) is not None
    }
    newest_first = sorted(
        dated.keys() - {stable.revision}, key=lambda name: (dated[name], name), reverse=True
    )
    before = [
        _promotion(controller_revision.image_of(revisions[name]).of_revision(name, since=dated[name]))
        for name in newest_first
    ]
    limit = deployment.spec.rollout.history_limit
    return (_promotion(stable), *before[:limit])


def _promotion(promoted: ModelRevision) -> HistoryEntry:
    return HistoryEntry(
        **identity_fields(promoted),
        outcome=phases.Outcome.PROMOTED,
        reason=reasons.Reason.PROMOTED,
        message="recovered from its ControllerRevision: the status was lost",
        finished_at=promoted.since,
    )


def _revision_in(revision: str, body: Body, deployment: ModelDeployment) -> ModelRevision:
    created = parse_time(body["metadata"].get("creationTimestamp")) or deployment.created_at
    since = max(filter(None, (created, controller_revision.promoted_at(body))), default=None)
    return controller_revision.image_of(body).of_revision(revision, since=since)
