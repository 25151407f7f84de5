"""What the status of a RolloutDecision says, one row a situation.

`decision_wording.yaml` holds the texts, so that a person can review all of them at once; `--update-golden` writes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.api import phases
from seatrial.api.rollout_decision import Action
from seatrial.cli import yaml_output
from seatrial.core import user_decisions
from seatrial.core.inputs import Inputs
from seatrial.core.snapshot import UserDecision
from seatrial.core.state import HistoryEntry, Rejection, RolloutState
from seatrial.core.transitions import Phase
from tests.builders import NEW, NEWER, NOW, OLD, after, image, revision, rollout, seen, shifting, state
from tests.unit.core.rollouts import paused

FILE = Path(__file__).parent / "decision_wording.yaml"
BESIDE = seen().stable().canary()
CRASHED = Rejection(
    revision=NEW, reason="CrashLoop", message="it exits", at=NOW, source_uri="s3://models/churn/2/"
)
PROMOTED = HistoryEntry(
    revision=NEWER, outcome=phases.Outcome.PROMOTED, finished_at=NOW, source_uri="s3://models/churn/1/"
)
REJECTED = state(rollout(Phase.REJECTED), rejected=(CRASHED,), history=(PROMOTED,))
KEPT = seen().stable().having(images={NEWER: image(NEWER)})
PERSON = phases.PausedBy.DECISION

Row = tuple[Action, RolloutState, Inputs, dict[str, Any]]


def row(action: Action, before: RolloutState, inputs: Inputs | None = None, **decision: Any) -> Row:
    """Return a decision about NEW in a state."""
    return action, before, inputs or BESIDE.at(after(seconds=30)), decision


def rollback(to_revision: str, inputs: Inputs | None = None, before: RolloutState = REJECTED) -> Row:
    """Return a Rollback of OLD, which serves."""
    known = inputs or KEPT.at()
    return row(Action.ROLLBACK, before, known, revision=OLD, to_revision=to_revision)


ROWS: dict[str, Row] = {
    "abort": row(Action.ABORT, shifting()),
    "abort before traffic": row(Action.ABORT, state(rollout(Phase.STARTING))),
    "abort of a pause": row(Action.ABORT, paused(paused_by=PERSON)),
    "abort while stable is down": row(Action.ABORT, shifting(), seen().stable(ready=0).canary().at()),
    "abort before traffic while stable is down": row(
        Action.ABORT, state(rollout(Phase.STARTING)), seen().stable(ready=0).at()
    ),
    "abort of a first deployment": row(
        Action.ABORT, RolloutState(rollout=rollout(Phase.STARTING, steps=0), canary=revision(NEW))
    ),
    "abort taken before": row(Action.ABORT, shifting(decisions=("d",))),
    "abort at rest": row(Action.ABORT, REJECTED),
    "promote": row(Action.PROMOTE, shifting()),
    "promote before traffic": row(Action.PROMOTE, state(rollout(Phase.STARTING))),
    "promote in a pause": row(Action.PROMOTE, paused(paused_by=PERSON)),
    "skip": row(Action.SKIP, shifting(), step=1),
    "skip of the last step": row(Action.SKIP, shifting(step=2, weight=50), step=2),
    "pause": row(Action.PAUSE, shifting()),
    "pause before traffic": row(Action.PAUSE, state(rollout(Phase.BUILDING))),
    "resume": row(Action.RESUME, paused(paused_by=PERSON)),
    "retry": row(Action.RETRY, REJECTED),
    "retry of what serves": row(
        Action.RETRY,
        state(rollout(Phase.REJECTED, revision=NEWER), rejected=(Rejection(revision=OLD),)),
        seen().stable().at(revision=OLD),
        revision=OLD,
    ),
    "retry of what was not rejected": row(Action.RETRY, REJECTED, revision=NEWER),
    "rollback": rollback("previous"),
    "rollback, Recreate": rollback(NEWER, KEPT.at(recreate=True)),
    "rollback to a rejected revision": rollback(NEW),
    "rollback to an unknown digest": rollback("ffffff"),
    "rollback to a revision without template": rollback(NEWER, seen().stable().at()),
    "rollback to previous, first deployment": rollback(
        "previous", before=state(rollout(Phase.STABLE, revision=OLD))
    ),
}


def answer(action: Action, before: RolloutState, inputs: Inputs, more: dict[str, Any]) -> str:
    """Return phase and message of the decision."""
    known = {"uid": "d", "name": "d", "revision": NEW, "at": NOW, "decided_by": "jo", "action": action}
    _, (outcome,) = user_decisions.take((UserDecision(**{**known, **more}),), before, inputs)
    return f"{outcome.phase}: {outcome.message}"


def test_every_answer_is_worded_as_reviewed(request: pytest.FixtureRequest) -> None:
    answers = {name: answer(*given) for name, given in ROWS.items()}
    if request.config.getoption("--update-golden"):
        FILE.write_text(yaml_output.to_yaml(answers))
    assert answers == yaml.safe_load(FILE.read_text())


@pytest.mark.parametrize("action", list(Action))
def test_every_action_has_a_row_in_which_it_is_taken(action: Action) -> None:
    assert any(given[0] is action and answer(*given).startswith("Taken") for given in ROWS.values())
