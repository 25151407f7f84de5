"""Finds stable and its history again when the status was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from seatrial.api import model_deployment, names, phases, reasons
from seatrial.api import status as api
from seatrial.api.objects import Body, label_of, parse_time
from seatrial.core.state import RolloutState
from seatrial.observation import revisions
from seatrial.observation.observed import Observed


def recovered(
    state: RolloutState, desired: model_deployment.ModelDeployment, observed: Observed
) -> RolloutState:
    """The memory, with stable and what served before read from the children where the status has been lost.

    The label of the Service says who is stable, also where its selector was edited and no router can read it.
    """
    if state.stable is not None or state.rollout is not None:
        return state
    templates = revisions.templates(observed)
    labels = (label_of(service, names.LABEL_STABLE) for service in observed.services)
    stable = next((label for label in labels if label in templates), "")
    if not stable:
        return state
    track = _track_in(stable, templates[stable], desired)
    return replace(state, stable=track, history=_history_in(templates, track, desired))


def _history_in(
    templates: Mapping[str, Body], stable: api.TrackStatus, desired: model_deployment.ModelDeployment
) -> tuple[api.HistoryEntry, ...]:
    """The promotions that templates remember, stable's the newest."""
    dated = {name: at for name, body in templates.items() if (at := revisions.promoted_at(body)) is not None}
    newest_first = sorted(
        dated.keys() - {stable.revision}, key=lambda name: (dated[name], name), reverse=True
    )
    before = [
        _promotion(name, revisions.image_in(templates[name]).reference, dated[name]) for name in newest_first
    ]
    limit = desired.spec.rollout.history_limit
    return (_promotion(stable.revision, stable.image, stable.since), *before[:limit])


def _promotion(revision: str, image: str, at: datetime | None) -> api.HistoryEntry:
    return api.HistoryEntry(
        revision=revision,
        image=image,
        outcome=phases.Outcome.PROMOTED,
        reason=reasons.Reason.PROMOTED,
        message="read again from its template: the status was lost",
        finished_at=at,
    )


def _track_in(revision: str, body: Body, desired: model_deployment.ModelDeployment) -> api.TrackStatus:
    since = parse_time(body["metadata"].get("creationTimestamp")) or desired.created_at
    return revisions.image_in(body).track(revision, since=since)
