"""The way back: what ends a rollout, and how its users and pods are taken home first."""

from __future__ import annotations

from dataclasses import replace

from seatrial.api import phases, reasons
from seatrial.api import status as api
from seatrial.api.text import pluralize
from seatrial.core import snapshot, transitions
from seatrial.core.snapshot import Situation
from seatrial.core.state import Memory, changed
from seatrial.core.transitions import Phase

Reason = reasons.Reason
EXITS = frozenset({Reason.CRASH_LOOP, Reason.OUT_OF_MEMORY})
"""What is said of a container that has ended and is started again."""


def fail(memory: Memory, at: Situation, reason: Reason, message: str) -> Memory:
    """The rollout is on its way back because of `reason`; users leave the canary with this decision."""
    if memory.rollout is None:
        raise transitions.IllegalMove("no rollout to fail")
    canary = memory.canary and changed(memory.canary, failure=_failure(at.canary(memory), reason, message))
    going = transitions.moved(
        memory.rollout,
        Phase.ROLLING_BACK,
        reason=reason,
        message=message,
        progressed_at=None,
        paused_at=None,
        paused_by=None,
        waiting_for=None,
    )
    return replace(memory, canary=canary, rollout=transitions.counted_from(going, at.now))


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


def supersede(memory: Memory, at: Situation) -> Memory:
    """The spec asks for something else: this rollout goes home without being blamed."""
    return fail(memory, at, Reason.SUPERSEDED, f"revision {at.wish.revision} is asked for now")


def why_not_starting(
    memory: Memory, rollout: api.RolloutStatus, at: Situation, *, needed: int
) -> Memory | None:
    """What happens instead of going on while fewer than `needed` pods are available; None when they all are."""
    seen = at.canary(memory)
    available, trouble = seen.available, seen.trouble
    if (fatal := _fatal(rollout, seen, at)) is not None:
        return fail(memory, at, fatal.reason, fatal.message)
    if available >= needed:
        return None
    if at.blocked and seen.wanted < needed:
        return replace(memory, rollout=transitions.waiting(rollout, phases.WaitingFor.READINESS))
    running = transitions.progressing(rollout, available, at.now)
    if transitions.overdue(running, at.wish.progress_deadline, at.now):
        return fail(memory, at, Reason.PROGRESS_DEADLINE_EXCEEDED, _too_slow(available, needed, trouble))
    return replace(memory, rollout=transitions.changed(running, waiting_for=phases.WaitingFor.READINESS))


def _too_slow(available: int, needed: int, trouble: snapshot.Trouble | None) -> str:
    cause = "no pod says why" if trouble is None else f"{trouble.reason}: {trouble.message}"
    pods = pluralize(needed, "pod")
    return f"the progress deadline ended with {available} of {pods} available; {cause}"


def why_not_with_users(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory | None:
    """What happens instead of going on when the canary's containers die under its users."""
    if rollout.users_since is None:
        return None
    seen = at.canary(memory)
    exits, count = seen.exits_since(rollout.users_since), exits_under_users(rollout, seen)
    if count > at.wish.max_restarts:
        return fail(memory, at, _word_for(exits), _exits_sentence(exits, count, at.wish.max_restarts))
    if (fatal := _fatal(rollout, seen, at)) is not None:
        return fail(memory, at, fatal.reason, fatal.message)
    return None


def exits_under_users(rollout: api.RolloutStatus, seen: snapshot.Track) -> int:
    """Abnormal exits since the canary first had users; those that its pods brought along do not count."""
    if rollout.users_since is None:
        return 0
    exits = seen.exits_since(rollout.users_since)
    return max(sum(e.restarts for e in exits) - (rollout.exits_before or 0), len(exits))


def _fatal(rollout: api.RolloutStatus, seen: snapshot.Track, at: Situation) -> snapshot.Trouble | None:
    """The trouble that waiting does not help, unless it is nothing but exits that `maxRestarts` bears."""
    trouble = seen.trouble
    if trouble is None or not trouble.terminal:
        trouble = _evicted(rollout, seen)
    if trouble is None:
        return None
    borne = 0 < exits_under_users(rollout, seen) <= at.wish.max_restarts
    return None if borne and trouble.reason in EXITS else trouble


def _evicted(rollout: api.RolloutStatus, seen: snapshot.Track) -> snapshot.Trouble | None:
    """No pod answers, and one of this rollout has gone for its own use of disk: so would the next."""
    if seen.available or rollout.started_at is None:
        return None
    gone = [e for e in seen.exits_since(rollout.started_at) if e.eviction]
    if not gone:
        return None
    last = max(gone, key=lambda e: e.at)
    return snapshot.Trouble(
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


def roll_back(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    """Weight, then delay, then scale, then the record; each only when the one before is seen.

    Where only the canary answers it has all users until stable is back, whatever speaks against it.
    """
    if rollout.weight and not stable_can_take_over(memory, at):
        kept = transitions.changed(rollout, weight=100, waiting_for=phases.WaitingFor.READINESS)
        return replace(memory, rollout=kept)
    if rollout.weight:
        return replace(memory, rollout=transitions.counted_from(rollout, at.now, weight=0, waiting_for=None))
    if _has_had_users(memory, rollout) and not at.narrow:
        return replace(memory, rollout=transitions.counted_from(rollout, at.not_yet))
    if rollout.step_started_at is None:
        return replace(memory, rollout=transitions.counted_from(rollout, at.now))
    if draining(memory, at) or at.canary(memory).pods > 0:
        return memory
    return _ended(memory, rollout, at)


def stable_can_take_over(memory: Memory, at: Situation) -> bool:
    """Stable has a pod that answers, or nobody else has one either."""
    stable = at.stable(memory)
    return stable is None or stable.available > 0 or at.canary(memory).available == 0


def draining(memory: Memory, at: Situation) -> bool:
    """The canary had users until just now: it is kept for the delay, and until the router is seen to be away."""
    rollout = memory.rollout
    if rollout is None or not _has_had_users(memory, rollout):
        return False
    since = rollout.step_started_at or at.now
    return not at.narrow or at.now < since + at.wish.scale_down_delay


def _has_had_users(memory: Memory, rollout: api.RolloutStatus) -> bool:
    return rollout.users_since is not None and memory.stable is not None


def _ended(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    reason = Reason(rollout.reason) if rollout.reason else Reason.ROLLED_BACK
    entry = api.HistoryEntry(
        revision=rollout.revision,
        image="" if memory.canary is None else memory.canary.image,
        outcome=_outcome(reason),
        reason=reason,
        message=rollout.message,
        started_at=rollout.started_at,
        finished_at=at.now,
        decided_by=rollout.decided_by,
    )
    recorded = memory.recording(entry, limit=at.wish.history_limit)
    if reason is Reason.SUPERSEDED:
        return replace(
            recorded, canary=None, rollout=transitions.moved(rollout, Phase.STABLE, step=0, users_since=None)
        )
    rejected = api.Rejected(
        revision=rollout.revision,
        reason=reason,
        message=rollout.message,
        at=at.now,
        attempt=rollout.attempt,
        decided_by=rollout.decided_by,
    )
    ended = transitions.moved(rollout, Phase.REJECTED, users_since=None)
    return replace(recorded.rejecting(rejected), rollout=ended)


def _outcome(reason: Reason) -> phases.Outcome:
    known = {Reason.SUPERSEDED: phases.Outcome.SUPERSEDED, Reason.ABORTED: phases.Outcome.ABORTED}
    return known.get(reason, phases.Outcome.ROLLED_BACK)
