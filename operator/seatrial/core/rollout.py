"""The rollout: one decision per phase, each a function from memory and situation to new memory.

`advance` repeats them until nothing changes, so that a pass goes as far as what is seen allows; nothing here
acts. What the pods and the router should be in a phase is derived from the memory by `seatrial.observation`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from seatrial.api import phases, reasons
from seatrial.api import status as api
from seatrial.core import availability, pauses, rollback, transitions
from seatrial.core.snapshot import Situation
from seatrial.core.state import Memory, changed, identity_of
from seatrial.core.target import Image, first_step_at, step_of
from seatrial.core.transitions import Phase

LONGEST_CHAIN = 16
"""More decisions in one pass than any path of the table has; beyond it they would go in a circle."""


def advance(memory: Memory, at: Situation) -> Memory:
    """The memory after every decision that what is seen allows; the same object when there is none."""
    memory = _as_routed(memory, at)
    for _ in range(LONGEST_CHAIN):
        after = _decide(memory, at)
        if after == memory:
            return memory
        memory = after
    raise transitions.IllegalMove("the decisions of one pass go in a circle")


def _as_routed(memory: Memory, at: Situation) -> Memory:
    """Stable is stable since users are sent to it: an operator that died on the way there may come late."""
    if memory.stable is None or at.routed in ("", memory.stable.revision):
        return memory
    return replace(memory, stable=changed(memory.stable, since=at.now))


def _decide(memory: Memory, at: Situation) -> Memory:
    rollout = memory.rollout
    if rollout is None or rollout.phase in transitions.AT_REST:
        return _at_rest(memory, at)
    if superseded(memory, at) and rollout.phase is not Phase.ROLLING_BACK:
        return rollback.supersede(memory, at)
    return _STAGES[rollout.phase](memory, rollout, at)


def superseded(memory: Memory, at: Situation) -> bool:
    """The spec asks for another revision than the one on its way; a rejected one does not call off the way back.

    After a Rollback the spec goes on asking for the revision that a person has just rejected.
    """
    rollout, wanted = memory.rollout, at.wish.revision
    if rollout is None or rollout.revision == wanted:
        return False
    return not rollout.fast_track or memory.rejection_of(wanted) is None


def _at_rest(memory: Memory, at: Situation) -> Memory:
    rollout, wanted = memory.rollout, at.wish.revision
    if not wanted:
        return memory
    if (
        memory.rejection_of(wanted) is not None
    ):  # also of what serves: somebody wanted to leave it, and could not
        return _rejected(memory, rollout)
    if memory.stable is not None and memory.stable.revision == wanted:
        return _settled(memory, rollout, at)
    return begin(memory, at, revision=wanted)


def _settled(memory: Memory, rollout: api.RolloutStatus | None, at: Situation) -> Memory:
    """What was tried is no longer asked for: it leaves nothing but its place in history."""
    wanted = at.wish.revision
    build = memory.build_of(at.wish.build_id)
    if rollout is None or (rollout.phase is Phase.STABLE and rollout.revision == wanted):
        return replace(memory, build=build)
    return replace(memory, canary=None, build=build, rollout=transitions.settled(rollout, wanted))


def _rejected(memory: Memory, rollout: api.RolloutStatus | None) -> Memory:
    if rollout is None or rollout.phase is Phase.REJECTED:
        return memory
    return replace(memory, rollout=transitions.moved(rollout, Phase.REJECTED))


def begin(memory: Memory, at: Situation, *, revision: str, attempt: int = 1) -> Memory:
    """A rollout of `revision` has begun; it takes no steps where there is nobody to protect or it is known good."""
    old = memory.rollout
    known_good = attempt == 1 and memory.known_good(revision)  # what failed since then takes its steps
    straight = memory.stable is None or at.wish.recreate or at.counts.full == 0 or known_good
    rollout = api.RolloutStatus(
        revision=revision,
        phase=Phase.STABLE if old is None else old.phase,
        steps=0 if straight else len(at.wish.steps),
        fast_track=memory.stable is not None and known_good,
        started_at=at.now,
        attempt=attempt,
        decisions=() if old is None else old.decisions,
    )
    return replace(memory, canary=None, rollout=transitions.moved(rollout, Phase.BUILDING))


def _building(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    if pauses.holder(rollout, at):
        return pauses.pause(memory, rollout, at)
    image = image_of(rollout.revision, at)
    if image is not None:
        canary = image.track(rollout.revision, since=at.now)
        return replace(
            memory, canary=canary, rollout=transitions.moved(rollout, Phase.STARTING, waiting_for=None)
        )
    if at.build.terminal:
        return rollback.fail(memory, at, reasons.Reason(at.build.reason), at.build.message)
    return replace(memory, rollout=transitions.changed(rollout, waiting_for=phases.WaitingFor.BUILD))


def image_of(revision: str, at: Situation) -> Image | None:
    """The image of a revision, as far as it is known: kept with its template, given, or built."""
    if revision in at.images:
        return at.images[revision]
    if revision != at.wish.revision:
        return None
    if at.wish.image:
        return Image(reference=at.wish.image)
    same_build = (i for i in at.images.values() if i.build_id and i.build_id == at.wish.build_id)
    return at.build.image or next(same_build, None)


def _starting(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    if pauses.holder(rollout, at):
        return pauses.pause(memory, rollout, at)
    if at.strangers(memory):
        return replace(memory, rollout=transitions.waiting(rollout, phases.WaitingFor.CAPACITY))
    if rollout.steps == 0 or not at.wish.steps or at.counts.full == 0:
        return _starting_straight(memory, rollout, at)
    if (halt := rollback.why_not_starting(memory, rollout, at, needed=at.counts.at_step[0])) is not None:
        return halt
    if too_few(at, step=1):
        return replace(memory, rollout=transitions.waiting(rollout, phases.WaitingFor.CAPACITY))
    first = at.wish.steps[0]
    return replace(
        memory,
        rollout=transitions.arrived(
            transitions.moved(rollout, Phase.SHIFTING),
            step=1,
            steps=len(at.wish.steps),
            weight=first.weight,
            users_since=at.now,
            exits_before=at.canary(memory).exits_so_far or None,
            step_started_at=at.now,
        ),
    )


def _starting_straight(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    """Without steps: all users when all pods are there, or where nobody else answers."""
    halt = rollback.why_not_starting(memory, rollout, at, needed=at.counts.full)
    if halt is None:
        return replace(memory, rollout=transitions.arrived(transitions.moved(rollout, Phase.PROMOTING)))
    failed = halt.rollout is not None and halt.rollout.phase is Phase.ROLLING_BACK
    return (
        halt
        if failed or not availability.is_needed(memory, at)
        else availability.needed_at_once(memory, rollout, at)
    )


def too_few(at: Situation, *, step: int) -> bool:
    """The router cannot give so small a share, and the user said to wait rather than to give more."""
    return at.wish.hold_when_too_few and at.counts.too_few[step - 1]


def _shifting(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    if (halt := rollback.why_not_with_users(memory, rollout, at)) is not None:
        return halt
    if pauses.holder(rollout, at):
        return pauses.pause(memory, rollout, at)
    if at.counts.full == 0 or availability.stable_is_gone(memory, at):
        return replace(
            memory, rollout=transitions.moved(rollout, Phase.PROMOTING, weight=100, waiting_for=None)
        )
    if availability.canary_is_gone(memory, rollout, at):
        return availability.take_in(memory, rollout)
    return _on_its_step(memory, rollout, at)


def _on_its_step(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    rollout = _on_the_steps_of_now(rollout, at)
    if rollout.step > len(at.wish.steps):
        return replace(memory, rollout=transitions.moved(rollout, Phase.PROMOTING, step=len(at.wish.steps)))
    if rollout.weight < step_of(at.wish, rollout).weight:
        return _raise(memory, rollout, at)
    return _hold(memory, rollout, at)


def _on_the_steps_of_now(rollout: api.RolloutStatus, at: Situation) -> api.RolloutStatus:
    """Steps may be edited at any time: the weight stays, the first step that has at least it goes on."""
    steps = at.wish.steps
    if rollout.step <= len(steps) and rollout.weight <= steps[rollout.step - 1].weight:
        return transitions.changed(rollout, steps=len(steps))
    step = first_step_at(steps, rollout.weight) or len(steps) + 1
    return transitions.changed(rollout, steps=len(steps), step=step)


def _raise(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    """Scale, wait until available, and only then is the weight the step's."""
    needed = at.counts.at_step[rollout.step - 1]
    if (halt := rollback.why_not_starting(memory, rollout, at, needed=needed)) is not None:
        return halt
    return replace(
        memory,
        rollout=transitions.counted_from(
            transitions.arrived(rollout), at.now, weight=step_of(at.wish, rollout).weight
        ),
    )


