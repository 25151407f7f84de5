"""`status.message`: what is wrong, what serves, what happens next and when, and what a person must do."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta

from seatrial.api import durations, phases
from seatrial.api.text import is_or_are, pluralize
from seatrial.core.decide import Decision
from seatrial.core.rollback import stable_can_take_over
from seatrial.core.state import Build, Rollout
from seatrial.core.target import step_of
from seatrial.core.traffic import Ready
from seatrial.core.transitions import Phase
from seatrial.reporting import autoscaler, schedule
from seatrial.reporting.health import stable_is_complete, stable_is_unhealthy, wanted_pods
from seatrial.reporting.phrases import clause, utc
from seatrial.reporting.serving_message import cause, listed, meanwhile, ready_pods, routed

RETRY_REMEDY = "apply a changed spec, or create a RolloutDecision with action Retry"


def message(decision: Decision) -> str:
    """Return the message, what is wrong first: `kubectl get` cuts the end."""
    apply_error = decision.snapshot.apply_error
    failed = [] if apply_error is None else [clause(apply_error.message)]
    missing = [missing_references(decision)] if decision.snapshot.missing else []
    return "; ".join([*failed, *missing, _of_phase(decision)])


def missing_references(decision: Decision) -> str:
    """Return what has to be created before the rollout can continue; empty where nothing has."""
    if decision.snapshot.missing:
        missing = listed(decision.snapshot.missing)
        return f"waiting for {missing}, which the spec refers to; create it, or mark the reference optional"
    rollout, missing_for_build = decision.state.rollout, decision.snapshot.missing_for_build
    if rollout is None or rollout.phase is not Phase.BUILDING or decision.build is not None:
        return ""
    return f"{rollout.revision}: waiting to build{_needs(decision)}" if missing_for_build else ""


def _needs(decision: Decision) -> str:
    missing = decision.snapshot.missing_for_build
    return f"; the build needs {listed(missing)}, create it" if missing else ""


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
        serves = "serves" if track.ready else "serves nothing"
        return f"{stable.revision} {serves}: {ready_pods(track, wanted)}{cause(track)}"
    if wanted == 0:
        return f"{stable.revision} serves nothing: zero replicas are asked for; raise spec.scaling.replicas"
    if not decision.split_is_applied:
        return f"{stable.revision} is stable, but {routed(decision)}"
    if not stable_is_complete(decision):
        return f"{stable.revision} serves: {ready_pods(track, wanted)}"
    since = utc(stable.since)
    recovered = "" if decision.state.rollout else "; its status was lost and recovered from its children"
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
        f"; attempt {build.attempt + 1} at {utc(retry, decision.now)}" if retry and not needs else needs
    )
    return f"build attempt {build.attempt} failed, {build.reason}: {clause(build.message)}{following}"


def _starting(decision: Decision, rollout: Rollout) -> str:
    track = decision.canary_track
    if (others := decision.snapshot.other_revision_pods(decision.state)) > 0:
        pods = f"{pluralize(others, 'pod')} of older revisions {is_or_are(others, of=others)} gone"
        leave_at = decision.idle_pods_leave_at
        known = leave_at is not None and leave_at > decision.now
        stop = f"; they stop at {utc(leave_at, decision.now)}" if known else ""
        return f"{rollout.revision}: waiting until {pods}{stop}{meanwhile(decision)}"
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
        f"waiting, since one canary pod beside {stable} would receive more than {weight} % of traffic; set at least "
        f"{enough} replicas, or set spec.traffic.replicas.whenTooFew to Proceed"
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
        return f"{share}; step {rollout.step} begins once it is{meanwhile(decision)}"
    following, at = _following(decision, rollout), schedule.next_transition(decision)
    if at is None:
        pods = f"{ready_pods(track, needed)}{cause(track)}"
        return f"{share}, {following} once all its pods are ready: {pods}{_deadline(decision, rollout)}"
    return f"{share}, {following} at {utc(at, decision.now)}{cause(track)}"


def _share(decision: Decision, rollout: Rollout) -> str:
    canary = f"canary {rollout.revision}"
    if not decision.split_is_applied:
        return f"{canary}: {rollout.weight} % of traffic is not applied yet"
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
    share = f" at {rollout.weight} % of traffic" if decision.canary_receives_traffic else ""
    since, why = utc(rollout.paused_at, decision.now), pause_reason(decision, rollout)
    failing = cause(decision.canary_track)
    return f"{rollout.revision}: paused{share} since {since}: {why}{failing}{meanwhile(decision)}"


def pause_reason(decision: Decision, rollout: Rollout) -> str:
    """Return what holds a rollout, and what lets it continue."""
    if rollout.paused_by is not phases.PausedBy.DECISION:
        return f"{decision.target.hold_reason} to continue"
    paused = clause(rollout.message) or "paused by a RolloutDecision"
    return f"{paused}; create a RolloutDecision with action Resume to continue"


def _promoting(decision: Decision, rollout: Rollout) -> str:
    track = decision.canary_track
    pods = f"{ready_pods(track, decision.replica_plan.full)}{cause(track)}"
    return f"{rollout.revision}: promoting, {pods}{_deadline(decision, rollout)}{meanwhile(decision)}"


def _rolling_back(decision: Decision, rollout: Rollout) -> str:
    why = f"{rollout.reason}: {clause(rollout.message)}"
    if rollout.weight and not stable_can_take_over(decision.state, decision.inputs):
        return f"{rollout.revision}: {_blocked_rollback(decision, why)}"
    if not decision.split_is_applied:
        return f"{rollout.revision}: rolling back is not applied yet, {why}{meanwhile(decision)}"
    leave_at = schedule.next_transition(decision)
    stop = f"; its pods stop at {utc(leave_at, decision.now)}" if leave_at else "; its pods are stopping"
    return f"{rollout.revision}: rolling back, {why}{stop}{meanwhile(decision)}"


def _blocked_rollback(decision: Decision, why: str) -> str:
    stable = decision.stable_track
    keeps = "it keeps all traffic until one is" if decision.split_is_applied else routed(decision)
    failing = "" if stable is None else cause(stable)
    return f"cannot roll back ({why}), because no pod of stable is ready; {keeps}{failing}"


def _rejected(decision: Decision, rollout: Rollout) -> str:
    rejection = decision.state.rejection_of(decision.target.revision)
    if rejection is None:
        return f"{rollout.revision}: rejected{meanwhile(decision)}"
    why = f"{rejection.reason}: {clause(rejection.message)}"
    rejected = f"{rejection.revision}: rejected at {utc(rejection.at)}, {why}"
    stable = decision.state.stable
    if stable is not None and stable.revision == rejection.revision:
        failed = f"the rollback to {rollout.revision} failed, {rollout.reason}: {clause(rollout.message)}"
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
