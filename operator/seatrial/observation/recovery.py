"""Recovers stable, its history and what was rejected from the children when the status was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from seatrial.api import kinds, model_deployment, names, phases, reasons
from seatrial.api.objects import Body, label_of, parse_time
from seatrial.core.state import (
    MAX_REJECTIONS,
    HistoryEntry,
    ModelRevision,
    Rejection,
    RolloutState,
    identity_fields,
)
from seatrial.core.status_codec import rejection_in
from seatrial.manifests import controller_revision, metadata, workload
from seatrial.observation.observed import Observed

ModelDeployment = model_deployment.ModelDeployment


def recovered(state: RolloutState, deployment: ModelDeployment, observed: Observed) -> RolloutState:
    """Return the state, with stable, what served before and what was rejected where the status was lost.

    A label of the router's objects names stable, also where they were edited and the router cannot read them.
    """
    if state.stable is not None or state.rollout is not None:
        return state
    revisions = controller_revision.by_revision(observed.of(kinds.CONTROLLER_REVISION))
    state = replace(state, rejected=_rejected_in(revisions))
    stable = _stable_in(revisions, deployment, observed, state)
    if stable is None:
        return state
    return replace(state, stable=stable, history=_history_in(revisions, stable, deployment))


def _stable_in(
    revisions: Mapping[str, Body], deployment: ModelDeployment, observed: Observed, state: RolloutState
) -> ModelRevision | None:
    """Return the revision that a label calls stable: from its record, or, if that is gone, from what runs.

    The label also names a first canary; one that was rejected has no replicas any more.
    """
    bodies = [body for kind in observed.children.values() for body in kind]
    labelled = [revision for body in bodies if (revision := label_of(body, names.LABEL_STABLE))]
    running = {metadata.revision_of(body): body for body in observed.of(kinds.DEPLOYMENT)}
    for revision in labelled:
        if state.rejection_of(revision) is not None and not _replicas_of(running.get(revision)):
            continue
        if revision in revisions:
            return _revision_in(revision, revisions[revision], deployment)
        if revision in running:
            since = (
                parse_time(running[revision]["metadata"].get("creationTimestamp")) or deployment.created_at
            )
            return ModelRevision(revision=revision, image=workload.image_in(running[revision]), since=since)
    return None


def _replicas_of(deployment: Body | None) -> int:
    return 0 if deployment is None else int((deployment.get("spec") or {}).get("replicas", 1))


def _rejected_in(revisions: Mapping[str, Body]) -> tuple[Rejection, ...]:
    """Return the rejections that the ControllerRevisions record, the newest first."""
    texts = {revision: controller_revision.rejection_text(body) for revision, body in revisions.items()}
    noted = (rejection_in(text, revision) for revision, text in sorted(texts.items()))
    known = [rejection for rejection in noted if rejection is not None]
    newest_first = sorted(known, key=lambda r: r.at or datetime.min.replace(tzinfo=UTC), reverse=True)
    return tuple(newest_first[:MAX_REJECTIONS])


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
