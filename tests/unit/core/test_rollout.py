"""The rollout, phase by phase: from its first traffic to promotion or rollback."""

from __future__ import annotations

import pytest

from seatrial.api import phases, reasons
from seatrial.core.inputs import Inputs
from seatrial.core.rollout import advance
from seatrial.core.state import RolloutState
from seatrial.core.transitions import Phase
from tests.builders import NEWER, NOW, OLD, after, seen, shifting
from tests.unit.core.rollouts import paused, promoting, rolling_back

Reason = reasons.Reason


CASES = [
    # Shifting
    pytest.param(
        shifting(),
        seen().stable().canary().at(after(seconds=119)),
        Phase.SHIFTING,
        id="a step is held until its hold ends",
    ),
    pytest.param(
        shifting(step=2, weight=50),
        seen().stable().canary(ready=3).sharing(50).at(after(minutes=5)),
        Phase.STABLE,
        id="the canary is promoted after the last step",
    ),
    pytest.param(
        shifting(step=2, weight=50),
        seen().stable().canary(ready=3).sharing(20).at(after(minutes=5)),
        Phase.SHIFTING,
        id="a hold does not end before the router has the weight",
    ),
    pytest.param(
        shifting(),
        seen().stable().crashing().at(after(seconds=30)),
        Phase.ROLLING_BACK,
        id="a crash rolls back",
    ),
    pytest.param(
        shifting(),
        seen().stable().exits(after(seconds=10)).at(after(seconds=30)),
        Phase.ROLLING_BACK,
        id="one abnormal exit under traffic rolls back",
    ),
    pytest.param(
        shifting(),
        seen().stable().exits(after(seconds=10)).at(after(seconds=30), max_restarts=1),
        Phase.SHIFTING,
        id="an abnormal exit that maxRestarts allows does not roll back",
    ),
    pytest.param(
        shifting(exits_before={"p-1": 1}),
        seen().stable().exits(after(seconds=-1)).at(after(seconds=30)),
        Phase.SHIFTING,
        id="an exit before the first traffic does not roll back",
    ),
    pytest.param(
        shifting(),
        seen().stable().canary().at(paused=True),
        Phase.PAUSED,
        id="a paused spec pauses the rollout",
    ),
    pytest.param(
        shifting(),
        seen().stable().canary().at(revision=NEWER),
        Phase.ROLLING_BACK,
        id="a newer target rolls back",
    ),
    pytest.param(
        shifting(),
        seen().stable(ready=0).canary().at(after(seconds=1)),
        Phase.PROMOTING,
        id="the canary is promoted when stable has no available pod",
    ),
    pytest.param(
        shifting(weight=50, step=2),
        seen().stable().canary(ready=3).at(after(minutes=5), steps=()),
        Phase.STABLE,
        id="a spec without steps promotes the canary",
    ),
    # Paused
    pytest.param(
        paused(),
        seen().stable().canary().at(after(hours=1), paused=True),
        Phase.PAUSED,
        id="a paused rollout stays paused",
    ),
    pytest.param(
        paused(),
        seen().stable().canary().at(),
        Phase.SHIFTING,
        id="a rollout that is no longer paused continues",
    ),
    pytest.param(
        paused(paused_by=phases.PausedBy.DECISION),
        seen().stable().canary().at(),
        Phase.PAUSED,
        id="a pause by a decision stays when the spec is not paused",
    ),
    pytest.param(
        paused(),
        seen().stable().crashing().at(paused=True),
        Phase.ROLLING_BACK,
        id="a crash during a pause rolls back",
    ),
    # Promoting
    pytest.param(
        promoting(),
        seen().stable().canary(ready=2).at(),
        Phase.PROMOTING,
        id="a promotion waits until all pods are available",
    ),
    pytest.param(
        promoting(),
        seen().stable().canary(ready=3).at(),
        Phase.STABLE,
        id="a promotion ends when all pods are available",
    ),
    pytest.param(
        promoting(),
        seen().stable().canary(ready=3).at(revision=NEWER),
        Phase.ROLLING_BACK,
        id="a newer target rolls a promotion back",
    ),
    # RollingBack
    pytest.param(
        rolling_back(users_since=NOW),
        seen().stable().canary().at(after(seconds=29)),
        Phase.ROLLING_BACK,
        id="the pods stay for scaleDownDelay after the traffic left",
    ),
    pytest.param(
        rolling_back(users_since=NOW),
        seen().stable().canary().sharing(20).at(after(minutes=5)),
        Phase.ROLLING_BACK,
        id="the pods stay while the router still sends traffic",
    ),
    pytest.param(
        rolling_back(),
        seen().stable().canary(ready=0).at(),
        Phase.REJECTED,
        id="a rollback ends when the pods are gone",
    ),
    pytest.param(
        rolling_back(reason=Reason.SUPERSEDED),
        seen().stable().at(revision=OLD),
        Phase.STABLE,
        id="a superseded revision is not rejected",
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
