"""What a new decision is about: the revision, attempt and step that a status names and the operator accepts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from seatrial.api import rollout_decision
from seatrial.api import status as api
from seatrial.cli.errors import CommandError
from seatrial.core import rollback_target, transitions
from seatrial.core.state import Rejection, RolloutState
from seatrial.core.status_codec import state_of
from seatrial.core.transitions import Phase

Action = rollout_decision.Action


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionTarget:
    """What one decision is bound to."""

    revision: str

    attempt: int | None = None
    """For Promote, Abort and Retry."""

    step: int | None = None
    """For Skip."""


def decision_target(action: Action, status: api.Status, *, paused: bool) -> DecisionTarget:
    """Return what a decision made now is about; raise CommandError if the operator would reject it.

    `paused` is the ModelDeployment's spec.paused.
    """
    match action:
        case Action.ABORT | Action.PAUSE:
            return _current_rollout(action, status)
        case Action.PROMOTE | Action.RESUME:
            target = _current_rollout(action, status)
            if paused:
                raise CommandError("spec.paused is true; set it to false")
            return target
        case Action.SKIP:
            return _current_step(status)
        case Action.RETRY:
            return _rejected_target(status)
        case Action.ROLLBACK:
            return _stable(status)
        case _:
            assert_never(action)


def rollback_destination(wanted: str, status: api.Status) -> str:
    """Return the revision that `wanted` means; raise CommandError if there is no such target of a Rollback."""
    state = state_of(status)
    targets = rollback_target.rollback_targets(state)
    listed = rollback_target.listed(targets)
    if not wanted:
        known = f"known, newest first: {listed}" if targets else "the history has no other revision"
        raise CommandError(f"--to is required with rollback; {known}")
    try:
        revision = rollback_target.revision_meant(wanted, state)
    except rollback_target.NoRollbackTarget as unknown:
        raise CommandError(str(unknown)) from None
    if revision not in {entry.revision for entry in targets}:
        raise CommandError(f"cannot roll back to revision {revision}; known, newest first: {listed}")
    return revision


def _current_rollout(action: Action, status: api.Status) -> DecisionTarget:
    rollout = _rollout_in_progress(status)
    if action is Action.RESUME and rollout.phase is not Phase.PAUSED:
        raise CommandError(f"revision {rollout.revision} is not paused; its rollout is {rollout.phase}")
    attempt = rollout.attempt if action in rollout_decision.WITH_ATTEMPT else None
    return DecisionTarget(revision=rollout.revision, attempt=attempt)


def _rollout_in_progress(status: api.Status) -> api.RolloutStatus:
    rollout = status.rollout
    if rollout is None or rollout.phase in transitions.AT_REST:
        raise CommandError(f"no rollout is in progress; {_phase_and_message(status)}")
    if rollout.phase is Phase.ROLLING_BACK:
        raise CommandError(f"revision {rollout.revision} is already rolling back")
    return rollout


def _current_step(status: api.Status) -> DecisionTarget:
    rollout = _rollout_in_progress(status)
    if rollout.phase is Phase.PAUSED:
        raise CommandError(f"revision {rollout.revision} is paused; resume it, then skip the step")
    if rollout.phase is not Phase.SHIFTING:
        raise CommandError(f"revision {rollout.revision} is at no step; its rollout is {rollout.phase}")
    return DecisionTarget(revision=rollout.revision, step=rollout.step)


def _rejected_target(status: api.Status) -> DecisionTarget:
    state = state_of(status)
    if state.rollout is not None and state.rollout.phase is Phase.ROLLING_BACK:
        raise CommandError(
            f"revision {state.rollout.revision} is still rolling back; retry it when the phase is Rejected or Failed"
        )
    _require_rest(state)
    rejection = _rejection_of_target(status, state)
    if rejection is None:
        revisions = rollback_target.listed(state.rejected)
        hint = (
            f"rejected revisions: {revisions}; apply the spec of one of them first"
            if state.rejected
            else None
        )
        raise CommandError(
            f"the revision that the spec asks for is not rejected; {hint or _phase_and_message(status)}"
        )
    return DecisionTarget(revision=rejection.revision, attempt=rejection.attempt)


def _rejection_of_target(status: api.Status, state: RolloutState) -> Rejection | None:
    """Return the rejection of the revision that the spec asks for.

    The status of an older operator does not name that revision. There the rollout's phase says whether it is rejected,
    and the newest rejection is the most likely one.
    """
    rollout = status.rollout
    if rollout is not None and rollout.target_revision:
        return state.rejection_of(rollout.target_revision)
    if rollout is not None and rollout.phase is not Phase.REJECTED:
        return None
    return next(iter(state.rejected), None)


def _stable(status: api.Status) -> DecisionTarget:
    if status.stable is None:
        raise CommandError("no revision is stable yet, so there is nothing to roll back from")
    _require_rest(state_of(status))
    return DecisionTarget(revision=status.stable.revision)


def _require_rest(state: RolloutState) -> None:
    """Raise CommandError if a rollout is in progress."""
    rollout = state.rollout
    if rollout is not None and rollout.phase not in transitions.AT_REST:
        raise CommandError(f"the rollout of revision {rollout.revision} is in progress; abort it or wait")


def _phase_and_message(status: api.Status) -> str:
    if status.phase is None:
        return "the object has no status yet"
    return f"the phase is {status.phase}" + (f": {status.message}" if status.message else "")
