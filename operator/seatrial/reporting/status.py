"""The status: what serves, what is on trial, why, and what happens next, derived from one scene."""

from __future__ import annotations

from seatrial.api import names
from seatrial.api import status as api
from seatrial.children import Scene, split_in_force
from seatrial.core import replicas
from seatrial.core.snapshot import Track
from seatrial.core.state import changed, identity_of
from seatrial.core.traffic import Ready, has_users, split_of
from seatrial.core.transitions import AT_REST
from seatrial.reporting import conditions, schedule, status_message
from seatrial.reporting.display_phase import display_phase

CLIENT_DOMAIN = "svc"
WITHOUT_CHECKS = "–"


def status(scene: Scene) -> api.Status:
    """The whole status that follows from the scene; equal to the stored one when nothing has changed."""
    state = scene.state
    phase = display_phase(scene)
    message = status_message.message(scene)
    current = {t.revision for t in (state.stable, state.canary) if t is not None}
    tracks = [scene.snapshot.track(revision) for revision in sorted(current | set(scene.snapshot.tracks))]
    return api.Status(
        observed_generation=scene.desired.generation,
        phase=phase,
        message=message,
        summary=_summary(scene),
        next_transition_time=schedule.next_transition(scene),
        url=_url(scene),
        stable=_stable(scene),
        canary=_canary(scene),
        rollout=state.rollout,
        build=state.build,
        rejected=state.rejected,
        history=state.history,
        replicas=sum(_asked_for(scene, track.revision) for track in tracks),
        ready_replicas=sum(track.ready for track in tracks),
        selector=f"{names.LABEL_SERVER}={scene.desired.key.name}",
        conditions=conditions.conditions(scene, message),
    )


def _url(scene: Scene) -> str:
    if split_of(scene.state) is None:
        return ""
    key = scene.desired.key
    return f"http://{key.name}.{key.namespace}.{CLIENT_DOMAIN}"


def _summary(scene: Scene) -> api.Summary:
    rollout, stable = scene.state.rollout, scene.snapshot.stable(scene.state)
    moving = rollout is not None and rollout.phase not in AT_REST
    canary = scene.snapshot.canary(scene.state) if moving else None
    shown = [track for track in (stable, canary) if track is not None]
    return api.Summary(
        step=f"{rollout.step}/{rollout.steps}" if rollout is not None and moving and rollout.steps else "",
        weight=rollout.weight if rollout is not None and moving and has_users(scene.state) else None,
        verdict=WITHOUT_CHECKS,
        ready=f"{sum(t.ready for t in shown)}/{sum(_asked_for(scene, t.revision) for t in shown)}"
        if shown
        else "",
    )


def _stable(scene: Scene) -> api.TrackStatus | None:
    stable = scene.state.stable
    if stable is None:
        return None
    weight = 100 - (scene.state.rollout.weight if scene.state.rollout and has_users(scene.state) else 0)
    return _track(scene, stable, weight=weight)


def _canary(scene: Scene) -> api.CanaryStatus | None:
    canary, rollout = scene.state.canary, scene.state.rollout
    if canary is None or rollout is None:
        return None
    seen = scene.snapshot.track(canary.revision)
    weight = rollout.weight if has_users(scene.state) else 0
    shown = _track(scene, canary, weight=weight)
    return api.CanaryStatus(**dict(shown), actual_weight=_actual(scene, seen))


def _actual(scene: Scene, canary: Track) -> int:
    split, stable = split_in_force(scene), scene.snapshot.stable(scene.state)
    if split is None or stable is None:
        return 0
    return scene.parts.router.actual(split, Ready(stable=stable.ready, canary=canary.ready))


def _asked_for(scene: Scene, revision: str) -> int:
    return replicas.asked_for(scene.state, scene.snapshot, scene.desired.spec.scaling, revision=revision)


def _track(scene: Scene, identity: api.TrackStatus, *, weight: int) -> api.TrackStatus:
    seen = scene.snapshot.track(identity.revision)
    trouble = seen.trouble
    failure = identity.failure
    if trouble is not None:
        failure = api.Failure(
            reason=trouble.reason,
            message=trouble.message,
            pod=trouble.pod,
            exit_code=trouble.exit_code,
            restarts=trouble.restarts,
        )
    return changed(
        identity_of(identity),
        replicas=_asked_for(scene, seen.revision),
        ready_replicas=seen.ready,
        weight=weight,
        failure=failure,
    )
