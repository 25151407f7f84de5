"""The rollout, phase by phase: what is remembered, what is seen, and where it goes."""

from __future__ import annotations

import pytest

from seatrial.api import phases, reasons
from seatrial.core import rollout
from seatrial.core.inputs import BuildResult, ReplicaPlan
from seatrial.core.snapshot import Snapshot
from seatrial.core.state import Rejection, RolloutState
from seatrial.core.transitions import Phase
from tests.builders import NEW, NEWER, NOW, OLD, after, image, seen, shifting, state
from tests.builders import rollout as staged
from tests.unit.core.rollouts import going_back, paused, promoting, starting

Reason = reasons.Reason


CASES = [
    # at rest
    pytest.param(RolloutState(), seen().at(), Phase.STARTING, id="a first image starts at once"),
    pytest.param(
        RolloutState(), seen().at(image=""), Phase.BUILDING, id="a first model waits until its image is built"
    ),
    pytest.param(
        state(), seen().stable().at(revision=OLD), None, id="what is stable already needs no rollout"
    ),
    pytest.param(state(), seen().stable().at(), Phase.STARTING, id="another revision starts beside stable"),
    pytest.param(
        state(), seen().stable().at(paused=True), Phase.PAUSED, id="another revision waits while paused"
    ),
    pytest.param(
        state(staged(Phase.STABLE), rejected=(Rejection(revision=NEW, reason=Reason.CRASH_LOOP),)),
        seen().stable().at(),
        Phase.REJECTED,
        id="a rejected revision is not tried again",
    ),
    pytest.param(
        state(staged(Phase.REJECTED)),
        seen().stable().at(revision=OLD),
        Phase.STABLE,
        id="asking for stable again ends a rejection",
    ),
    pytest.param(
        state(), seen().stable().at(revision=""), None, id="nothing begins while no revision can be named"
    ),
    # Building
    pytest.param(
        state(staged(Phase.BUILDING)),
        seen().stable().built().at(image=""),
        Phase.STARTING,
        id="a built image is started",
    ),
    pytest.param(
        state(staged(Phase.BUILDING)),
        seen().stable().having(images={NEW: image(NEW)}).at(image=""),
        Phase.STARTING,
        id="an image that is kept is not built again",
    ),
    pytest.param(
        state(staged(Phase.BUILDING)),
        seen().stable().having(images={OLD: image(OLD)}).at(image="", build_id=image(OLD).build_id),
        Phase.STARTING,
        id="another revision of the same build needs no build",
    ),
    pytest.param(
        state(staged(Phase.BUILDING)),
        seen().stable().planned(build=BuildResult(reason=Reason.SOURCE_NOT_FOUND)).at(image=""),
        Phase.BUILDING,
        id="a build that fails for a passing reason is waited for",
    ),
    pytest.param(
        state(staged(Phase.BUILDING)),
        seen().stable().planned(build=BuildResult(reason=Reason.BUILD_FAILED, terminal=True)).at(image=""),
        Phase.REJECTED,
        id="a build that fails for good is rejected",
    ),
    # Starting
    pytest.param(starting(), seen().stable().at(), Phase.STARTING, id="no users before a pod is there"),
    pytest.param(
        starting(), seen().stable().canary().at(), Phase.SHIFTING, id="users come when the pods are available"
    ),
    pytest.param(
        starting(),
        seen().stable().canary().other_revision().at(),
        Phase.STARTING,
        id="no users beside a third one",
    ),
    pytest.param(
        starting(), seen().stable().canary().at(paused=True), Phase.PAUSED, id="no users come while paused"
    ),
    pytest.param(
        starting(), seen().stable().crashing().at(), Phase.ROLLING_BACK, id="a crash goes back fast"
    ),
    pytest.param(
        starting(started_at=NOW),
        seen().stable().evicted(after(seconds=10)).at(after(seconds=11)),
        Phase.REJECTED,
        id="an eviction for its own use of disk goes back fast, for the next pod would be evicted as well",
    ),
    pytest.param(
        starting(started_at=NOW),
        seen().stable().evicted(after(seconds=-10)).at(after(seconds=11)),
        Phase.STARTING,
        id="a record of an eviction from before the rollout is none of its own",
    ),
    pytest.param(
        starting(),
        seen().stable().failing(Reason.IMAGE_PULL_FAILED).at(),
        Phase.STARTING,
        id="an image that cannot be pulled is waited for",
    ),
    pytest.param(
        starting(progressed_at=NOW),
        seen().stable().failing(Reason.IMAGE_PULL_FAILED).at(after(minutes=10)),
        Phase.ROLLING_BACK,
        id="waiting ends at the progress deadline",
    ),
    pytest.param(
        starting(steps=0),
        seen().stable().canary().at(),
        Phase.STARTING,
        id="without steps all pods are needed",
    ),
    pytest.param(
        starting(steps=0),
        seen().stable().canary(ready=3).at(),
        Phase.STABLE,
        id="without steps it is promoted",
    ),
    pytest.param(
        starting(),
        seen()
        .stable()
        .canary()
        .planned(replica_plan=ReplicaPlan(at_step=(1, 3), full=3, waits=(True, False)))
        .at(),
        Phase.STARTING,
        id="too few pods for so small a share wait if that was asked for",
    ),
    # Shifting
    pytest.param(
        shifting(), seen().stable().canary().at(after(seconds=119)), Phase.SHIFTING, id="a step is held"
    ),
    pytest.param(
        shifting(step=2, weight=50),
        seen().stable().canary(ready=3).sharing(50).at(after(minutes=5)),
        Phase.STABLE,
        id="after the last step it is promoted",
    ),
    pytest.param(
        shifting(step=2, weight=50),
        seen().stable().canary(ready=3).sharing(20).at(after(minutes=5)),
        Phase.SHIFTING,
        id="a step whose share the router does not give yet is not held",
    ),
    pytest.param(
        shifting(), seen().stable().crashing().at(after(seconds=30)), Phase.ROLLING_BACK, id="a crash ends it"
    ),
    pytest.param(
        shifting(),
        seen().stable().exits(after(seconds=10)).at(after(seconds=30)),
        Phase.ROLLING_BACK,
        id="one abnormal exit under users ends it",
    ),
    pytest.param(
        shifting(),
        seen().stable().exits(after(seconds=10)).at(after(seconds=30), max_restarts=1),
        Phase.SHIFTING,
        id="an abnormal exit that is allowed does not end it",
    ),
    pytest.param(
        shifting(),
        seen().stable().exits(after(seconds=-1)).at(after(seconds=30)),
        Phase.SHIFTING,
        id="an exit before it had users does not end it",
    ),
    pytest.param(
        shifting(), seen().stable().canary().at(paused=True), Phase.PAUSED, id="a pause holds its share"
    ),
    pytest.param(
        shifting(), seen().stable().canary().at(revision=NEWER), Phase.ROLLING_BACK, id="a newer one ends it"
    ),
    pytest.param(
        shifting(),
        seen().stable(ready=0).canary().at(after(seconds=1)),
        Phase.PROMOTING,
        id="it takes over when stable has no pod",
    ),
    pytest.param(
        shifting(weight=50, step=2),
        seen().stable().canary(ready=3).at(after(minutes=5), steps=()),
        Phase.STABLE,
        id="taking away all steps promotes it",
    ),
    # Paused
    pytest.param(
        paused(), seen().stable().canary().at(after(hours=1), paused=True), Phase.PAUSED, id="a pause lasts"
    ),
    pytest.param(paused(), seen().stable().canary().at(), Phase.SHIFTING, id="unpaused it goes on"),
    pytest.param(
        paused(paused_by=phases.PausedBy.DECISION),
        seen().stable().canary().at(),
        Phase.PAUSED,
        id="a person's pause outlasts the spec's",
    ),
    pytest.param(
        paused(), seen().stable().crashing().at(paused=True), Phase.ROLLING_BACK, id="a crash ends a pause"
    ),
    # Promoting
    pytest.param(
        promoting(), seen().stable().canary(ready=2).at(), Phase.PROMOTING, id="all pods before all users"
    ),
    pytest.param(
        promoting(), seen().stable().canary(ready=3).at(), Phase.STABLE, id="all pods: it is stable"
    ),
    pytest.param(
        promoting(), seen().stable().canary(ready=3).at(revision=NEWER), Phase.ROLLING_BACK, id="reversed"
    ),
    # RollingBack
    pytest.param(
        going_back(users_since=NOW),
        seen().stable().canary().at(after(seconds=29)),
        Phase.ROLLING_BACK,
        id="pods stay for the delay after the users left",
    ),
    pytest.param(
        going_back(users_since=NOW),
        seen().stable().canary().sharing(20).at(after(minutes=5)),
        Phase.ROLLING_BACK,
        id="pods stay while the router still sends users",
    ),
    pytest.param(
        going_back(), seen().stable().canary(ready=0).at(), Phase.REJECTED, id="without pods it is rejected"
    ),
    pytest.param(
        going_back(reason=Reason.SUPERSEDED),
        seen().stable().at(revision=OLD),
        Phase.STABLE,
        id="superseded it is not held against it",
    ),
]


@pytest.mark.parametrize(("before", "snapshot", "phase"), CASES)
def test_advance_goes_as_far_as_what_is_seen_allows(
    before: RolloutState, snapshot: Snapshot, phase: Phase | None
) -> None:
    then = rollout.advance(before, snapshot).rollout
    assert (then and then.phase) == phase


@pytest.mark.parametrize(("before", "snapshot", "phase"), CASES)
def test_a_second_decision_on_the_same_facts_changes_nothing(
    before: RolloutState, snapshot: Snapshot, phase: Phase | None
) -> None:
    once = rollout.advance(before, snapshot)
    assert rollout.advance(once, snapshot) == once
