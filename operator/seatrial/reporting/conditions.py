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
class Verdict:
    """Whether a condition holds, and why."""

    holds: bool
    reason: str
    message: str = ""


def conditions(scene: Scene, message: str) -> tuple[told_conditions.Condition, ...]:
    """All conditions, in the order of the API; a transition time moves only with the status beside it."""
    why = _reason(scene)
    verdicts = {
        Kind.READY: Verdict(is_ready(scene), Reason.HEALTHY if is_ready(scene) else why, message),
        Kind.RECONCILING: Verdict(_reconciling(scene), why, message),
        Kind.STALLED: Verdict(is_stalled(scene), why, message if is_stalled(scene) else ""),
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
    rollout = scene.memory.rollout
    return rollout is None or rollout.phase in AT_REST


def _reconciling(scene: Scene) -> bool:
    return not is_ready(scene) and not is_stalled(scene)


def _is_updated(scene: Scene) -> bool:
    stable = scene.memory.stable
    return stable is not None and stable.revision == scene.at.wish.revision and not scene.unnamed


def _reason(scene: Scene) -> str:
    """The most telling word of now."""
    rollout, setback = scene.memory.rollout, scene.observed.setback
    if setback is not None:
        return setback.reason
    if scene.missing:
        return Reason.CONTAINER_CONFIG_ERROR
    if rollout is not None and rollout.phase is Phase.REJECTED:
        rejection = scene.memory.rejection_of(scene.at.wish.revision)
        return rejection.reason if rejection else Reason.ROLLED_BACK
    if rollout is not None and rollout.phase in _GOING:
        return _going(scene, rollout)
    if scene.memory.stable is None:
        return Reason.PENDING
    return (
        Reason.STABLE_UNHEALTHY
        if stable_is_sick(scene)
        else Reason.HEALTHY
        if has_its_pods(scene)
        else Reason.STARTING
    )


def _going(scene: Scene, rollout: api.RolloutStatus) -> str:
    build = scene.memory.build
    if rollout.phase is Phase.BUILDING and build is not None and build.reason in set(Reason):
        return str(build.reason)
    trouble = scene.at.canary(scene.memory).trouble
    if rollout.phase is Phase.STARTING and rollout.waiting_for is phases.WaitingFor.CAPACITY:
        return Reason.STARTING if scene.at.strangers(scene.memory) else Reason.REPLICAS_TOO_FEW_FOR_WEIGHT
    if rollout.phase is Phase.STARTING and trouble is not None:
        return str(trouble.reason)
    return str(_GOING[rollout.phase])


def serving(scene: Scene) -> Verdict:
    """Whether users get answers now, whatever else goes wrong."""
    stable = scene.at.stable(scene.memory)
    if stable is None:
        return Verdict(False, Reason.PENDING, "no revision has become stable yet")
    those = answering(scene)
    if stable.revision in those:
        return Verdict(True, Reason.HEALTHY, f"{stable.revision} answers")
    split = split_in_force(scene)
    if not is_written(scene) and (split is None or split.stable != stable.revision):
        return Verdict(bool(those), _reason(scene), f"{stable.revision} is stable, but {routed(scene)}")
    if those:
        told = f"{those[0]} answers; no pod of {stable.revision} is ready"
        return Verdict(True, Reason.STABLE_UNHEALTHY, told)
    if wanted_pods(scene) == 0:
        return Verdict(False, Reason.PENDING, f"{stable.revision} has zero replicas, as the spec asks")
    cause = "" if stable.trouble is None else f": {stable.trouble.message}"
    return Verdict(False, Reason.STABLE_UNHEALTHY, f"no pod of {stable.revision} is ready{cause}")


def _updated(scene: Scene, why: str) -> Verdict:
    if _is_updated(scene):
        return Verdict(True, Reason.HEALTHY, f"{scene.at.wish.revision} is what the spec asks for")
    if scene.unnamed:
        return Verdict(False, why, "the wanted revision has no name yet")
    return Verdict(False, why, f"the spec asks for {scene.at.wish.revision}")


def _built(scene: Scene) -> Verdict:
    wish, build = scene.at.wish, scene.memory.build_of(scene.at.wish.build_id)
    if wish.image or wish.revision in scene.at.images:
        return Verdict(True, Reason.HEALTHY, "the image exists")
    if build is None:
        return Verdict(False, Reason.PENDING, "nothing has been built yet")
    done = builds.seen(build).image is not None
    return Verdict(done, Reason.HEALTHY if done else build.reason or Reason.BUILDING, build.message)


def _rollout_healthy(scene: Scene) -> Verdict:
    wanted, rollout = scene.at.wish.revision, scene.memory.rollout
    rejection = scene.memory.rejection_of(wanted)
    if rejection is not None:
        return Verdict(False, rejection.reason, rejection.message)
    if rollout is not None and rollout.phase is Phase.ROLLING_BACK and rollout.revision == wanted:
        return Verdict(False, rollout.reason, rollout.message)
    if not wanted:
        return Verdict(True, Reason.PENDING, "no revision can be named yet")
    return Verdict(True, Reason.HEALTHY, f"nothing speaks against {wanted}")


def _condition(scene: Scene, kind: Kind, verdict: Verdict) -> told_conditions.Condition:
    word = told_conditions.ConditionStatus.TRUE if verdict.holds else told_conditions.ConditionStatus.FALSE
    before = scene.desired.status.condition(kind)
    same = before is not None and before.status == word
    return told_conditions.Condition(
        type=kind,
        status=word,
        reason=str(verdict.reason),
        message=verdict.message,
        observed_generation=scene.desired.generation,
        last_transition_time=before.last_transition_time if before is not None and same else scene.at.now,
    )
