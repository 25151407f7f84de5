"""Puts together what the decisions look at; finds stable again when the status was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from seatrial.api import deployment, names, phases, reasons
from seatrial.api import status as api
from seatrial.core import builds, moves
from seatrial.core.memory import Memory
from seatrial.core.wish import BuildSeen, Situation, Wish
from seatrial.manifests.metadata import Body
from seatrial.planning import facts, kept, sizes
from seatrial.planning.observed import Observed, Parts
from seatrial.planning.wishes import Wanted


def situation(
    desired: deployment.ModelDeployment,
    observed: Observed,
    parts: Parts,
    *,
    memory: Memory,
    asked: Wanted,
    now: datetime,
) -> Situation:
    """Everything that a rollout looks at, at `now`."""
    wish = _without_a_name(asked.wish, memory) if asked.unnamed else asked.wish
    seen = {r: kept.in_users_words(facts.track(observed, r), observed) for r in _revisions(observed)}
    stable = None if memory.stable is None else seen.get(memory.stable.revision)
    base = sizes.base_of(desired.spec.scaling, stable)
    split = parts.router.read(observed.services)
    return Situation(
        wish=wish,
        counts=sizes.counts(parts.router, wish, base),
        now=now,
        tracks=seen,
        narrow=split is not None and split.weight == 0,
        blocked=observed.setback is not None,
        shares={split.canary: split.weight} if split is not None and split.canary else {},
        routed="" if split is None else split.stable,
        images={name: kept.image_in(body) for name, body in kept.templates(observed).items()},
        build=build_of(memory, wish),
    )


def _without_a_name(wish: Wish, memory: Memory) -> Wish:
    """The wish while its revision cannot be named: its image must not become that of another."""
    return replace(wish, revision=_kept(memory), image="", build_id="")


def _kept(memory: Memory) -> str:
    """While no revision can be named, what is on its way or serves is what is wanted."""
    if memory.rollout is not None and memory.rollout.phase not in moves.AT_REST:
        return memory.rollout.revision
    return "" if memory.stable is None else memory.stable.revision


def build_of(memory: Memory, wish: Wish) -> BuildSeen:
    """What is known of the image that the wish needs built."""
    build = memory.build_of(wish.build_id)
    return BuildSeen() if build is None else builds.seen(build)


def _revisions(observed: Observed) -> set[str]:
    bodies = (*observed.deployments, *facts.server_pods(observed))
    return {revision for body in bodies if (revision := facts.label(body, names.LABEL_REVISION))}


def recovered(memory: Memory, desired: deployment.ModelDeployment, observed: Observed) -> Memory:
    """The memory, with stable and what served before read from the children where the status has been lost.

    The label of the Service says who is stable, also where its selector was edited and no router can read it.
    """
    if memory.stable is not None or memory.rollout is not None:
        return memory
    templates = kept.templates(observed)
    labels = (facts.label(service, names.LABEL_STABLE) for service in observed.services)
    stable = next((label for label in labels if label in templates), "")
    if not stable:
        return memory
    track = _track_in(stable, templates[stable], desired)
    return replace(memory, stable=track, history=_history_in(templates, track, desired))


def _history_in(
    templates: Mapping[str, Body], stable: api.TrackStatus, desired: deployment.ModelDeployment
) -> tuple[api.HistoryEntry, ...]:
    """The promotions that templates remember, stable's the newest."""
    dated = {name: at for name, body in templates.items() if (at := kept.promoted_at(body)) is not None}
    newest_first = sorted(
        dated.keys() - {stable.revision}, key=lambda name: (dated[name], name), reverse=True
    )
    before = [
        _promotion(name, kept.image_in(templates[name]).reference, dated[name]) for name in newest_first
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


def _track_in(revision: str, body: Body, desired: deployment.ModelDeployment) -> api.TrackStatus:
    since = facts.time_of(body["metadata"].get("creationTimestamp")) or desired.created_at
    return kept.image_in(body).track(revision, since=since)
