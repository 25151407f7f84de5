"""What is wrong, what serves, what happens next and when, and what a person must do: clauses, what matters most first.

`status.message` has as many of them as fit a line; the conditions have all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from seatrial.api import durations, phases
from seatrial.api.text import pluralize
from seatrial.core.decide import Decision
from seatrial.core.rollback import stable_can_take_over
from seatrial.core.snapshot import Track
from seatrial.core.state import ModelRevision, Rollout
from seatrial.core.target import step_of
from seatrial.core.traffic import Ready
from seatrial.core.transitions import Phase, at_rest
from seatrial.reporting import autoscaler, schedule
from seatrial.reporting.build_message import building, needs
from seatrial.reporting.check_message import checks, waiting
from seatrial.reporting.health import is_impaired, stable_is_complete, stable_is_unhealthy, wanted_pods
from seatrial.reporting.phrases import because, clause, headline, joined, missing, utc
from seatrial.reporting.remedies import remedy
from seatrial.reporting.serving_message import (
    NO_REPLICAS,
    cause,
    meanwhile,
    not_shifted,
    ready_pods,
    traffic_clause,
)
from seatrial.reporting.starting_message import deadline, needed_pods, starting

Clauses = tuple[str, ...]
"""Parts of a message, what matters most first; empty ones are left out."""


def message(decision: Decision) -> str:
    """Return `status.message`: one line for `kubectl get`, its cause first."""
    return headline(_clauses(decision))


def details(decision: Decision) -> str:
    """Return all that is known: the message of the conditions."""
    return joined(*_clauses(decision))


def _clauses(decision: Decision) -> Clauses:
    impairment = _impairment(decision)
    said = {impairment, meanwhile(decision)} if impairment else set()
    return (
        *_not_written(decision),
        *_missing_for_pods(decision),
        impairment,
        *(text for text in _of_phase(decision) if text not in said),
    )


def _not_written(decision: Decision) -> Iterator[str]:
    """Yield the failed write that harms users most, and how many more there are."""
    errors = decision.snapshot.apply_errors
    yield from (clause(error.message) for error in errors[:1])
    if len(errors) > 1:
        yield f"{pluralize(len(errors) - 1, 'more child', 'more children')} could not be written"


def _impairment(decision: Decision) -> str:
    """Return what hurts users, whatever else goes on; empty where nothing does."""
    stable = decision.stable_track
    if stable is None or not is_impaired(decision):
        return ""
    sick = at_rest(decision.state.rollout) and stable_is_unhealthy(decision)
    return _unhealthy(decision, stable) if sick else meanwhile(decision)


def _unhealthy(decision: Decision, stable: Track) -> str:
    serves = "serves" if stable.ready else "is not serving"
    pods = ready_pods(stable, wanted_pods(decision))
    return joined(f"{stable.revision} {serves}: {pods}", cause(stable))


def missing_references(decision: Decision) -> str:
    """Return what has to be created before the rollout can continue; empty where nothing has."""
    if decision.snapshot.missing:
        return joined(*_missing_for_pods(decision))
    rollout, missing_for_build = decision.state.rollout, decision.snapshot.missing_for_build
    if rollout is None or rollout.phase is not Phase.BUILDING or decision.build is not None:
        return ""
    return joined(f"{rollout.revision}: waiting to build", needs(decision)) if missing_for_build else ""


def _missing_for_pods(decision: Decision) -> Clauses:
    if not decision.snapshot.missing:
        return ()
    what, create = missing(decision.snapshot.missing)
    return what, f"{create}, or mark the reference optional"


def _of_phase(decision: Decision) -> Clauses:
    rollout = decision.state.rollout
    if rollout is not None and rollout.phase in MESSAGES:
        return MESSAGES[rollout.phase](decision, rollout)
    return _at_rest(decision)


def _at_rest(decision: Decision) -> Clauses:
    stable, track = decision.state.stable, decision.stable_track
    if stable is None or track is None:
        return ("no revision has started yet",)
    if stable_is_unhealthy(decision):
        return (_unhealthy(decision, track),)
    if wanted_pods(decision) == 0:
        return f"{stable.revision} is stopped: {NO_REPLICAS}", "raise it to serve", _rests_paused(decision)
    return _serves(decision, stable, track)


def _serves(decision: Decision, stable: ModelRevision, track: Track) -> Clauses:
    if not decision.split_is_applied:
        return not_shifted(stable.revision), traffic_clause(decision)
    if not stable_is_complete(decision):
        return f"{stable.revision} serves: {ready_pods(track, wanted_pods(decision))}", _rests_paused(
            decision
        )
    if hint := autoscaler.hint(decision):
        return joined(f"{stable.revision} serves", hint), _rests_paused(decision)
    recovered = "" if decision.state.rollout else "the status was lost and recovered from the children"
    served = f"{stable.revision} has served all traffic since {utc(stable.since)}"
    return served, _rests_paused(decision), recovered


def _rests_paused(decision: Decision) -> str:
    paused = decision.target.paused and not decision.target.invalid
    return "paused: spec.paused is true" if paused else ""


def _shifting(decision: Decision, rollout: Rollout) -> Clauses:
    track, needed = decision.canary_track, needed_pods(decision, rollout)
    step, share = step_of(decision.target, rollout), _share(decision, rollout)
    if rollout.weight < step.weight:
        pods = f"waiting for {step.weight} %: {ready_pods(track, needed)}"
        serves = "" if decision.canary_receives_traffic and decision.split_is_applied else meanwhile(decision)
        return joined(share, pods, cause(track)), serves, deadline(decision, rollout)
    if not decision.split_is_applied:
        return share, f"step {rollout.step} starts when it is applied", meanwhile(decision)
    following, at = _following(decision, rollout), schedule.next_transition(decision)
    if rollout.waiting_for is phases.WaitingFor.EVIDENCE:
        waits = f"{following} waits for {waiting(rollout)}"
        return joined(f"{share}, {waits}", cause(track)), *checks(rollout)[1:]
    if at is None:
        waits = f"{following} waits: {ready_pods(track, needed)}"
        return joined(share, waits, cause(track)), deadline(decision, rollout), *checks(rollout)
    return joined(f"{share}, {following} at {utc(at, decision.now)}", cause(track)), *checks(rollout)


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


def _paused(decision: Decision, rollout: Rollout) -> Clauses:
    paused, continues = pause(decision, rollout, f" since {utc(rollout.paused_at, decision.now)}")
    return f"{rollout.revision}: {paused}", cause(decision.canary_track), continues, meanwhile(decision)


def pause(decision: Decision, rollout: Rollout, since: str = "") -> tuple[str, str]:
    """Return that a rollout is paused and by what, and what lets it continue."""
    share = f" at {rollout.weight} % of traffic" if decision.canary_receives_traffic else ""
    if rollout.paused_by is not phases.PausedBy.DECISION:
        why, continues = decision.target.hold
        return f"paused{share}{since}: {why}", f"{continues} to continue"
    paused = clause(rollout.message) or "paused by a RolloutDecision"
    return f"{paused}{share}{since}", "a RolloutDecision with action Resume continues it"


def _promoting(decision: Decision, rollout: Rollout) -> Clauses:
    track = decision.canary_track
    promoting = f"{rollout.revision}: promoting, {ready_pods(track, decision.replica_plan.full)}"
    return joined(promoting, cause(track)), meanwhile(decision), deadline(decision, rollout)


def _rolling_back(decision: Decision, rollout: Rollout) -> Clauses:
    if rollout.weight and not stable_can_take_over(decision.state, decision.inputs):
        return _blocked_rollback(decision, rollout)
    why = because(rollout.reason, rollout.message)
    if not decision.split_is_applied:
        return meanwhile(decision), f"{rollout.revision}: the rollback{why} is not applied yet"
    rolling_back = f"{rollout.revision}: rolling back{why}"
    return rolling_back, meanwhile(decision), _end_of_pods(decision, rollout)


def _end_of_pods(decision: Decision, rollout: Rollout) -> str:
    """Return when the canary's pods stop: the delay begins once its traffic is seen to have moved."""
    if rollout.users_since is not None and rollout.step_started_at is None:
        return "its traffic moves to stable, then its pods stop"
    leave_at = schedule.next_transition(decision)
    return f"its pods stop at {utc(leave_at, decision.now)}" if leave_at else "its pods are stopping"


