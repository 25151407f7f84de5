"""Makes the decision of one pass from people's decisions, the build and the rollout."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from seatrial.api.phases import BuildPhase
from seatrial.core import builds, rollout, user_decisions
from seatrial.core.inputs import Inputs, ReplicaPlan
from seatrial.core.replicas import (
    idle_pods_leave_at,
    is_autoscaled,
    replica_plan,
    stable_makes_room,
    wanted_replicas,
)
from seatrial.core.snapshot import Snapshot, Track
from seatrial.core.state import Build, RolloutState
from seatrial.core.target import Target
from seatrial.core.traffic import Split, receives_traffic, split_of
from seatrial.core.transitions import Phase
from seatrial.core.user_decisions import DecisionOutcome

MAX_BUILD_CHANGES = 3
"""In one pass a build can begin, end, and begin again on another runtime."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one pass decided, with all that rendering and reporting need to know."""

    before: RolloutState
    state: RolloutState
    inputs: Inputs
    outcomes: tuple[DecisionOutcome, ...] = ()
    """Of the RolloutDecisions that had no answer yet."""
    ended_builds: tuple[Build, ...] = ()
    """Attempts that this pass saw ended."""

    @property
    def target(self) -> Target:
        """Return what the spec asks for."""
        return self.inputs.target

    @property
    def snapshot(self) -> Snapshot:
        """Return what was observed."""
        return self.inputs.snapshot

    @property
    def now(self) -> datetime:
        """Return the time of the pass."""
        return self.inputs.now

    @property
    def replica_plan(self) -> ReplicaPlan:
        """Return the replicas that the canary needs."""
        return self.inputs.replica_plan

    @property
    def stable_track(self) -> Track | None:
        """Return stable's track; None while nothing has ever been stable."""
        return self.snapshot.stable(self.state)

    @property
    def canary_track(self) -> Track:
        """Return the track of the revision that is rolled out, or was last."""
        return self.snapshot.canary(self.state)

    @property
    def build(self) -> Build | None:
        """Return the build of the target's image; None before it has begun."""
        return self.state.build_of(self.target.build_id)

    @property
    def target_is_named(self) -> bool:
        """Return whether the spec's revision can be named."""
        return not (self.snapshot.missing or self.target.invalid)

    @property
    def split(self) -> Split | None:
        """Return the split that was decided; None while no revision can receive traffic."""
        return split_of(self.state)

    @property
    def split_in_force(self) -> Split | None:
        """Return who receives traffic: what was decided, or, while writing fails, what the router is seen to do.

        None while nothing can receive traffic, and where the router's objects are missing or edited by hand.
        """
        return self.split if not self.snapshot.apply_errors else self.snapshot.split

    @property
    def split_is_applied(self) -> bool:
        """Return whether the router does what was decided, as far as is known."""
        return self.split in (None, self.split_in_force)

    @property
    def canary_receives_traffic(self) -> bool:
        """Return whether the canary is to receive traffic now."""
        return receives_traffic(self.state)

    @property
    def takes_traffic_from_canary(self) -> bool:
        """Return whether the canary is to receive less traffic than the router gives it, as far as is known."""
        given = self.snapshot.split or split_of(self.before)
        if given is None or self.split is None or not given.canary:
            return False
        return self.split.share_of(given.canary) < given.weight

    @property
    def stable_makes_room(self) -> bool:
        """Return whether stable is stopped before the new revision starts."""
        return stable_makes_room(self.state, self.inputs)

    @property
    def foreign_autoscaler(self) -> str:
        """Return the name of somebody else's autoscaler that sets stable's replicas; empty where none does."""
        known = is_autoscaled(self.state, self.target, self.snapshot)
        return self.snapshot.foreign_autoscaler(self.state) if known else ""

    @property
    def idle_pods_leave_at(self) -> datetime | None:
        """Return when revisions that lost their traffic lose their pods."""
        return idle_pods_leave_at(self.state, self.target)

    def wanted_replicas(self, revision: str) -> int:
        """Return the replicas that a track asks for once this pass is done."""
        return wanted_replicas(self.state, self.inputs, revision)


def decide(state: RolloutState, target: Target, snapshot: Snapshot, now: datetime) -> Decision:
    """Return the decision of one pass; a second pass on the same snapshot changes nothing."""
    inputs = Inputs(
        target=target,
        snapshot=snapshot,
        now=now,
        replica_plan=replica_plan(
            target, snapshot.stable(state), autoscaled=is_autoscaled(state, target, snapshot)
        ),
    )
    accepted, outcomes = user_decisions.take(snapshot.user_decisions, state, _with_build(inputs, state))
    advanced, ended_builds = _advanced(accepted, inputs)
    return Decision(
        before=state,
        state=advanced,
        inputs=_with_build(inputs, advanced),
        outcomes=outcomes,
        ended_builds=ended_builds,
    )


def _with_build(inputs: Inputs, state: RolloutState) -> Inputs:
    return replace(inputs, build=builds.result_of(state.build_of(inputs.target.build_id)))


def _advanced(state: RolloutState, inputs: Inputs) -> tuple[RolloutState, tuple[Build, ...]]:
    """Return the state after the rollout and its build have advanced in turn, and the builds that ended."""
    ended: tuple[Build, ...] = ()
    state = rollout.advance(state, _with_build(inputs, state))
    for _ in range(MAX_BUILD_CHANGES):
        build = _next_build(state, inputs)
        if build is None or build == state.build:
            break
        ended += _ended(state.build, build)
        state = replace(state, build=build)
        state = rollout.advance(state, _with_build(inputs, state))
    return state, ended


def _next_build(state: RolloutState, inputs: Inputs) -> Build | None:
    """Return the build after this pass; one that has started is followed even if its inputs have gone."""
    target, snapshot, build = inputs.target.build, inputs.snapshot, state.build
    if state.rollout is None or state.rollout.phase is not Phase.BUILDING or target is None:
        return None
    begun = state.build_of(target.build_id)
    started = begun is not None and begun.phase is not BuildPhase.FAILED
    if not inputs.target.build_id or (not started and snapshot.missing_for_build):
        return build
    job = None if build is None else snapshot.job(build.id, build.attempt)
    attempts_over = snapshot.attempts_over(target.build_id)
    return builds.advance(build, target, job, inputs.now, attempts_over=attempts_over)


def _ended(before: Build | None, after: Build) -> tuple[Build, ...]:
    """Return the attempt that ended between two states of a build, if one did."""
    same = before is not None and (before.id, before.attempt) == (after.id, after.attempt)
    return () if not _is_over(after) or (same and _is_over(before)) else (after,)


def _is_over(build: Build | None) -> bool:
    return build is not None and build.phase not in {BuildPhase.PENDING, BuildPhase.RUNNING}
