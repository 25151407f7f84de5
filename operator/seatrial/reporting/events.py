"""What is told beside the status: Events and counters for what has just been decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from seatrial.api import model_deployment, phases, reasons, rollout_decision
from seatrial.api import status as api
from seatrial.api.conditions import ConditionStatus, ConditionType
from seatrial.children import Scene
from seatrial.core import builds, replicas
from seatrial.core.decisions import DecisionOutcome, UserDecision
from seatrial.core.state import RolloutState
from seatrial.core.transitions import AT_REST, Phase
from seatrial.reporting import conditions, status_message

Reason = reasons.Reason


RECOGNISED = 200
"""Characters by which a sentence is found in a status, which may have been cut."""


class EventType(StrEnum):
    """The two types of Events that Kubernetes knows."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing to tell: an Event, and where a rollout ended also a count."""

    reason: str
    message: str
    tone: EventType = EventType.NORMAL
    outcome: str = ""
    seconds: float | None = None
    """How long the rollout took, where it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildCompletion:
    """How one attempt at an image ended; `reason` is empty where it has one."""

    outcome: str
    reason: str
    seconds: float


def build_completions(before: api.BuildStatus | None, after: api.BuildStatus) -> tuple[BuildCompletion, ...]:
    """The end of an attempt that came between two states of a build, if one did."""
    same = before is not None and (before.id, before.attempt) == (after.id, after.attempt)
    if not _is_over(after) or (same and _is_over(before)):
        return ()
    took = 0.0
    if after.started_at is not None and after.finished_at is not None:
        took = (after.finished_at - after.started_at).total_seconds()
    return (BuildCompletion(outcome=str(after.phase), reason=after.reason, seconds=took),)


def _is_over(build: api.BuildStatus | None) -> bool:
    return build is not None and build.phase not in {phases.BuildPhase.PENDING, phases.BuildPhase.RUNNING}


def events(before: RolloutState, scene: Scene, answers: tuple[DecisionOutcome, ...]) -> tuple[Event, ...]:
    """What has changed since `before` and is worth an Event; first steps of a rollout are not.

    Each thing is told once, and in words that the reason has not said yet.
    """
    return (
        *_answers(answers),
        *_missing(scene),
        *_outages(before, scene),
        *_builds(before, scene),
        *_turns(before, scene),
        *_endings(before, scene),
    )


def secret_events(before: RolloutState, after: RolloutState, secrets: tuple[str, ...]) -> tuple[Event, ...]:
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
    return (Event(reason=Reason.SECRET_NOT_REVERTIBLE, message=message, tone=EventType.WARNING),)


def _endings(before: RolloutState, scene: Scene) -> Iterator[Event]:
    new = [entry for entry in scene.state.history if entry not in before.history]
    for entry in reversed(new):
        took = None
        if entry.started_at is not None and entry.finished_at is not None:
            took = (entry.finished_at - entry.started_at).total_seconds()
        good = entry.reason in {Reason.PROMOTED, Reason.SUPERSEDED}
        yield Event(
            reason=str(entry.reason),
            message=_end(before, entry, scene),
            tone=EventType.NORMAL if good else EventType.WARNING,
            outcome=str(entry.outcome),
            seconds=took,
        )


def _end(before: RolloutState, entry: api.HistoryEntry, scene: Scene) -> str:
    """What an end comes to; why it came was told when the way back began, unless that was just now."""
    if entry.outcome is phases.Outcome.PROMOTED:
        return _promotion(before, entry)
    cause = "" if _on_its_way_back(before) else f": {status_message.clause(entry.message)}"
    now = status_message.meanwhile(scene)
    if entry.outcome is phases.Outcome.SUPERSEDED:
        return f"{entry.revision} has given way{cause}{now}"
    return f"{entry.revision} is rejected{cause}; {status_message.AFTER_A_REJECTION}{now}"


def _on_its_way_back(state: RolloutState) -> bool:
    """A way back has begun that was told: there was somebody to go back to."""
    going = state.rollout is not None and state.rollout.phase is Phase.ROLLING_BACK
    return going and state.stable is not None


def _promotion(before: RolloutState, entry: api.HistoryEntry) -> str:
    if entry.message:
        return f"{entry.revision} is stable; {entry.message}"
    if before.stable is None:
        return f"{entry.revision} serves; nothing did before"
    return f"{entry.revision} takes the place of {before.stable.revision}"


def _turns(before: RolloutState, scene: Scene) -> Iterator[Event]:
    """A rollout of something that serves already is worth a word when it gets users and when it turns back."""
    old, new, stable = before.rollout, scene.state.rollout, scene.state.stable
    if new is None or stable is None:
        return
    if old is not None and (old.phase, old.weight) == (new.phase, new.weight):
        return
    if new.phase is Phase.SHIFTING and old is not None and _goes_on(old, new):
        yield Event(
            reason=Reason.SHIFTING, message=f"{new.revision} goes on with {new.weight} % of the users"
        )
    elif new.phase is Phase.SHIFTING:
        yield _share(new, stable, scene)
    if new.phase is Phase.ROLLING_BACK and (old is None or old.phase is not Phase.ROLLING_BACK):
        yield _way_back(new, scene)
    if new.phase is Phase.PAUSED and old is not None and old.phase not in AT_REST:
        share = f" at {new.weight} %" if new.weight else ""
        held = f"{new.revision} is held{share}: {status_message.held_by(scene, new)}{status_message.meanwhile(scene)}"
        yield Event(reason=Reason.PAUSED, message=held)


def _goes_on(old: api.RolloutStatus, new: api.RolloutStatus) -> bool:
    """What was paused is not any more, and nobody's share has changed."""
    return old.phase is Phase.PAUSED and 0 < old.weight == new.weight


