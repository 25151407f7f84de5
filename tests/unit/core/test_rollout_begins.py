"""How a rollout begins: at rest, while its image is built, and while its first pods start."""

from __future__ import annotations

import pytest

from seatrial.api import reasons
from seatrial.core.inputs import BuildResult, Inputs, ReplicaPlan
from seatrial.core.rollout import advance
from seatrial.core.state import Rejection, RolloutState
from seatrial.core.transitions import Phase
from tests.builders import NEW, NOW, OLD, after, image, rollout, seen, state
from tests.unit.core.rollouts import building, starting

Reason = reasons.Reason


CASES = [
    # at rest
    pytest.param(
        RolloutState(), seen().at(), Phase.STARTING, id="a first deployment of an image starts at once"
    ),
    pytest.param(
        RolloutState(),
        seen().at(image=""),
        Phase.BUILDING,
        id="a first deployment of a model waits for its build",
    ),
    pytest.param(
        state(), seen().stable().at(revision=OLD), None, id="the revision that is stable needs no rollout"
    ),
    pytest.param(state(), seen().stable().at(), Phase.STARTING, id="a changed revision starts beside stable"),
    pytest.param(
        state(),
        seen().stable().at(paused=True),
        Phase.PAUSED,
        id="a changed revision waits while the spec is paused",
    ),
    pytest.param(
        state(rollout(Phase.STABLE), rejected=(Rejection(revision=NEW, reason=Reason.CRASH_LOOP),)),
        seen().stable().at(),
        Phase.REJECTED,
        id="a rejected revision is not tried again",
    ),
    pytest.param(
        state(rollout(Phase.REJECTED)),
        seen().stable().at(revision=OLD),
        Phase.STABLE,
        id="a spec that asks for stable again ends a rejection",
    ),
    pytest.param(
        state(), seen().stable().at(revision=""), None, id="no rollout begins while no revision can be named"
    ),
    # Building
    pytest.param(
        building(),
        seen().stable().built().at(image=""),
        Phase.STARTING,
        id="a revision whose image is built is started",
    ),
    pytest.param(
        building(),
        seen().stable().having(images={NEW: image(NEW)}).at(image=""),
        Phase.STARTING,
        id="an image that a ControllerRevision records is not built again",
    ),
    pytest.param(
        building(),
        seen().stable().having(images={OLD: image(OLD)}).at(image="", build_id=image(OLD).build_id),
        Phase.STARTING,
        id="a revision with the image of another one needs no build",
    ),
    pytest.param(
        building(),
        seen().stable().planned(build=BuildResult(reason=Reason.SOURCE_NOT_FOUND)).at(image=""),
        Phase.BUILDING,
        id="a build that fails for a transient reason is waited for",
    ),
    pytest.param(
        building(),
        seen().stable().planned(build=BuildResult(reason=Reason.BUILD_FAILED, terminal=True)).at(image=""),
        Phase.REJECTED,
        id="a build that fails for a terminal reason rejects the revision",
    ),
    # Starting
    pytest.param(
        starting(), seen().stable().at(), Phase.STARTING, id="there is no traffic before a pod is available"
    ),
    pytest.param(
        starting(),
        seen().stable().canary().at(),
        Phase.SHIFTING,
        id="the first step begins when its pods are available",
    ),
    pytest.param(
        starting(),
        seen().stable().canary().other_revision().at(),
        Phase.STARTING,
        id="there is no traffic while a third revision has pods",
    ),
    pytest.param(
        starting(),
        seen().stable().canary().at(paused=True),
        Phase.PAUSED,
        id="there is no traffic while paused",
    ),
    pytest.param(
        starting(), seen().stable().crashing().at(), Phase.ROLLING_BACK, id="a crash rolls back at once"
    ),
    pytest.param(
        starting(started_at=NOW),
        seen().stable().evicted(after(seconds=10)).at(after(seconds=11)),
        Phase.REJECTED,
        id="an eviction for exceeding the disk limit rolls back at once, as the next pod would be evicted too",
    ),
    pytest.param(
        starting(started_at=NOW),
        seen().stable().evicted(after(seconds=-10)).at(after(seconds=11)),
        Phase.STARTING,
        id="an eviction before the rollout started does not count",
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
        id="without steps all pods have to be available",
    ),
    pytest.param(
        starting(steps=0),
        seen().stable().canary(ready=3).at(),
        Phase.STABLE,
        id="without steps the canary is promoted when all pods are available",
    ),
    pytest.param(
        starting(),
        seen()
        .stable()
        .canary()
        .planned(replica_plan=ReplicaPlan(at_step=(1, 3), full=3, waits=(True, False)))
        .at(),
        Phase.STARTING,
        id="a weight too small for the replicas waits where the spec says Hold",
    ),
]


@pytest.mark.parametrize(("before", "inputs", "phase"), CASES)
def test_a_rollout_advances_as_far_as_the_snapshot_allows(
    before: RolloutState, inputs: Inputs, phase: Phase | None
) -> None:
    after_pass = advance(before, inputs).rollout
    assert (after_pass and after_pass.phase) == phase


@pytest.mark.parametrize(("before", "inputs", "phase"), CASES)
def test_a_second_pass_on_the_same_snapshot_changes_nothing(
    before: RolloutState, inputs: Inputs, phase: Phase | None
) -> None:
    once = advance(before, inputs)
    assert advance(once, inputs) == once


@pytest.mark.parametrize("steps", [0, 2])
def test_a_revision_without_its_record_receives_no_traffic(steps: int) -> None:
    """Its Deployment is written beside the record; without one it could not be started again."""
    pods = seen().stable().canary(ready=3)
    begun = starting(steps=steps)
    waiting = advance(begun, pods.having(images={OLD: image(OLD)}).at())
    assert waiting.rollout is not None
    assert (waiting.rollout.phase, waiting.rollout.weight) == (Phase.STARTING, 0)
    advanced = advance(waiting, pods.at())
    assert advanced.rollout is not None
    assert advanced.rollout.phase is not Phase.STARTING
