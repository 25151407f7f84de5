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
from seatrial.core.snapshot import Snapshot
from seatrial.core.state import RolloutState, changed, identity_of
from seatrial.core.target import Image, first_step_at, step_of
from seatrial.core.transitions import Phase

LONGEST_CHAIN = 16
"""More decisions in one pass than any path of the table has; beyond it they would go in a circle."""


def advance(state: RolloutState, snapshot: Snapshot) -> RolloutState:
    """The memory after every decision that what is seen allows; the same object when there is none."""
    state = _as_routed(state, snapshot)
    for _ in range(LONGEST_CHAIN):
        after = _decide(state, snapshot)
        if after == state:
            return state
        state = after
    raise transitions.IllegalTransition("the decisions of one pass go in a circle")


def _as_routed(state: RolloutState, snapshot: Snapshot) -> RolloutState:
    """Stable is stable since users are sent to it: an operator that died on the way there may come late."""
    if state.stable is None or snapshot.routed in ("", state.stable.revision):
        return state
    return replace(state, stable=changed(state.stable, since=snapshot.now))


def _decide(state: RolloutState, snapshot: Snapshot) -> RolloutState:
    rollout = state.rollout
    if rollout is None or rollout.phase in transitions.AT_REST:
        return _at_rest(state, snapshot)
    if superseded(state, snapshot) and rollout.phase is not Phase.ROLLING_BACK:
        return rollback.supersede(state, snapshot)
    return _STAGES[rollout.phase](state, rollout, snapshot)


def superseded(state: RolloutState, snapshot: Snapshot) -> bool:
    """The spec asks for another revision than the one on its way; a rejected one does not call off the way back.

    After a Rollback the spec goes on asking for the revision that a person has just rejected.
    """
    rollout, wanted = state.rollout, snapshot.wish.revision
    if rollout is None or rollout.revision == wanted:
        return False
    return not rollout.fast_track or state.rejection_of(wanted) is None


def _at_rest(state: RolloutState, snapshot: Snapshot) -> RolloutState:
    rollout, wanted = state.rollout, snapshot.wish.revision
    if not wanted:
        return state
    if (
        state.rejection_of(wanted) is not None
    ):  # also of what serves: somebody wanted to leave it, and could not
        return _rejected(state, rollout)
    if state.stable is not None and state.stable.revision == wanted:
        return _settled(state, rollout, snapshot)
    return begin(state, snapshot, revision=wanted)


def _settled(state: RolloutState, rollout: api.RolloutStatus | None, snapshot: Snapshot) -> RolloutState:
    """What was tried is no longer asked for: it leaves nothing but its place in history."""
    wanted = snapshot.wish.revision
    build = state.build_of(snapshot.wish.build_id)
    if rollout is None or (rollout.phase is Phase.STABLE and rollout.revision == wanted):
        return replace(state, build=build)
    return replace(state, canary=None, build=build, rollout=transitions.settled(rollout, wanted))


def _rejected(state: RolloutState, rollout: api.RolloutStatus | None) -> RolloutState:
    if rollout is None or rollout.phase is Phase.REJECTED:
        return state
    return replace(state, rollout=transitions.transition(rollout, Phase.REJECTED))


def begin(state: RolloutState, snapshot: Snapshot, *, revision: str, attempt: int = 1) -> RolloutState:
    """A rollout of `revision` has begun; it takes no steps where there is nobody to protect or it is known good."""
    old = state.rollout
    known_good = attempt == 1 and state.known_good(revision)  # what failed since then takes its steps
    straight = state.stable is None or snapshot.wish.recreate or snapshot.counts.full == 0 or known_good
    rollout = api.RolloutStatus(
        revision=revision,
        phase=Phase.STABLE if old is None else old.phase,
        steps=0 if straight else len(snapshot.wish.steps),
        fast_track=state.stable is not None and known_good,
        started_at=snapshot.now,
        attempt=attempt,
        decisions=() if old is None else old.decisions,
    )
    return replace(state, canary=None, rollout=transitions.transition(rollout, Phase.BUILDING))