def _share(new: api.RolloutStatus, stable: api.TrackStatus, scene: Scene) -> Event:
    if new.weight == 0:
        message = f"no pod of {new.revision} is ready: {stable.revision} gets its users until one is"
        return Event(reason=Reason.SHIFTING, message=message, tone=EventType.WARNING)
    share = f"{new.revision} gets {new.weight} % of the users{status_message.really(scene, new)}"
    message = f"step {new.step} of {new.steps}: {share}, {stable.revision} the others"
    return Event(reason=Reason.SHIFTING, message=message)


def _way_back(new: api.RolloutStatus, scene: Scene) -> Event:
    in_words = new.reason in {Reason.SUPERSEDED, Reason.ABORTED}  # the sentence says it
    cause = status_message.clause(new.message if in_words else f"{new.reason}: {new.message}")
    return Event(
        reason=Reason.ROLLING_BACK,
        message=f"{new.revision} goes back: {cause}{status_message.meanwhile(scene)}",
        tone=EventType.NORMAL if new.reason == Reason.SUPERSEDED else EventType.WARNING,
    )


def _missing(scene: Scene) -> Iterator[Event]:
    """What is waited for until somebody creates it; once, for the status says it from then on."""
    waited_for = status_message.waited_for(scene)
    if waited_for and waited_for[:RECOGNISED] not in scene.desired.status.message:
        yield Event(
            reason=Reason.CONTAINER_CONFIG_ERROR,
            message=f"{waited_for}{status_message.meanwhile(scene)}",
            tone=EventType.WARNING,
        )


def _outages(before: RolloutState, scene: Scene) -> Iterator[Event]:
    """Nobody is served any more, or users are again; what a rollout or the spec itself does is told as that."""
    was, now = scene.desired.status.condition(ConditionType.SERVING), conditions.serving(scene)
    stable = scene.state.stable
    same = stable is not None and before.stable is not None and before.stable.revision == stable.revision
    if was is None or not same or replicas.making_room(scene.state, scene.snapshot):
        return
    if was.status == ConditionStatus.TRUE and not now.holds and now.reason != Reason.PENDING:
        yield Event(reason=now.reason, message=f"nobody is served: {now.message}", tone=EventType.WARNING)
    if was.status == ConditionStatus.FALSE and now.holds and was.reason != Reason.PENDING:
        yield Event(reason=now.reason, message=f"users are served again: {now.message}")


def _builds(before: RolloutState, scene: Scene) -> Iterator[Event]:
    """What keeps a build from its image, each attempt counted; what ended its rollout is told as that end."""
    old, new = before.build, scene.state.build
    if new is None or new.reason not in set(Reason) or builds.terminal(new):
        return
    if old is not None and (old.reason, old.attempt) == (new.reason, new.attempt):
        return
    message = f"build {new.id}: {status_message.clause(new.message)}{status_message.meanwhile(scene)}"
    yield Event(reason=new.reason, message=message, tone=EventType.WARNING)


def _answers(answers: tuple[DecisionOutcome, ...]) -> Iterator[Event]:
    for answer in answers:
        refused = answer.phase is rollout_decision.DecisionPhase.REFUSED
        yield Event(
            reason=str(answer.phase.reason),
            message=f"{_decided(answer.order)}{f': {answer.message}' if refused else ''}",
            tone=EventType.WARNING if refused else EventType.NORMAL,
        )


def _decided(order: UserDecision) -> str:
    where = f" to {order.to_revision}" if order.to_revision else ""
    why = f" ({order.reason})" if order.reason else ""
    return f"{order.action} of {order.revision}{where} by {order.decided_by}{why}"


def invalid_spec_events(desired: model_deployment.ModelDeployment) -> tuple[Event, ...]:
    """The warning that a spec is refused, where the status does not say so yet."""
    said = desired.status.condition(ConditionType.STALLED)
    if not desired.refused or (said is not None and desired.refused in said.message):
        return ()
    return (Event(reason=reasons.Reason.INVALID_SPEC, message=desired.refused, tone=EventType.WARNING),)
