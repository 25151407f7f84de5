"""What a decision speaks of, read from a status: the revision, attempt and step that the operator would take now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from seatrial.api import rollout_decision
from seatrial.api import status as api
from seatrial.cli.yaml_input import Unusable
from seatrial.core import transitions
from seatrial.core.state import Rejection, RolloutState
from seatrial.core.stored import state_of
from seatrial.core.transitions import Phase

Action = rollout_decision.Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one decision is bound to."""

    revision: str
    attempt: int | None = None
    """With Promote, Abort and Retry."""
    step: int | None = None
    """With Skip."""


def subject(action: Action, said: api.Status, *, paused: bool) -> Subject:
    """What a decision of now speaks of; `Unusable` with a sentence when the operator would refuse it.

    `paused`: the spec says so.
    """
    match action:
        case Action.ABORT | Action.PAUSE:
            return _of_the_rollout(action, said)
        case Action.PROMOTE | Action.RESUME:
            found = _of_the_rollout(action, said)
            if paused:
                raise Unusable("spec.paused is true; set it to false")
            return found
        case Action.SKIP:
            return _of_the_step(said)
        case Action.RETRY:
            return _of_the_rejection(said)
        case Action.ROLLBACK:
            return _of_stable(said)
        case _:
            assert_never(action)


def ways_back(said: api.Status) -> tuple[str, ...]:
    """The revisions that a Rollback may name, the one that served last first."""
    state = state_of(said)
    present = "" if state.stable is None else state.stable.revision
    served = (entry.revision for entry in state.history if entry.revision != present)
    return tuple(dict.fromkeys(name for name in served if state.promoted_before(name)))


def _of_the_rollout(action: Action, said: api.Status) -> Subject:
    current = _on_its_way(said)
    if action is Action.RESUME and current.phase is not Phase.PAUSED:
        raise Unusable(f"nothing is paused: revision {current.revision} is {current.phase}")
    attempt = current.attempt if action in rollout_decision.WITH_ATTEMPT else None
    return Subject(revision=current.revision, attempt=attempt)


def _on_its_way(said: api.Status) -> api.RolloutStatus:
    current = said.rollout
    if current is None or current.phase in transitions.AT_REST:
        raise Unusable(f"no rollout is on its way; {_state(said)}")
    if current.phase is Phase.ROLLING_BACK:
        raise Unusable(f"revision {current.revision} is rolling back already")
    return current


def _of_the_step(said: api.Status) -> Subject:
    current = _on_its_way(said)
    if current.phase is Phase.PAUSED:
        raise Unusable(f"revision {current.revision} is paused: let it go on first, then skip the step")
    if current.phase is not Phase.SHIFTING:
        raise Unusable(f"no step is held; revision {current.revision} is {current.phase}")
    return Subject(revision=current.revision, step=current.step)


def _of_the_rejection(said: api.Status) -> Subject:
    state = state_of(said)
    current = state.rollout
    if current is not None and current.phase is Phase.ROLLING_BACK:
        raise Unusable(
            f"revision {current.revision} is still going back; retry it once the phase is Degraded or Failed"
        )
    if current is not None and current.phase not in transitions.AT_REST:
        raise Unusable(f"revision {current.revision} is on its way; abort it or wait")
    rejected = _rejected_and_asked_for(said, state)
    if rejected is None:
        others = ", ".join(entry.revision for entry in state.rejected)
        why = f"rejected were {others}: apply the spec of one of them first" if others else _state(said)
        raise Unusable(f"what the spec asks for was not rejected; {why}")
    return Subject(revision=rejected.revision, attempt=rejected.attempt)


def _rejected_and_asked_for(said: api.Status, state: RolloutState) -> Rejection | None:
    """Return the rejection of the revision that the spec asks for; the newest where status does not name it."""
    wanted = said.rollout.target_revision if said.rollout is not None else ""
    if not wanted:
        return state.rejected[0] if state.rejected else None
    return state.rejection_of(wanted)


def _of_stable(said: api.Status) -> Subject:
    if said.stable is None:
        raise Unusable("nothing is stable yet: there is nothing to roll back from")
    current = said.rollout
    if current is not None and current.phase not in transitions.AT_REST:
        raise Unusable(f"revision {current.revision} is on its way; abort it or wait")
    return Subject(revision=said.stable.revision)


def _state(said: api.Status) -> str:
    phase = f"the phase is {said.phase}" if said.phase is not None else "it has no status yet"
    return f"{phase}: {said.message}" if said.message else phase
