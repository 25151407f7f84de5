"""What is told beside the status: Events and counters for what has just been decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from seatrial.api import decision, phases, reasons
from seatrial.api import status as api
from seatrial.core.memory import Memory
from seatrial.core.moves import AT_REST, Phase
from seatrial.core.orders import Answer

Reason = reasons.Reason


class Tone(StrEnum):
    """The two types of Events that Kubernetes knows."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tale:
    """One thing to tell: an Event, and where a rollout ended also a count."""

    reason: str
    message: str
    tone: Tone = Tone.NORMAL
    outcome: str = ""
    seconds: float | None = None
    """How long the rollout took, where it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildEnd:
    """How one attempt at an image ended; `reason` is empty where it has one."""

    outcome: str
    reason: str
    seconds: float


def build_ends(before: api.BuildStatus | None, after: api.BuildStatus) -> tuple[BuildEnd, ...]:
    """The end of an attempt that came between two states of a build, if one did."""
    same = before is not None and (before.id, before.attempt) == (after.id, after.attempt)
    if not _is_over(after) or (same and _is_over(before)):
        return ()
    took = 0.0
    if after.started_at is not None and after.finished_at is not None:
        took = (after.finished_at - after.started_at).total_seconds()
    return (BuildEnd(outcome=str(after.phase), reason=after.reason, seconds=took),)


def _is_over(build: api.BuildStatus | None) -> bool:
    return build is not None and build.phase not in {phases.BuildPhase.PENDING, phases.BuildPhase.RUNNING}


def tales(before: Memory, after: Memory, answers: tuple[Answer, ...]) -> tuple[Tale, ...]:
    """What has changed between two memories and is worth an Event; first steps of a rollout are not."""
    return (*_endings(before, after), *_turns(before, after), *_builds(before, after), *_answers(answers))


def of_secrets(before: Memory, after: Memory, secrets: tuple[str, ...]) -> tuple[Tale, ...]:
    """The warning that goes with a revision begun since what its pods read has changed and not the spec.

    `secrets`: those that they read. A ConfigMap is copied for each revision, a Secret never is.
    """
    old, new, stable = before.rollout, after.rollout, after.stable
    if not secrets or new is None or stable is None or new.revision == stable.revision:
        return ()
    if new.phase in AT_REST or (old is not None and old.revision == new.revision):
        return ()
    message = (
        f"{new.revision}: what its pods read has changed, and not the spec; of {', '.join(secrets)} there is only "
        f"the present content: going back to {stable.revision} cannot undo a change of it"
    )
    return (Tale(reason=Reason.SECRET_NOT_REVERTIBLE, message=message, tone=Tone.WARNING),)


def _endings(before: Memory, after: Memory) -> Iterator[Tale]:
    new = len(after.history) and after.history[0] not in before.history
    if not new:
        return
    entry = after.history[0]
    took = None
    if entry.started_at is not None and entry.finished_at is not None:
        took = (entry.finished_at - entry.started_at).total_seconds()
    good = entry.reason in {Reason.PROMOTED, Reason.SUPERSEDED}
    yield Tale(
        reason=str(entry.reason),
        message=f"{entry.revision}: {entry.outcome}{': ' + entry.message if entry.message else ''}",
        tone=Tone.NORMAL if good else Tone.WARNING,
        outcome=str(entry.outcome),
        seconds=took,
    )


def _turns(before: Memory, after: Memory) -> Iterator[Tale]:
    """A rollout of something that serves already is worth a word when it gets users and when it turns back."""
    old, new = before.rollout, after.rollout
    if (
        new is None
        or after.stable is None
        or (old is not None and old.phase is new.phase and old.weight == new.weight)
    ):
        return
    if new.phase is Phase.SHIFTING and new.weight == 0:
        yield Tale(
            reason=Reason.SHIFTING,
            message=f"{new.revision}: no pod of it is ready, its users go to {after.stable.revision}",
            tone=Tone.WARNING,
        )
    elif new.phase is Phase.SHIFTING:
        yield Tale(
            reason=Reason.SHIFTING, message=f"{new.revision}: step {new.step} of {new.steps}, {new.weight} %"
        )
    if new.phase is Phase.ROLLING_BACK and (old is None or old.phase is not Phase.ROLLING_BACK):
        yield Tale(
            reason=Reason.ROLLING_BACK,
            message=f"{new.revision}: {new.reason}: {new.message}",
            tone=Tone.NORMAL if new.reason == Reason.SUPERSEDED else Tone.WARNING,
        )
    if new.phase is Phase.PAUSED and old is not None and old.phase not in AT_REST:
        yield Tale(reason=Reason.PAUSED, message=f"{new.revision} is held")


def _builds(before: Memory, after: Memory) -> Iterator[Tale]:
    old, new = before.build, after.build
    if (
        new is None
        or not new.reason
        or (old is not None and (old.reason, old.attempt) == (new.reason, new.attempt))
    ):
        return
    if new.reason in set(Reason):
        yield Tale(
            reason=new.reason,
            message=f"build {new.id}, attempt {new.attempt}: {new.message}",
            tone=Tone.WARNING,
        )


def _answers(answers: tuple[Answer, ...]) -> Iterator[Tale]:
    for answer in answers:
        refused = answer.phase is decision.DecisionPhase.REFUSED
        order = answer.order
        why = f" ({order.reason})" if order.reason else ""
        yield Tale(
            reason=str(answer.phase.reason),
            message=f"{order.action} of {order.revision} by {order.decided_by}{why}: {answer.message}",
            tone=Tone.WARNING if refused else Tone.NORMAL,
        )
