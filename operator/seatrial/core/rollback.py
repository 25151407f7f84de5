"""The way back: what ends a rollout, and how its users and pods are taken home first."""

from __future__ import annotations

from dataclasses import replace

from seatrial.api import phases, reasons
from seatrial.api import status as api
from seatrial.api.text import pluralize
from seatrial.core import snapshot, transitions
from seatrial.core.snapshot import Snapshot
from seatrial.core.state import RolloutState, changed
from seatrial.core.transitions import Phase

Reason = reasons.Reason
EXITS = frozenset({Reason.CRASH_LOOP, Reason.OUT_OF_MEMORY})
"""What is said of a container that has ended and is started again."""


def fail(state: RolloutState, snapshot: Snapshot, reason: Reason, message: str) -> RolloutState:
    """The rollout is on its way back because of `reason`; users leave the canary with this decision."""
    if state.rollout is None:
        raise transitions.IllegalTransition("no rollout to fail")
    canary = state.canary and changed(state.canary, failure=_failure(snapshot.canary(state), reason, message))
    going = transitions.transition(
        state.rollout,
        Phase.ROLLING_BACK,
        reason=reason,
        message=message,
        progressed_at=None,
        paused_at=None,
        paused_by=None,
        waiting_for=None,
    )
    return replace(state, canary=canary, rollout=transitions.restart_step_clock(going, snapshot.now))


def _failure(seen: snapshot.Track, reason: Reason, message: str) -> api.Failure:
    trouble = seen.trouble
    if trouble is None:
        return api.Failure(reason=reason, message=message)
    return api.Failure(
        reason=reason,
        message=message,
        pod=trouble.pod,
        exit_code=trouble.exit_code,
        restarts=trouble.restarts,
    )


def supersede(state: RolloutState, snapshot: Snapshot) -> RolloutState:
    """The spec asks for something else: this rollout goes home without being blamed."""
    return fail(state, snapshot, Reason.SUPERSEDED, f"revision {snapshot.wish.revision} is asked for now")


def why_not_starting(
    state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot, *, needed: int
) -> RolloutState | None:
    """What happens instead of going on while fewer than `needed` pods are available; None when they all are."""
    seen = snapshot.canary(state)
    available, trouble = seen.available, seen.trouble
    if (fatal := _fatal(rollout, seen, snapshot)) is not None:
        return fail(state, snapshot, fatal.reason, fatal.message)
    if available >= needed:
        return None
    if snapshot.blocked and seen.wanted < needed:
        return replace(state, rollout=transitions.wait_for(rollout, phases.WaitingFor.READINESS))
    running = transitions.record_progress(rollout, available, snapshot.now)
    if transitions.deadline_exceeded(running, snapshot.wish.progress_deadline, snapshot.now):
        return fail(state, snapshot, Reason.PROGRESS_DEADLINE_EXCEEDED, _too_slow(available, needed, trouble))
    return replace(state, rollout=transitions.changed(running, waiting_for=phases.WaitingFor.READINESS))


def _too_slow(available: int, needed: int, trouble: snapshot.Diagnosis | None) -> str:
    cause = "no pod says why" if trouble is None else f"{trouble.reason}: {trouble.message}"
    pods = pluralize(needed, "pod")
    return f"the progress deadline ended with {available} of {pods} available; {cause}"


def why_not_with_users(
    state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot
) -> RolloutState | None:
    """What happens instead of going on when the canary's containers die under its users."""
    if rollout.users_since is None:
        return None
    seen = snapshot.canary(state)
    exits, count = seen.exits_since(rollout.users_since), exits_under_users(rollout, seen)
    if count > snapshot.wish.max_restarts:
        return fail(
            state, snapshot, _word_for(exits), _exits_sentence(exits, count, snapshot.wish.max_restarts)
        )
    if (fatal := _fatal(rollout, seen, snapshot)) is not None:
        return fail(state, snapshot, fatal.reason, fatal.message)
    return None


def exits_under_users(rollout: api.RolloutStatus, seen: snapshot.Track) -> int:
    """Abnormal exits since the canary first had users; those that its pods brought along do not count."""
    if rollout.users_since is None:
        return 0
    exits = seen.exits_since(rollout.users_since)
    return max(sum(e.restarts for e in exits) - (rollout.exits_before or 0), len(exits))


def _fatal(rollout: api.RolloutStatus, seen: snapshot.Track, snapshot: Snapshot) -> snapshot.Diagnosis | None:
    """The trouble that waiting does not help, unless it is nothing but exits that `maxRestarts` bears."""
    trouble = seen.trouble
    if trouble is None or not trouble.terminal:
        trouble = _evicted(rollout, seen)
    if trouble is None:
        return None
    borne = 0 < exits_under_users(rollout, seen) <= snapshot.wish.max_restarts
    return None if borne and trouble.reason in EXITS else trouble


