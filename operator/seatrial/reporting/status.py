"""The status: what serves, what is on trial, why, and what happens next, derived from one decision."""

from __future__ import annotations

from seatrial.api import names, tracks
from seatrial.api import status as api
from seatrial.core.decide import Decision
from seatrial.core.snapshot import Track
from seatrial.core.state import ModelRevision
from seatrial.core.status_codec import encode
from seatrial.core.traffic import Ready
from seatrial.core.transitions import TABLE, Phase, at_rest
from seatrial.reporting.check_message import worst_verdict
from seatrial.reporting.conditions import conditions
from seatrial.reporting.health import display_phase
from seatrial.reporting.schedule import next_transition
from seatrial.reporting.status_message import message

CLIENT_DOMAIN = "svc"
WITHOUT_CHECKS = "–"


def status(decision: Decision, before: api.Status) -> api.Status:
    """Return the whole status that follows from the decision; equal to `before` when nothing has changed."""
    state, snapshot, owner = decision.state, decision.snapshot, decision.target.owner
    current = {r.revision for r in (state.stable, state.canary) if r is not None}
    shown = [snapshot.track(revision) for revision in sorted(current | set(snapshot.tracks))]
    return api.Status(
        observed_generation=decision.target.generation,
        phase=display_phase(decision),
        message=message(decision),
        summary=_summary(decision),
        next_transition_time=next_transition(decision),
        url="" if decision.split is None else f"http://{owner.name}.{owner.namespace}.{CLIENT_DOMAIN}",
        stable=_stable(decision),
        canary=_canary(decision),
        rollout=_rollout(decision),
        build=None if state.build is None else encode(api.BuildStatus, state.build),
        rejected=tuple(encode(api.Rejected, entry) for entry in state.rejected),
        history=tuple(encode(api.HistoryEntry, entry) for entry in state.history),
        replicas=sum(decision.wanted_replicas(track.revision) for track in shown),
        ready_replicas=sum(track.ready for track in shown),
        selector=f"{names.LABEL_SERVER}={owner.name}",
        missing_references=missing_references(decision),
        conditions=conditions(decision, before),
    )


def missing_references(decision: Decision) -> tuple[str, ...]:
    """Return the references that somebody has to create before anything continues."""
    rollout, snapshot = decision.state.rollout, decision.snapshot
    waits_for_build = rollout is not None and rollout.phase is Phase.BUILDING and decision.build is None
    missing = snapshot.missing or (snapshot.missing_for_build if waits_for_build else ())
    return tuple(str(reference) for reference in missing)


def _summary(decision: Decision) -> api.Summary:
    rollout, stable = decision.state.rollout, decision.stable_track
    if rollout is None or at_rest(rollout):
        return api.Summary(verdict=WITHOUT_CHECKS, ready=_ready(decision, stable))
    return api.Summary(
        step=f"{rollout.step}/{rollout.steps}" if rollout.steps else "",
        weight=_shown_weight(decision),
        verdict=worst_verdict(rollout) or WITHOUT_CHECKS,
        ready=_ready(decision, stable, decision.canary_track),
    )


def _shown_weight(decision: Decision) -> int | None:
    """Return the share that the canary really has: it may differ from what its step asks for."""
    canary = decision.state.canary
    shares = canary is not None and decision.canary_receives_traffic
    return _actual_weight(decision, canary) if canary is not None and shares else None


def _ready(decision: Decision, *shown: Track | None) -> str:
    present = [track for track in shown if track is not None]
    if not present:
        return ""
    wanted = sum(decision.wanted_replicas(track.revision) for track in present)
    return f"{sum(track.ready for track in present)}/{wanted}"


def _stable(decision: Decision) -> tracks.TrackStatus | None:
    stable, rollout = decision.state.stable, decision.state.rollout
    if stable is None:
        return None
    canary_weight = rollout.weight if rollout and decision.canary_receives_traffic else 0
    return encode(tracks.TrackStatus, stable, **_track_fields(decision, stable, weight=100 - canary_weight))


def _canary(decision: Decision) -> tracks.CanaryStatus | None:
    canary, rollout = decision.state.canary, decision.state.rollout
    if canary is None or rollout is None:
        return None
    weight = rollout.weight if decision.canary_receives_traffic else 0
    parts = _track_fields(decision, canary, weight=weight)
    return encode(tracks.CanaryStatus, canary, **parts, actual_weight=_actual_weight(decision, canary))


def _actual_weight(decision: Decision, canary: ModelRevision) -> int:
    split, stable = decision.split_in_force, decision.stable_track
    if split is None or stable is None:
        return 0
    ready = Ready(stable=stable.ready, canary=decision.snapshot.track(canary.revision).ready)
    return decision.target.router.actual_weight(split, ready)


def _track_fields(decision: Decision, revision: ModelRevision, *, weight: int) -> dict[str, object]:
    track = decision.snapshot.track(revision.revision)
    rollout, diagnosis = decision.state.rollout, track.diagnosis
    # until the rollout has failed, a stored failure is what an earlier pass observed, and it has passed
    has_failed = rollout is not None and TABLE[rollout.phase].is_leaving
    failure = diagnosis.failure() if diagnosis is not None else revision.failure if has_failed else None
    return {
        "replicas": decision.wanted_replicas(track.revision),
        "ready_replicas": track.ready,
        "weight": weight,
        "failure": None if failure is None else encode(tracks.Failure, failure),
    }


def _rollout(decision: Decision) -> api.RolloutStatus | None:
    rollout, target = decision.state.rollout, decision.target
    if rollout is None:
        return None
    named = target.revision if decision.target_is_named else ""
    checks = tuple(encode(api.CheckStatus, check) for check in rollout.checks)
    return encode(api.RolloutStatus, rollout, target_revision=named, checks=checks)
