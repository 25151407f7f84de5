"""What is announced beside the status: Events and counters for what has just been decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from seatrial.api import phases
from seatrial.api.conditions import ConditionStatus, ConditionType
from seatrial.api.reasons import Reason
from seatrial.api.rollout_decision import DecisionPhase
from seatrial.api.status import Status
from seatrial.core import builds
from seatrial.core.decide import Decision
from seatrial.core.references import ReferenceKind, pod_references
from seatrial.core.snapshot import UserDecision
from seatrial.core.state import Build, HistoryEntry, ModelRevision, Rollout, RolloutState
from seatrial.core.transitions import Phase, at_rest
from seatrial.reporting import autoscaler, few_replicas, status_message
from seatrial.reporting.conditions import serving
from seatrial.reporting.health import serving_revisions
from seatrial.reporting.phrases import because, clause, joined
from seatrial.reporting.remedies import remedy
from seatrial.reporting.serving_message import meanwhile
from seatrial.reporting.status import missing_references

INTENDED: Final = frozenset({Reason.PENDING, Reason.STOPPED})
"""Why nothing serves where nothing should: no outage."""


class EventType(StrEnum):
    """The two types of Events that Kubernetes knows."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing to announce: an Event, and where a rollout ended also a count."""

    reason: str
    message: str
    type: EventType = EventType.NORMAL
    outcome: str = ""
    seconds: float | None = None
    """How long the rollout took, where it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildCompletion:
    """How one attempt at an image ended; `reason` is empty where it succeeded."""

    outcome: str
    reason: str
    seconds: float


def build_completions(decision: Decision) -> tuple[BuildCompletion, ...]:
    """Return the attempts that this pass saw ended: counted, not announced."""
    return tuple(
        BuildCompletion(outcome=str(build.phase), reason=build.reason, seconds=_seconds_of(build))
        for build in decision.ended_builds
    )


def _seconds_of(build: Build | HistoryEntry) -> float:
    if build.started_at is None or build.finished_at is None:
        return 0.0
    return (build.finished_at - build.started_at).total_seconds()


def events_of(decision: Decision, stored: Status) -> tuple[Event, ...]:
    """Return what has changed since the `stored` status and is worth an Event; first deployments take no steps.

    Each thing is announced once, in words that add to the reason.
    """
    return (
        *_invalid_spec(decision, stored),
        *_answers(decision),
        *_missing(decision, stored),
        *_outages(decision, stored),
        *_scaling(decision, stored),
        *_builds(decision),
        *_large_shares(decision),
        *_turns(decision),
        *_endings(decision),
        *_changed_secrets(decision, stored),
    )


def _invalid_spec(decision: Decision, stored: Status) -> Iterator[Event]:
    """Yield a warning for each generation of a spec that cannot be carried out."""
    if not decision.target.invalid:
        return
    stalled = stored.condition(ConditionType.STALLED)
    known = (
        stalled is not None
        and stalled.status == ConditionStatus.TRUE
        and stalled.reason == decision.target.invalid_for
        and stalled.observed_generation == decision.target.generation
    )
    if not known:
        reason = decision.target.invalid_for
        yield Event(reason=reason, message=decision.target.invalid, type=EventType.WARNING)


def _answers(decision: Decision) -> Iterator[Event]:
    for outcome in decision.outcomes:
        rejected = outcome.phase is DecisionPhase.REFUSED
        yield Event(
            reason=str(outcome.phase.reason),
            message=f"{_described(outcome.decision)}{f': {outcome.message}' if rejected else ''}",
            type=EventType.WARNING if rejected else EventType.NORMAL,
        )


def _described(decision: UserDecision) -> str:
    target = f" to {decision.to_revision}" if decision.to_revision else ""
    why = f" ({decision.reason})" if decision.reason else ""
    return f"{decision.action} of {decision.revision}{target} by {decision.decided_by}{why}"


def _missing(decision: Decision, stored: Status) -> Iterator[Event]:
    """Yield what somebody has to create, once: the status says it from then on."""
    missing = missing_references(decision)
    if missing and not set(missing) <= set(stored.missing_references):
        message = joined(status_message.missing_references(decision), meanwhile(decision))
        yield Event(reason=Reason.CONTAINER_CONFIG_ERROR, message=message, type=EventType.WARNING)


def _outages(decision: Decision, stored: Status) -> Iterator[Event]:
    """Yield that nothing serves any more, or serves again; what a rollout or the spec does is announced as that."""
    before, now = stored.condition(ConditionType.SERVING), serving(decision)
    old, new = decision.before.stable, decision.state.stable
    same = old is not None and new is not None and old.revision == new.revision
    if before is None or not same or decision.stable_makes_room:
        return
    if before.status == ConditionStatus.TRUE and not now.holds and now.reason not in INTENDED:
        yield Event(reason=now.reason, message=f"nothing serves: {now.message}", type=EventType.WARNING)
    if before.status == ConditionStatus.FALSE and now.holds and before.reason not in INTENDED:
        yield Event(reason=now.reason, message=f"{serving_revisions(decision)[0]} serves again")


def _scaling(decision: Decision, stored: Status) -> Iterator[Event]:
    """Yield what keeps the number of pods from being what the spec says, once."""
    trouble, before = autoscaler.trouble(decision), stored.condition(ConditionType.SCALING_ACTIVE)
    known = before is not None and before.status == ConditionStatus.FALSE
    if trouble is not None and not (before is not None and known and before.reason == trouble.reason):
        yield Event(reason=trouble.reason, message=trouble.message, type=EventType.WARNING)


def _large_shares(decision: Decision) -> Iterator[Event]:
    """Yield, when a rollout begins, that its steps will give the canary far more traffic than they ask for."""
    before, rollout = decision.before.rollout, decision.state.rollout
    if rollout is None or at_rest(rollout):
        return
    if before is not None and (before.revision, before.attempt) == (rollout.revision, rollout.attempt):
        return
    large = few_replicas.warning(decision, rollout)
    if large:
        message = f"{rollout.revision}: {large}"
        yield Event(reason=Reason.REPLICAS_TOO_FEW_FOR_WEIGHT, message=message, type=EventType.WARNING)


def _builds(decision: Decision) -> Iterator[Event]:
    """Yield what keeps a build from its image, each attempt counted; a terminal one is announced as the end."""
    before, build = decision.before.build, decision.state.build
    if build is None or build.reason not in set(Reason) or builds.is_terminal(build):
        return
    if before is not None and (before.reason, before.attempt) == (build.reason, build.attempt):
        return
    message = joined(f"build {build.id}: {clause(build.message)}", meanwhile(decision))
    yield Event(reason=build.reason, message=message, type=EventType.WARNING)


def _turns(decision: Decision) -> Iterator[Event]:
    """Yield that a rollout beside stable receives traffic, goes back, or is paused."""
    before, rollout, stable = decision.before.rollout, decision.state.rollout, decision.state.stable
    if rollout is None or stable is None:
        return
    if before is not None and (before.phase, before.weight) == (rollout.phase, rollout.weight):
        return
    if rollout.phase is Phase.SHIFTING:
        yield _shift(decision, before, rollout, stable)
    if rollout.phase is Phase.ROLLING_BACK and (before is None or before.phase is not Phase.ROLLING_BACK):
        yield _rollback(decision, rollout)
    if rollout.phase is Phase.PAUSED and before is not None and not at_rest(before):
        paused, continues = status_message.pause(decision, rollout)
        message = joined(f"{rollout.revision}: {paused}", continues, meanwhile(decision))
        yield Event(reason=Reason.PAUSED, message=message)


def _shift(decision: Decision, before: Rollout | None, rollout: Rollout, stable: ModelRevision) -> Event:
    if before is not None and before.phase is Phase.PAUSED and 0 < before.weight == rollout.weight:
        message = f"{rollout.revision}: resumed at {rollout.weight} % of traffic"
        return Event(reason=Reason.SHIFTING, message=message)
    if rollout.weight == 0:
        message = (
            f"{rollout.revision}: no canary pod is ready; {stable.revision} receives all traffic until one is"
        )
        return Event(reason=Reason.SHIFTING, message=message, type=EventType.WARNING)
    share = f"{rollout.weight} % of traffic{status_message.actual_share(decision, rollout)}"
    message = (
        f"{rollout.revision}: step {rollout.step} of {rollout.steps}, {share}; "
        f"{stable.revision} receives the rest"
    )
    return Event(reason=Reason.SHIFTING, message=message)


def _rollback(decision: Decision, rollout: Rollout) -> Event:
    why = because(rollout.reason, rollout.message)
    return Event(
        reason=Reason.ROLLING_BACK,
        message=joined(f"{rollout.revision}: rolling back{why}", meanwhile(decision)),
        type=EventType.NORMAL if rollout.reason == Reason.SUPERSEDED else EventType.WARNING,
    )


def _endings(decision: Decision) -> Iterator[Event]:
    new = [entry for entry in decision.state.history if entry not in decision.before.history]
    for entry in reversed(new):
        timed = entry.started_at is not None and entry.finished_at is not None
        good = entry.reason in {Reason.PROMOTED, Reason.SUPERSEDED}
        yield Event(
            reason=str(entry.reason),
            message=_ending(decision, entry),
            type=EventType.NORMAL if good else EventType.WARNING,
            outcome=str(entry.outcome),
            seconds=_seconds_of(entry) if timed else None,
        )


def _ending(decision: Decision, entry: HistoryEntry) -> str:
    """Return what an ending means; its cause was announced when the rollback began, unless that was just now."""
    if entry.outcome is phases.Outcome.PROMOTED:
        return _promotion(decision.before, entry)
    cause = "" if _rolls_back_beside_stable(decision.before) else clause(entry.message)
    if entry.outcome is phases.Outcome.SUPERSEDED:
        return joined(f"{entry.revision}: superseded", cause, meanwhile(decision))
    return joined(f"{entry.revision}: rejected", cause, remedy(entry.reason), meanwhile(decision))


def _rolls_back_beside_stable(state: RolloutState) -> bool:
    rolls_back = state.rollout is not None and state.rollout.phase is Phase.ROLLING_BACK
    return rolls_back and state.stable is not None


def _promotion(before: RolloutState, entry: HistoryEntry) -> str:
    if entry.message:
        return f"{entry.revision} is stable, {entry.message}"
    if before.stable is None:
        return f"{entry.revision} serves; nothing served before"
    return f"{entry.revision} replaces {before.stable.revision}"


def _changed_secrets(decision: Decision, stored: Status) -> Iterator[Event]:
    """Yield the warning of a rollout that began because what pods read has changed, and not the spec.

    A ConfigMap is copied for each revision, a Secret never is.
    """
    before, rollout, stable = decision.before.rollout, decision.state.rollout, decision.state.stable
    if rollout is None or stable is None or rollout.revision in {stable.revision, ""} or at_rest(rollout):
        return
    if before is not None and before.revision == rollout.revision:
        return
    target = decision.target
    same_spec = target.generation == stored.observed_generation and stable.build_id == target.build_id
    if not same_spec or rollout.revision != target.revision:
        return
    references = pod_references(target.workload.serving)
    secrets = [str(reference) for reference in references if reference.holder is ReferenceKind.SECRET]
    if secrets:
        message = (
            f"{rollout.revision}: the content of a referenced object has changed, the spec has not; a rollback to "
            f"{stable.revision} cannot restore earlier content of {' and '.join(secrets)}"
        )
        yield Event(reason=Reason.SECRET_NOT_REVERTIBLE, message=message, type=EventType.WARNING)