def _evicted(rollout: api.RolloutStatus, seen: snapshot.Track) -> snapshot.Diagnosis | None:
    """No pod answers, and one of this rollout has gone for its own use of disk: so would the next."""
    if seen.available or rollout.started_at is None:
        return None
    gone = [e for e in seen.exits_since(rollout.started_at) if e.eviction]
    if not gone:
        return None
    last = max(gone, key=lambda e: e.at)
    return snapshot.Diagnosis(
        reason=Reason.CRASH_LOOP,
        message=last.eviction,
        pod=last.pod,
        exit_code=last.code,
        restarts=last.restarts,
    )


def _word_for(exits: tuple[snapshot.AbnormalExit, ...]) -> Reason:
    return Reason.OUT_OF_MEMORY if any(e.out_of_memory for e in exits) else Reason.CANARY_RESTARTED


def _exits_sentence(exits: tuple[snapshot.AbnormalExit, ...], count: int, allowed: int) -> str:
    last = max(exits, key=lambda e: e.at)
    exits_of_now = pluralize(count, "abnormal exit")
    return f"{exits_of_now} while it had users, {allowed} allowed; last: pod {last.pod}, {_cause(last)}"


def _cause(last: snapshot.AbnormalExit) -> str:
    if last.out_of_memory:
        return "out of memory; raise spec.serving.resources.limits.memory"
    return last.eviction or f"exit code {last.code}; see kubectl logs --previous"


def roll_back(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    """Weight, then delay, then scale, then the record; each only when the one before is seen.

    Where only the canary answers it has all users until stable is back, whatever speaks against it.
    """
    if rollout.weight and not stable_can_take_over(state, snapshot):
        kept = transitions.changed(rollout, weight=100, waiting_for=phases.WaitingFor.READINESS)
        return replace(state, rollout=kept)
    if rollout.weight:
        return replace(
            state, rollout=transitions.restart_step_clock(rollout, snapshot.now, weight=0, waiting_for=None)
        )
    if _has_had_users(state, rollout) and not snapshot.narrow:
        return replace(state, rollout=transitions.restart_step_clock(rollout, snapshot.not_yet))
    if rollout.step_started_at is None:
        return replace(state, rollout=transitions.restart_step_clock(rollout, snapshot.now))
    if draining(state, snapshot) or snapshot.canary(state).pods > 0:
        return state
    return _ended(state, rollout, snapshot)


def stable_can_take_over(state: RolloutState, snapshot: Snapshot) -> bool:
    """Stable has a pod that answers, or nobody else has one either."""
    stable = snapshot.stable(state)
    return stable is None or stable.available > 0 or snapshot.canary(state).available == 0


def draining(state: RolloutState, snapshot: Snapshot) -> bool:
    """The canary had users until just now: it is kept for the delay, and until the router is seen to be away."""
    rollout = state.rollout
    if rollout is None or not _has_had_users(state, rollout):
        return False
    since = rollout.step_started_at or snapshot.now
    return not snapshot.narrow or snapshot.now < since + snapshot.wish.scale_down_delay


def _has_had_users(state: RolloutState, rollout: api.RolloutStatus) -> bool:
    return rollout.users_since is not None and state.stable is not None


def _ended(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    reason = Reason(rollout.reason) if rollout.reason else Reason.ROLLED_BACK
    entry = api.HistoryEntry(
        revision=rollout.revision,
        image="" if state.canary is None else state.canary.image,
        outcome=_outcome(reason),
        reason=reason,
        message=rollout.message,
        started_at=rollout.started_at,
        finished_at=snapshot.now,
        decided_by=rollout.decided_by,
    )
    recorded = state.recording(entry, limit=snapshot.wish.history_limit)
    if reason is Reason.SUPERSEDED:
        return replace(
            recorded,
            canary=None,
            rollout=transitions.transition(rollout, Phase.STABLE, step=0, users_since=None),
        )
    rejected = api.Rejected(
        revision=rollout.revision,
        reason=reason,
        message=rollout.message,
        at=snapshot.now,
        attempt=rollout.attempt,
        decided_by=rollout.decided_by,
    )
    ended = transitions.transition(rollout, Phase.REJECTED, users_since=None)
    return replace(recorded.rejecting(rejected), rollout=ended)


def _outcome(reason: Reason) -> phases.Outcome:
    known = {Reason.SUPERSEDED: phases.Outcome.SUPERSEDED, Reason.ABORTED: phases.Outcome.ABORTED}
    return known.get(reason, phases.Outcome.ROLLED_BACK)
