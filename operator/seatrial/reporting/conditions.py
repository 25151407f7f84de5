"""The conditions: three of kstatus and seven of our own, with the reasons that the rest of the program uses."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.api import conditions as api
from seatrial.api import phases
from seatrial.api.reasons import Reason, needs_new_spec
from seatrial.api.status import Status
from seatrial.core import builds
from seatrial.core.decide import Decision
from seatrial.core.state import Rollout
from seatrial.core.transitions import TABLE, Phase, at_rest
from seatrial.reporting import autoscaler
from seatrial.reporting.health import (
    is_ready,
    is_settled,
    is_stalled,
    is_updated,
    serving_revisions,
    stable_is_complete,
    stable_is_unhealthy,
    wanted_pods,
)
from seatrial.reporting.phrases import clause, joined
from seatrial.reporting.serving_message import NO_REPLICAS, not_shifted, traffic_clause
from seatrial.reporting.status_message import details, pause

Kind = api.ConditionType


@dataclass(frozen=True, slots=True)
class ConditionValue:
    """Whether a condition is true, and why."""

    holds: bool
    reason: str
    message: str = ""


def conditions(decision: Decision, before: Status) -> tuple[api.Condition, ...]:
    """Return all conditions in the order of the API; a transition time moves only with the status beside it.

    `before`: the stored status.
    """
    reason, stalled, ready = _reason(decision), is_stalled(decision), is_ready(decision)
    message = details(decision)
    values = {
        Kind.READY: ConditionValue(ready, reason, message),
        Kind.RECONCILING: ConditionValue(not ready and not stalled, reason, message),
        Kind.STALLED: ConditionValue(stalled, reason, message if stalled else ""),
        Kind.SERVING: serving(decision),
        Kind.UPDATED: _updated(decision, reason),
        Kind.BUILD_SUCCEEDED: _built(decision),
        Kind.ROLLOUT_HEALTHY: _rollout_healthy(decision),
        **_scaling_active(decision),
        Kind.PAUSED: _paused(decision),
        Kind.SETTLED: ConditionValue(is_settled(decision), reason, message),
    }
    return tuple(_condition(decision, kind, value, before) for kind, value in values.items())


def _reason(decision: Decision) -> str:
    """Return the most telling reason."""
    rollout, errors = decision.state.rollout, decision.snapshot.apply_errors
    if errors:
        # what only a person heals, and else the most harmful
        lasting = (error.reason for error in errors if needs_new_spec(error.reason))
        return next(lasting, errors[0].reason)
    if decision.snapshot.missing:
        return Reason.CONTAINER_CONFIG_ERROR
    if rollout is not None and rollout.phase is Phase.REJECTED:
        rejection = decision.state.rejection_of(decision.target.revision)
        return rejection.reason if rejection else Reason.ROLLED_BACK
    if rollout is not None and not at_rest(rollout):
        return _reason_in_progress(decision, rollout)
    return _reason_at_rest(decision)


def _reason_at_rest(decision: Decision) -> str:
    if decision.state.stable is None:
        return Reason.PENDING
    if stable_is_unhealthy(decision):
        return Reason.STABLE_UNHEALTHY
    if wanted_pods(decision) == 0:
        return Reason.STOPPED
    return Reason.HEALTHY if stable_is_complete(decision) else Reason.STARTING


def _reason_in_progress(decision: Decision, rollout: Rollout) -> str:
    build = decision.state.build
    if rollout.phase is Phase.BUILDING and build is not None and build.reason in set(Reason):
        return build.reason
    diagnosis = decision.canary_track.diagnosis
    if rollout.phase is Phase.STARTING and rollout.waiting_for is phases.WaitingFor.CAPACITY:
        others = decision.snapshot.other_revision_pods(decision.state)
        return Reason.STARTING if others else Reason.REPLICAS_TOO_FEW_FOR_WEIGHT
    if rollout.phase is Phase.STARTING and diagnosis is not None:
        return diagnosis.reason
    return TABLE[rollout.phase].reason or Reason.PENDING


def serving(decision: Decision) -> ConditionValue:
    """Return whether users get answers now, whatever else is wrong."""
    stable, track = decision.state.stable, decision.stable_track
    if stable is None or track is None:
        return ConditionValue(False, Reason.PENDING, "no revision has become stable yet")
    serving_now = serving_revisions(decision)
    if stable.revision in serving_now:
        return ConditionValue(True, Reason.HEALTHY, f"{stable.revision} serves")
    split = decision.split_in_force
    if not decision.split_is_applied and (split is None or split.stable != stable.revision):
        message = joined(not_shifted(stable.revision), traffic_clause(decision))
        return ConditionValue(bool(serving_now), _reason(decision), message)
    if serving_now:
        message = f"{serving_now[0]} serves; no pod of {stable.revision} is ready"
        return ConditionValue(True, Reason.STABLE_UNHEALTHY, message)
    if wanted_pods(decision) == 0:
        return ConditionValue(False, Reason.STOPPED, f"{stable.revision} is stopped: {NO_REPLICAS}")
    why = "" if track.diagnosis is None else f": {clause(track.diagnosis.message)}"
    return ConditionValue(False, Reason.STABLE_UNHEALTHY, f"no pod of {stable.revision} is ready{why}")


def _updated(decision: Decision, reason: str) -> ConditionValue:
    wanted = decision.target.revision
    if is_updated(decision):
        return ConditionValue(True, Reason.HEALTHY, f"{wanted} is the revision that the spec asks for")
    if not decision.target_is_named:
        return ConditionValue(False, reason, "the revision that the spec asks for is not known yet")
    return ConditionValue(False, reason, f"the spec asks for revision {wanted}")


def _built(decision: Decision) -> ConditionValue:
    target, build = decision.target, decision.build
    if target.image or target.revision in decision.snapshot.images:
        return ConditionValue(True, Reason.HEALTHY, "the image exists")
    if build is None:
        return ConditionValue(False, Reason.PENDING, "no build has started yet")
    done = builds.result_of(build).image is not None
    return ConditionValue(done, Reason.HEALTHY if done else build.reason or Reason.BUILDING, build.message)


def _rollout_healthy(decision: Decision) -> ConditionValue:
    wanted, rollout = decision.target.revision, decision.state.rollout
    rejection = decision.state.rejection_of(wanted)
    if rejection is not None:
        return ConditionValue(False, rejection.reason, rejection.message)
    if rollout is not None and rollout.phase is Phase.ROLLING_BACK and rollout.revision == wanted:
        return ConditionValue(False, rollout.reason, rollout.message)
    if not wanted:
        return ConditionValue(True, Reason.PENDING, "the revision that the spec asks for is not known yet")
    return ConditionValue(True, Reason.HEALTHY, f"{wanted} is not rejected")


def _scaling_active(decision: Decision) -> dict[Kind, ConditionValue]:
    """Return that the number of pods is not what the spec says; nothing where it is."""
    trouble = autoscaler.trouble(decision)
    if trouble is None:
        return {}
    return {Kind.SCALING_ACTIVE: ConditionValue(False, trouble.reason, trouble.message)}


def _paused(decision: Decision) -> ConditionValue:
    """Return what holds rollouts now, at rest too: the next one would not begin to move."""
    rollout, target = decision.state.rollout, decision.target
    held = rollout is not None and rollout.phase is Phase.PAUSED
    if rollout is not None and held and rollout.paused_by is phases.PausedBy.DECISION:
        return ConditionValue(True, Reason.PAUSED_BY_DECISION, joined(*pause(decision, rollout)))
    if held or (target.paused and not target.invalid):
        why, continues = target.hold
        return ConditionValue(True, Reason.PAUSED_BY_SPEC, f"{why}; {continues} to continue")
    return ConditionValue(False, Reason.NOT_PAUSED, "neither the spec nor a person pauses rollouts")


def _condition(decision: Decision, kind: Kind, value: ConditionValue, before: Status) -> api.Condition:
    status = api.ConditionStatus.TRUE if value.holds else api.ConditionStatus.FALSE
    previous = before.condition(kind)
    unchanged = previous is not None and previous.status == status
    return api.Condition(
        type=kind,
        status=status,
        reason=str(value.reason),
        message=value.message,
        observed_generation=decision.target.generation,
        last_transition_time=previous.last_transition_time if previous and unchanged else decision.now,
    )