def _blocked_rollback(decision: Decision, rollout: Rollout) -> Clauses:
    stable = decision.stable_track
    name, failing = ("stable", "") if stable is None else (stable.revision, cause(stable))
    keeps = (
        f"{rollout.revision} receives all traffic until then"
        if decision.split_is_applied
        else traffic_clause(decision)
    )
    return (
        joined(f"{rollout.revision}: cannot roll back until a pod of {name} is ready", failing),
        keeps,
        f"rolls back{because(rollout.reason, rollout.message)}",
    )


def _rejected(decision: Decision, rollout: Rollout) -> Clauses:
    rejection = decision.state.rejection_of(decision.target.revision)
    if rejection is None:
        return f"{rollout.revision}: rejected", meanwhile(decision)
    rejected = f"{rejection.revision}: rejected{because(rejection.reason, rejection.message)}"
    helps, stable = remedy(rejection.reason), decision.state.stable
    if stable is not None and stable.revision == rejection.revision:
        failed = f"the rollback to {rollout.revision} failed{because(rollout.reason, rollout.message)}"
        return failed, meanwhile(decision), rejected, f"{helps} to keep {rejection.revision}"
    return rejected, meanwhile(decision), helps


MESSAGES: dict[Phase, Callable[[Decision, Rollout], Clauses]] = {
    Phase.BUILDING: building,
    Phase.STARTING: starting,
    Phase.SHIFTING: _shifting,
    Phase.PAUSED: _paused,
    Phase.PROMOTING: _promoting,
    Phase.ROLLING_BACK: _rolling_back,
    Phase.REJECTED: _rejected,
}
