"""The plan of one pass: a pure function, and the only place where decisions, children and words meet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from seatrial import children
from seatrial.api import model_deployment, phases
from seatrial.api import status as api
from seatrial.children import Scene, decision_answers, owner_of
from seatrial.children.actions import Action
from seatrial.core import builds, decisions, references, rollout
from seatrial.core.snapshot import Snapshot
from seatrial.core.state import RolloutState, state_of
from seatrial.core.transitions import Phase
from seatrial.manifests import job
from seatrial.observation import build_jobs, invalid_spec, snapshot
from seatrial.observation.observed import Observed, Platform
from seatrial.observation.recovery import recovered
from seatrial.observation.target import build_target, missing_for_build, target_of
from seatrial.reporting import events, schedule, status
from seatrial.reporting.events import invalid_spec_events


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one pass does: the status is stored first, then the actions run in order, then it is told."""

    status: api.Status
    actions: tuple[Action, ...] = ()
    told: tuple[events.Event, ...] = ()
    built: tuple[events.BuildCompletion, ...] = ()
    """Builds that this pass saw ended: counted, not told."""
    wake_at: datetime | None = None


def plan(
    desired: model_deployment.ModelDeployment, observed: Observed, parts: Platform, *, now: datetime
) -> Plan:
    """The plan for what is wanted and seen at `now`; on its own outcome it has no actions."""
    if desired.deleting:
        return Plan(status=desired.status)
    now = now.replace(microsecond=0)
    observed = observed.without_foreign(desired.uid)
    before = recovered(state_of(desired.status), desired, observed)
    desired, observed = invalid_spec.hold_current(desired, observed, before)
    asked = target_of(desired, observed, parts)
    at = snapshot.situation(desired, observed, parts, state=before, asked=asked, now=now)
    state, answers = decisions.take(decision_answers.pending(observed, parts), before, at)
    at = replace(at, build=snapshot.build_of(state, at.wish))  # a Retry has forgotten it
    state, at, ended = _advanced(_Pass(desired, observed, parts), state, at)
    scene = Scene(
        desired=desired,
        observed=observed,
        parts=parts,
        state=state,
        snapshot=at,
        fingerprint=asked.fingerprint,
        missing=asked.missing,
    )
    return Plan(
        status=status.status(scene),
        actions=children.actions_for(scene, decision_answers.answer_actions(desired.key, answers, now=now)),
        told=(
            *invalid_spec_events(desired),
            *events.events(before, scene, answers),
            *events.secret_events(before, state, _unseen_change(desired, state, at)),
        ),
        built=ended,
        wake_at=schedule.wake_at(scene),
    )


def _unseen_change(
    desired: model_deployment.ModelDeployment, state: RolloutState, snapshot: Snapshot
) -> tuple[str, ...]:
    """The Secrets that pods read, where the spec is the one that was planned before and asks for what has begun."""
    stable, begun = state.stable, state.rollout
    same_image = stable is not None and stable.build_id == snapshot.wish.build_id
    asked_for = begun is not None and begun.revision == snapshot.wish.revision
    if desired.generation != desired.status.observed_generation or not (same_image and asked_for):
        return ()
    read = references.pod_references(desired.spec.serving)
    return tuple(str(one) for one in read if one.holder is references.ReferenceKind.SECRET)


@dataclass(frozen=True, slots=True)
class _Pass:
    desired: model_deployment.ModelDeployment
    observed: Observed
    parts: Platform


def _advanced(
    one: _Pass, state: RolloutState, snapshot: Snapshot
) -> tuple[RolloutState, Snapshot, tuple[events.BuildCompletion, ...]]:
    """The memory after all decisions, a build's among them, the situation that they saw, and the builds' ends."""
    ended: tuple[events.BuildCompletion, ...] = ()
    state = rollout.advance(state, snapshot)
    for _ in range(3):  # begun, ended, and begun again on another runtime
        if state.rollout is None or state.rollout.phase is not Phase.BUILDING or not snapshot.wish.build_id:
            break
        built = _built(one, state, snapshot)
        if built is None or built == state.build:
            break
        ended += events.build_completions(state.build, built)
        state = replace(state, build=built)
        snapshot = replace(snapshot, build=builds.seen(built))
        state = rollout.advance(state, snapshot)
    return state, snapshot, ended


def _built(one: _Pass, state: RolloutState, snapshot: Snapshot) -> api.BuildStatus | None:
    """The build after this pass; one that has started is followed even if what it was made with has gone."""
    build, wish = state.build, build_target(one.desired, one.observed, one.parts)
    begun = state.build_of(wish.build_id)
    started = begun is not None and begun.phase is not phases.BuildPhase.FAILED
    if not started and missing_for_build(one.desired, one.observed, one.parts):
        return build
    wish = replace(wish, attempts_over=build_jobs.attempts_at(one.observed, wish.build_id))
    owner = owner_of(one.desired)
    name = "" if build is None else job.name_of(owner, build.id, build.attempt)
    return builds.advance(build, wish, build_jobs.seen(one.observed, name), snapshot.now)
