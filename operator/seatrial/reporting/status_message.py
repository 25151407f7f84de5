"""`status.message`: what is wrong, what serves, what happens next and when, and what a person must do."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta

from seatrial.api import durations, phases
from seatrial.api.text import pluralize
from seatrial.core.decide import Decision
from seatrial.core.rollback import stable_can_take_over
from seatrial.core.state import Build, Rollout
from seatrial.core.target import step_of
from seatrial.core.traffic import Ready
from seatrial.core.transitions import Phase
from seatrial.reporting import autoscaler, schedule
from seatrial.reporting.health import stable_is_complete, stable_is_unhealthy, wanted_pods
from seatrial.reporting.phrases import because, clause, missing, utc
from seatrial.reporting.serving_message import (
    cause,
    meanwhile,
    not_shifted_message,
    ready_pods,
    traffic_clause,
)

RETRY_REMEDY = "apply a changed spec, or create a RolloutDecision with action Retry"


def message(decision: Decision) -> str:
    """Return the message, what is wrong first: `kubectl get` cuts the end."""
    errors = decision.snapshot.apply_errors
    failed = [clause(error.message) for error in errors[:1]]
    if len(errors) > 1:
        failed.append(f"{pluralize(len(errors) - 1, 'more child', 'more children')} could not be written")
    waiting = [missing_references(decision)] if decision.snapshot.missing else []
    return "; ".join([*failed, *waiting, _of_phase(decision)])


def missing_references(decision: Decision) -> str:
    """Return what has to be created before the rollout can continue; empty where nothing has."""
    if decision.snapshot.missing:
        return f"{missing(decision.snapshot.missing)}, or mark the reference optional"
    rollout, missing_for_build = decision.state.rollout, decision.snapshot.missing_for_build
    if rollout is None or rollout.phase is not Phase.BUILDING or decision.build is not None:
        return ""
    return f"{rollout.revision}: waiting to build{_needs(decision)}" if missing_for_build else ""


def _needs(decision: Decision) -> str:
    references = decision.snapshot.missing_for_build
    return f"; {missing(references)}" if references else ""


def _of_phase(decision: Decision) -> str:
    rollout = decision.state.rollout
    if rollout is not None and rollout.phase in MESSAGES:
        return MESSAGES[rollout.phase](decision, rollout)
    return _at_rest(decision)


def _at_rest(decision: Decision) -> str:
    stable, track = decision.state.stable, decision.stable_track
    if stable is None or track is None:
        return "no revision has started yet"
    wanted = wanted_pods(decision)
    if stable_is_unhealthy(decision):
        serves = "serves" if track.ready else "is not serving"
        return f"{stable.revision} {serves}: {ready_pods(track, wanted)}{cause(track)}"
    if wanted == 0:
        return f"{stable.revision} is not serving: spec.scaling.replicas is 0; raise it"
    if not decision.split_is_applied:
        return not_shifted_message(decision, stable.revision)
    if not stable_is_complete(decision):
        return f"{stable.revision} serves: {ready_pods(track, wanted)}"
    since = utc(stable.since)
    recovered = (
        "" if decision.state.rollout else "; the status was lost and has been recovered from the children"
    )
    return f"{stable.revision} has served all traffic since {since}{recovered}{autoscaler.hint(decision)}"


def _building(decision: Decision, rollout: Rollout) -> str:
    build, now = decision.build, decision.now
    if build is None:
        return f"{rollout.revision}: waiting to build{_needs(decision)}{meanwhile(decision)}"
    if build.phase is phases.BuildPhase.FAILED:
        return f"{rollout.revision}: {_failed_build(decision, build)}{meanwhile(decision)}"
    waiting = f"; {build.reason}: {clause(build.message)}" if build.reason else ""
    since = f"since {utc(build.started_at, now)}, attempt {build.attempt}"
    return f"{rollout.revision}: building {since}{waiting}{meanwhile(decision)}"


def _failed_build(decision: Decision, build: Build) -> str:
    retry = schedule.next_transition(decision)
    needs = _needs(decision)
    following = (
        f"; attempt {build.attempt + 1} starts at {utc(retry, decision.now)}"
        if retry and not needs
        else needs
    )
    return f"build attempt {build.attempt} failed with {build.reason}: {clause(build.message)}{following}"


def _starting(decision: Decision, rollout: Rollout) -> str:
    track = decision.canary_track
    if (others := decision.snapshot.other_revision_pods(decision.state)) > 0:
        leave_at = decision.idle_pods_leave_at
        known = leave_at is not None and leave_at > decision.now
        stop = f" at {utc(leave_at, decision.now)}" if known else ""
        pods = f"{pluralize(others, 'pod')} of other revisions"
        return f"{rollout.revision}: waiting for {pods} to stop{stop}{meanwhile(decision)}"
    if rollout.waiting_for is phases.WaitingFor.CAPACITY and decision.target.steps:
        return f"{rollout.revision}: {_too_few_replicas(decision)}{meanwhile(decision)}"
    pods = f"{ready_pods(track, _needed(decision, rollout))}{cause(track)}"
    return f"{rollout.revision}: starting, {pods}{_deadline(decision, rollout)}{meanwhile(decision)}"


def _too_few_replicas(decision: Decision) -> str:
    weight, stable, router = (
        decision.target.steps[0].weight,
        decision.replica_plan.full,
        decision.target.router,
    )
    counts = itertools.count(stable + 1)
    enough = next(count for count in counts if not router.waits_for_replicas(weight, stable=count))
    return (
        f"waiting, because one canary pod beside {pluralize(stable, 'stable pod')} would receive more than {weight} % "
        f"of traffic; raise spec.scaling to {enough} replicas, or set spec.traffic.replicas.whenTooFew to Proceed"
    )


def _needed(decision: Decision, rollout: Rollout) -> int:
    plan = decision.replica_plan
    if rollout.phase is Phase.PROMOTING or rollout.steps == 0 or not plan.at_step:
        return plan.full
    return plan.at_step[max(min(rollout.step, len(plan.at_step)), 1) - 1]


def _deadline(decision: Decision, rollout: Rollout) -> str:
    if rollout.progressed_at is None:
        return ""
    ends = utc(rollout.progressed_at + decision.target.progress_deadline, decision.now)
    return f"; rejected at {ends} unless another pod becomes ready"


def _shifting(decision: Decision, rollout: Rollout) -> str:
    track, needed = decision.canary_track, _needed(decision, rollout)
    step, share = step_of(decision.target, rollout), _share(decision, rollout)
    if rollout.weight < step.weight:
        pods = f"waiting for {step.weight} %: {ready_pods(track, needed)}"
        serves = "" if decision.canary_receives_traffic and decision.split_is_applied else meanwhile(decision)
        return f"{share}; {pods}{cause(track)}{_deadline(decision, rollout)}{serves}"
    if not decision.split_is_applied:
        return f"{share}; step {rollout.step} starts when it is applied{meanwhile(decision)}"
    following, at = _following(decision, rollout), schedule.next_transition(decision)
    if at is None:
        pods = f"{ready_pods(track, needed)}{cause(track)}"
        return f"{share}, {following} once all its pods are ready: {pods}{_deadline(decision, rollout)}"
    return f"{share}, {following} at {utc(at, decision.now)}{cause(track)}"


def _share(decision: Decision, rollout: Rollout) -> str:
    canary = f"canary {rollout.revision}"
    if not decision.split_is_applied:
        return f"{canary}: the weight of {rollout.weight} % is not applied yet"
    if not decision.canary_receives_traffic:
        return f"{canary}: no traffic, because no pod was ready"
    paused = timedelta(seconds=rollout.paused_seconds or 0)
    pause = f", paused for {durations.format_duration(paused)}" if paused else ""
    return f"{canary}: {rollout.weight} % of traffic{actual_share(decision, rollout)}{pause}"


def _following(decision: Decision, rollout: Rollout) -> str:
    steps = decision.target.steps
    return "promotion" if rollout.step >= len(steps) else f"next step {steps[rollout.step].weight} %"


def actual_share(decision: Decision, rollout: Rollout) -> str:
    """Return the share that the canary can have, in brackets, where it differs from what is asked for."""
    canary, stable, split = decision.canary_track, decision.stable_track, decision.split
    if stable is None or split is None:
        return ""
    ready = Ready(stable=stable.ready, canary=canary.ready)
    share = decision.target.router.actual_weight(split, ready)
    if share == rollout.weight:
        return ""
    return f" (actual {share} %: {pluralize(canary.ready, 'pod')} beside {stable.ready})"


def _paused(decision: Decision, rollout: Rollout) -> str:
    since, failing = utc(rollout.paused_at, decision.now), cause(decision.canary_track)
    return f"{rollout.revision}: {pause(decision, rollout, f' since {since}')}{failing}{meanwhile(decision)}"


def pause(decision: Decision, rollout: Rollout, since: str = "") -> str:
    """Return that a rollout is paused, by what, and what lets it continue."""
    share = f" at {rollout.weight} % of traffic" if decision.canary_receives_traffic else ""
    if rollout.paused_by is not phases.PausedBy.DECISION:
        return f"paused{share}{since}: {decision.target.hold_reason} to continue"
    paused = clause(rollout.message) or "paused by a RolloutDecision"
    return f"{paused}{share}{since}; create a RolloutDecision with action Resume to continue"


def _promoting(decision: Decision, rollout: Rollout) -> str:
    track = decision.canary_track
    pods = f"{ready_pods(track, decision.replica_plan.full)}{cause(track)}"
    return f"{rollout.revision}: promoting, {pods}{_deadline(decision, rollout)}{meanwhile(decision)}"


def _rolling_back(decision: Decision, rollout: Rollout) -> str:
    if rollout.weight and not stable_can_take_over(decision.state, decision.inputs):
        return f"{rollout.revision}: {_blocked_rollback(decision, rollout)}"
    rolling_back = f"{rollout.revision}: rolling back{because(rollout.reason, rollout.message)}"
    if not decision.split_is_applied:
        return f"{rolling_back}; not applied yet{meanwhile(decision)}"
    leave_at = schedule.next_transition(decision)
    stop = f"; its pods stop at {utc(leave_at, decision.now)}" if leave_at else "; its pods are stopping"
    return f"{rolling_back}{stop}{meanwhile(decision)}"


def _blocked_rollback(decision: Decision, rollout: Rollout) -> str:
    stable = decision.stable_track
    name, failing = ("stable", "") if stable is None else (stable.revision, cause(stable))
    keeps = (
        f"{rollout.revision} receives all traffic until a pod of {name} is ready"
        if decision.split_is_applied
        else traffic_clause(decision)
    )
    why = because(rollout.reason, rollout.message)
    return f"cannot roll back{why}, because no pod of {name} is ready{failing}; {keeps}"


def _rejected(decision: Decision, rollout: Rollout) -> str:
    rejection = decision.state.rejection_of(decision.target.revision)
    if rejection is None:
        return f"{rollout.revision}: rejected{meanwhile(decision)}"
    why = because(rejection.reason, rejection.message)
    at = "" if rejection.at is None else f" at {utc(rejection.at)}"
    rejected = f"{rejection.revision}: rejected{at}{why}"
    stable = decision.state.stable
    if stable is not None and stable.revision == rejection.revision:
        failed = f"the rollback to {rollout.revision} failed{because(rollout.reason, rollout.message)}"
        return f"{rejected}; {failed}; {RETRY_REMEDY} to keep {rejection.revision}{meanwhile(decision)}"
    return f"{rejected}; {RETRY_REMEDY}{meanwhile(decision)}"


MESSAGES: dict[Phase, Callable[[Decision, Rollout], str]] = {
    Phase.BUILDING: _building,
    Phase.STARTING: _starting,
    Phase.SHIFTING: _shifting,
    Phase.PAUSED: _paused,
    Phase.PROMOTING: _promoting,
    Phase.ROLLING_BACK: _rolling_back,
    Phase.REJECTED: _rejected,
}