def _hold(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    if not at.has_its_share(rollout):  # a hold without its users would show nothing
        return replace(memory, rollout=transitions.counted_from(rollout, at.not_yet))
    ends = transitions.held_until(rollout, step_of(at.wish, rollout).hold)
    if ends is None:
        return replace(memory, rollout=transitions.counted_from(rollout, at.now))
    if at.now < ends:
        return replace(memory, rollout=rollout)
    needed = at.counts.at_step[rollout.step - 1]
    if (halt := rollback.why_not_starting(memory, rollout, at, needed=needed)) is not None:
        return halt
    return next_step(memory, rollout, at)


def next_step(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    """The step is over: the next one is prepared at the weight of now, or the canary takes over."""
    if rollout.step >= len(at.wish.steps):
        return replace(memory, rollout=transitions.arrived(transitions.moved(rollout, Phase.PROMOTING)))
    return replace(memory, rollout=transitions.arrived(rollout, step=rollout.step + 1))


def _promoting(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    if (halt := rollback.why_not_with_users(memory, rollout, at)) is not None:
        return halt
    if pauses.holder(rollout, at):
        return pauses.pause(memory, rollout, at)
    if availability.canary_is_gone(memory, rollout, at):
        return availability.take_in(memory, rollout)
    if rollout.users_since is not None and rollout.weight < 100 and availability.is_needed(memory, at):
        return replace(memory, rollout=transitions.changed(rollout, weight=100))
    if (halt := rollback.why_not_starting(memory, rollout, at, needed=at.counts.full)) is not None:
        return halt
    return _promoted(memory, rollout, at)


def _promoted(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    if memory.canary is None:
        raise transitions.IllegalMove("a promotion without a canary")
    entry = api.HistoryEntry(
        revision=rollout.revision,
        image=memory.canary.image,
        outcome=phases.Outcome.PROMOTED,
        reason=reasons.Reason.PROMOTED,
        message="nothing to start: it has zero replicas, checks were skipped" if at.counts.full == 0 else "",
        started_at=rollout.started_at,
        finished_at=at.now,
        decided_by=rollout.decided_by,
    )
    stable = changed(identity_of(memory.canary), since=at.now)
    done = transitions.arrived(transitions.moved(rollout, Phase.STABLE), weight=100, reason="", message="")
    recorded = memory.recording(entry, limit=at.wish.history_limit)
    return replace(recorded, stable=stable, canary=None, rollout=done)


def _paused(memory: Memory, rollout: api.RolloutStatus, at: Situation) -> Memory:
    if (halt := rollback.why_not_with_users(memory, rollout, at)) is not None:
        return halt
    if availability.canary_is_gone(memory, rollout, at):
        return availability.take_in(memory, rollout)
    held_by = pauses.holder(rollout, at)
    if held_by is not None:
        return replace(memory, rollout=transitions.changed(rollout, paused_by=held_by))
    return pauses.resume(memory, rollout, at)


_STAGES: dict[Phase, Callable[[Memory, api.RolloutStatus, Situation], Memory]] = {
    Phase.BUILDING: _building,
    Phase.STARTING: _starting,
    Phase.SHIFTING: _shifting,
    Phase.PAUSED: _paused,
    Phase.PROMOTING: _promoting,
    Phase.ROLLING_BACK: rollback.roll_back,
}