def _building(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    if pauses.holder(rollout, snapshot):
        return pauses.pause(state, rollout, snapshot)
    image = image_of(rollout.revision, snapshot)
    if image is not None:
        canary = image.track(rollout.revision, since=snapshot.now)
        return replace(
            state, canary=canary, rollout=transitions.transition(rollout, Phase.STARTING, waiting_for=None)
        )
    if snapshot.build.terminal:
        return rollback.fail(state, snapshot, reasons.Reason(snapshot.build.reason), snapshot.build.message)
    return replace(state, rollout=transitions.changed(rollout, waiting_for=phases.WaitingFor.BUILD))


def image_of(revision: str, snapshot: Snapshot) -> Image | None:
    """The image of a revision, as far as it is known: kept with its template, given, or built."""
    if revision in snapshot.images:
        return snapshot.images[revision]
    if revision != snapshot.wish.revision:
        return None
    if snapshot.wish.image:
        return Image(reference=snapshot.wish.image)
    same_build = (i for i in snapshot.images.values() if i.build_id and i.build_id == snapshot.wish.build_id)
    return snapshot.build.image or next(same_build, None)


def _starting(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    if pauses.holder(rollout, snapshot):
        return pauses.pause(state, rollout, snapshot)
    if snapshot.strangers(state):
        return replace(state, rollout=transitions.wait_for(rollout, phases.WaitingFor.CAPACITY))
    if rollout.steps == 0 or not snapshot.wish.steps or snapshot.counts.full == 0:
        return _starting_straight(state, rollout, snapshot)
    if (
        halt := rollback.why_not_starting(state, rollout, snapshot, needed=snapshot.counts.at_step[0])
    ) is not None:
        return halt
    if too_few(snapshot, step=1):
        return replace(state, rollout=transitions.wait_for(rollout, phases.WaitingFor.CAPACITY))
    first = snapshot.wish.steps[0]
    return replace(
        state,
        rollout=transitions.stop_progress_clock(
            transitions.transition(rollout, Phase.SHIFTING),
            step=1,
            steps=len(snapshot.wish.steps),
            weight=first.weight,
            users_since=snapshot.now,
            exits_before=snapshot.canary(state).exits_so_far or None,
            step_started_at=snapshot.now,
        ),
    )


def _starting_straight(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    """Without steps: all users when all pods are there, or where nobody else answers."""
    halt = rollback.why_not_starting(state, rollout, snapshot, needed=snapshot.counts.full)
    if halt is None:
        return replace(
            state, rollout=transitions.stop_progress_clock(transitions.transition(rollout, Phase.PROMOTING))
        )
    failed = halt.rollout is not None and halt.rollout.phase is Phase.ROLLING_BACK
    return (
        halt
        if failed or not availability.is_needed(state, snapshot)
        else availability.needed_at_once(state, rollout, snapshot)
    )


def too_few(snapshot: Snapshot, *, step: int) -> bool:
    """The router cannot give so small a share, and the user said to wait rather than to give more."""
    return snapshot.wish.hold_when_too_few and snapshot.counts.too_few[step - 1]


def _shifting(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    if (halt := rollback.why_not_with_users(state, rollout, snapshot)) is not None:
        return halt
    if pauses.holder(rollout, snapshot):
        return pauses.pause(state, rollout, snapshot)
    if snapshot.counts.full == 0 or availability.stable_is_gone(state, snapshot):
        return replace(
            state, rollout=transitions.transition(rollout, Phase.PROMOTING, weight=100, waiting_for=None)
        )
    if availability.canary_is_gone(state, rollout, snapshot):
        return availability.take_in(state, rollout)
    return _on_its_step(state, rollout, snapshot)


def _on_its_step(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    rollout = _on_the_steps_of_now(rollout, snapshot)
    if rollout.step > len(snapshot.wish.steps):
        return replace(
            state, rollout=transitions.transition(rollout, Phase.PROMOTING, step=len(snapshot.wish.steps))
        )
    if rollout.weight < step_of(snapshot.wish, rollout).weight:
        return _raise(state, rollout, snapshot)
    return _hold(state, rollout, snapshot)


def _on_the_steps_of_now(rollout: api.RolloutStatus, snapshot: Snapshot) -> api.RolloutStatus:
    """Steps may be edited at any time: the weight stays, the first step that has at least it goes on."""
    steps = snapshot.wish.steps
    if rollout.step <= len(steps) and rollout.weight <= steps[rollout.step - 1].weight:
        return transitions.changed(rollout, steps=len(steps))
    step = first_step_at(steps, rollout.weight) or len(steps) + 1
    return transitions.changed(rollout, steps=len(steps), step=step)


def _raise(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    """Scale, wait until available, and only then is the weight the step's."""
    needed = snapshot.counts.at_step[rollout.step - 1]
    if (halt := rollback.why_not_starting(state, rollout, snapshot, needed=needed)) is not None:
        return halt
    return replace(
        state,
        rollout=transitions.restart_step_clock(
            transitions.stop_progress_clock(rollout),
            snapshot.now,
            weight=step_of(snapshot.wish, rollout).weight,
        ),
    )


def _hold(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    if not snapshot.has_its_share(rollout):  # a hold without its users would show nothing
        return replace(state, rollout=transitions.restart_step_clock(rollout, snapshot.not_yet))
    ends = transitions.hold_ends_at(rollout, step_of(snapshot.wish, rollout).hold)
    if ends is None:
        return replace(state, rollout=transitions.restart_step_clock(rollout, snapshot.now))
    if snapshot.now < ends:
        return replace(state, rollout=rollout)
    needed = snapshot.counts.at_step[rollout.step - 1]
    if (halt := rollback.why_not_starting(state, rollout, snapshot, needed=needed)) is not None:
        return halt
    return next_step(state, rollout, snapshot)


def next_step(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    """The step is over: the next one is prepared at the weight of now, or the canary takes over."""
    if rollout.step >= len(snapshot.wish.steps):
        return replace(
            state, rollout=transitions.stop_progress_clock(transitions.transition(rollout, Phase.PROMOTING))
        )
    return replace(state, rollout=transitions.stop_progress_clock(rollout, step=rollout.step + 1))


def _promoting(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    if (halt := rollback.why_not_with_users(state, rollout, snapshot)) is not None:
        return halt
    if pauses.holder(rollout, snapshot):
        return pauses.pause(state, rollout, snapshot)
    if availability.canary_is_gone(state, rollout, snapshot):
        return availability.take_in(state, rollout)
    if rollout.users_since is not None and rollout.weight < 100 and availability.is_needed(state, snapshot):
        return replace(state, rollout=transitions.changed(rollout, weight=100))
    if (halt := rollback.why_not_starting(state, rollout, snapshot, needed=snapshot.counts.full)) is not None:
        return halt
    return _promoted(state, rollout, snapshot)


def _promoted(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    if state.canary is None:
        raise transitions.IllegalTransition("a promotion without a canary")
    entry = api.HistoryEntry(
        revision=rollout.revision,
        image=state.canary.image,
        outcome=phases.Outcome.PROMOTED,
        reason=reasons.Reason.PROMOTED,
        message="nothing to start: it has zero replicas, checks were skipped"
        if snapshot.counts.full == 0
        else "",
        started_at=rollout.started_at,
        finished_at=snapshot.now,
        decided_by=rollout.decided_by,
    )
    stable = changed(identity_of(state.canary), since=snapshot.now)
    done = transitions.stop_progress_clock(
        transitions.transition(rollout, Phase.STABLE), weight=100, reason="", message=""
    )
    recorded = state.recording(entry, limit=snapshot.wish.history_limit)
    return replace(recorded, stable=stable, canary=None, rollout=done)


def _paused(state: RolloutState, rollout: api.RolloutStatus, snapshot: Snapshot) -> RolloutState:
    if (halt := rollback.why_not_with_users(state, rollout, snapshot)) is not None:
        return halt
    if availability.canary_is_gone(state, rollout, snapshot):
        return availability.take_in(state, rollout)
    held_by = pauses.holder(rollout, snapshot)
    if held_by is not None:
        return replace(state, rollout=transitions.changed(rollout, paused_by=held_by))
    return pauses.resume(state, rollout, snapshot)


_STAGES: dict[Phase, Callable[[RolloutState, api.RolloutStatus, Snapshot], RolloutState]] = {
    Phase.BUILDING: _building,
    Phase.STARTING: _starting,
    Phase.SHIFTING: _shifting,
    Phase.PAUSED: _paused,
    Phase.PROMOTING: _promoting,
    Phase.ROLLING_BACK: rollback.roll_back,
}
