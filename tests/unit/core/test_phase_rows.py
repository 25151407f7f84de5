"""A phase is one row, one list of guards, one step and one message: nothing of it can be forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seatrial.core.rollout import STEPS
from seatrial.core.rules import GUARDS
from seatrial.core.state import Rollout
from seatrial.core.transitions import AT_REST, TABLE, IllegalTransition, Phase, transition
from seatrial.reporting.status_message import MESSAGES

IN_PROGRESS = set(Phase) - AT_REST


def test_every_phase_has_a_row_with_successors() -> None:
    assert set(TABLE) == set(Phase)
    assert all(row.successors for row in TABLE.values())


def test_every_phase_in_progress_has_guards_a_step_a_reason_and_a_message() -> None:
    assert set(GUARDS) == IN_PROGRESS
    assert set(STEPS) == IN_PROGRESS
    assert set(MESSAGES) == IN_PROGRESS | {Phase.REJECTED}
    assert all(TABLE[phase].reason is not None for phase in IN_PROGRESS)


def test_every_phase_in_progress_can_roll_back() -> None:
    assert all(Phase.ROLLING_BACK in TABLE[phase].successors | {phase} for phase in IN_PROGRESS)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("successor", Phase)
def test_only_transitions_of_the_table_are_possible(phase: Phase, successor: Phase) -> None:
    rollout = Rollout(revision="bbbbbbbbbb", phase=phase)
    if successor in TABLE[phase].successors | {phase}:
        assert transition(rollout, successor).phase is successor
    else:
        with pytest.raises(IllegalTransition, match=f"{phase} → {successor}"):
            transition(rollout, successor)


def test_a_misspelled_field_of_a_rollout_is_an_error() -> None:
    misspelled = {"weigth": 50}
    with pytest.raises(TypeError):
        replace(Rollout(revision="bbbbbbbbbb", phase=Phase.SHIFTING), **misspelled)  # type: ignore[arg-type]
