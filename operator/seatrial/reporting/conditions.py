"""The conditions: kstatus' three and our four, each with the reason word that the rest of the program uses."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.api import conditions as told_conditions
from seatrial.api import phases, reasons
from seatrial.api import status as api
from seatrial.children import Scene, is_written, split_in_force
from seatrial.core import builds
from seatrial.core.transitions import AT_REST, Phase
from seatrial.reporting.health import answering, has_its_pods, is_stalled, stable_is_sick, wanted_pods
from seatrial.reporting.status_message import routed

Reason = reasons.Reason
Kind = told_conditions.ConditionType

_GOING = {
    Phase.BUILDING: Reason.BUILDING,
    Phase.STARTING: Reason.STARTING,
    Phase.SHIFTING: Reason.SHIFTING,
    Phase.PAUSED: Reason.PAUSED,
    Phase.PROMOTING: Reason.PROMOTING,
    Phase.ROLLING_BACK: Reason.ROLLING_BACK,
}


@dataclass(frozen=True, slots=True)
class ConditionValue:
    """Whether a condition holds, and why."""

    holds: bool
    reason: str
    message: str = ""


def conditions(scene: Scene, message: str) -> tuple[told_conditions.Condition, ...]:
    """All conditions, in the order of the API; a transition time moves only with the status beside it."""
    why = _reason(scene)
    verdicts = {
        Kind.READY: ConditionValue(is_ready(scene), Reason.HEALTHY if is_ready(scene) else why, message),
        Kind.RECONCILING: ConditionValue(_reconciling(scene), why, message),
        Kind.STALLED: ConditionValue(is_stalled(scene), why, message if is_stalled(scene) else ""),
        Kind.SERVING: serving(scene),
        Kind.UPDATED: _updated(scene, why),
        Kind.BUILD_SUCCEEDED: _built(scene),
        Kind.ROLLOUT_HEALTHY: _rollout_healthy(scene),
    }
    return tuple(_condition(scene, kind, verdict) for kind, verdict in verdicts.items())


def is_ready(scene: Scene) -> bool:
    """The spec's revision is stable, and has its pods and all users."""
    return (
        not scene.unnamed
        and _is_updated(scene)
        and at_rest(scene)
        and has_its_pods(scene)
        and not stable_is_sick(scene)
        and not is_stalled(scene)
        and is_written(scene)
    )


def at_rest(scene: Scene) -> bool:
    """Nothing is on its way."""
    rollout = scene.state.rollout
    return rollout is None or rollout.phase in AT_REST


def _reconciling(scene: Scene) -> bool:
    return not is_ready(scene) and not is_stalled(scene)


def _is_updated(scene: Scene) -> bool:
    stable = scene.state.stable
    return stable is not None and stable.revision == scene.snapshot.wish.revision and not scene.unnamed


def _reason(scene: Scene) -> str:
    """The most telling word of now."""
    rollout, apply_error = scene.state.rollout, scene.observed.apply_error
    if apply_error is not None:
        return apply_error.reason
    if scene.missing:
        return Reason.CONTAINER_CONFIG_ERROR
    if rollout is not None and rollout.phase is Phase.REJECTED:
        rejection = scene.state.rejection_of(scene.snapshot.wish.revision)
        return rejection.reason if rejection else Reason.ROLLED_BACK
    if rollout is not None and rollout.phase in _GOING:
        return _going(scene, rollout)
    if scene.state.stable is None:
        return Reason.PENDING
    return (
        Reason.STABLE_UNHEALTHY
        if stable_is_sick(scene)
        else Reason.HEALTHY
        if has_its_pods(scene)
        else Reason.STARTING
    )


def _going(scene: Scene, rollout: api.RolloutStatus) -> str:
    build = scene.state.build
    if rollout.phase is Phase.BUILDING and build is not None and build.reason in set(Reason):
        return str(build.reason)
    trouble = scene.snapshot.canary(scene.state).trouble
    if rollout.phase is Phase.STARTING and rollout.waiting_for is phases.WaitingFor.CAPACITY:
        return (
            Reason.STARTING if scene.snapshot.strangers(scene.state) else Reason.REPLICAS_TOO_FEW_FOR_WEIGHT
        )
    if rollout.phase is Phase.STARTING and trouble is not None:
        return str(trouble.reason)
    return str(_GOING[rollout.phase])


def serving(scene: Scene) -> ConditionValue:
    """Whether users get answers now, whatever else goes wrong."""
    stable = scene.snapshot.stable(scene.state)
    if stable is None:
        return ConditionValue(False, Reason.PENDING, "no revision has become stable yet")
    those = answering(scene)
    if stable.revision in those:
        return ConditionValue(True, Reason.HEALTHY, f"{stable.revision} answers")
    split = split_in_force(scene)
    if not is_written(scene) and (split is None or split.stable != stable.revision):
        return ConditionValue(
            bool(those), _reason(scene), f"{stable.revision} is stable, but {routed(scene)}"
        )
    if those:
        told = f"{those[0]} answers; no pod of {stable.revision} is ready"
        return ConditionValue(True, Reason.STABLE_UNHEALTHY, told)
    if wanted_pods(scene) == 0:
        return ConditionValue(False, Reason.PENDING, f"{stable.revision} has zero replicas, as the spec asks")
    cause = "" if stable.trouble is None else f": {stable.trouble.message}"
    return ConditionValue(False, Reason.STABLE_UNHEALTHY, f"no pod of {stable.revision} is ready{cause}")


def _updated(scene: Scene, why: str) -> ConditionValue:
    if _is_updated(scene):
        return ConditionValue(
            True, Reason.HEALTHY, f"{scene.snapshot.wish.revision} is what the spec asks for"
        )
    if scene.unnamed:
        return ConditionValue(False, why, "the wanted revision has no name yet")
    return ConditionValue(False, why, f"the spec asks for {scene.snapshot.wish.revision}")


def _built(scene: Scene) -> ConditionValue:
    wish, build = scene.snapshot.wish, scene.state.build_of(scene.snapshot.wish.build_id)
    if wish.image or wish.revision in scene.snapshot.images:
        return ConditionValue(True, Reason.HEALTHY, "the image exists")
    if build is None:
        return ConditionValue(False, Reason.PENDING, "nothing has been built yet")
    done = builds.seen(build).image is not None
    return ConditionValue(done, Reason.HEALTHY if done else build.reason or Reason.BUILDING, build.message)


def _rollout_healthy(scene: Scene) -> ConditionValue:
    wanted, rollout = scene.snapshot.wish.revision, scene.state.rollout
    rejection = scene.state.rejection_of(wanted)
    if rejection is not None:
        return ConditionValue(False, rejection.reason, rejection.message)
    if rollout is not None and rollout.phase is Phase.ROLLING_BACK and rollout.revision == wanted:
        return ConditionValue(False, rollout.reason, rollout.message)
    if not wanted:
        return ConditionValue(True, Reason.PENDING, "no revision can be named yet")
    return ConditionValue(True, Reason.HEALTHY, f"nothing speaks against {wanted}")


def _condition(scene: Scene, kind: Kind, verdict: ConditionValue) -> told_conditions.Condition:
    word = told_conditions.ConditionStatus.TRUE if verdict.holds else told_conditions.ConditionStatus.FALSE
    before = scene.desired.status.condition(kind)
    same = before is not None and before.status == word
    return told_conditions.Condition(
        type=kind,
        status=word,
        reason=str(verdict.reason),
        message=verdict.message,
        observed_generation=scene.desired.generation,
        last_transition_time=before.last_transition_time
        if before is not None and same
        else scene.snapshot.now,
    )
