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
from seatrial.core.snapshot import Situation
from seatrial.core.state import Memory, memory_of
from seatrial.core.transitions import Phase
from seatrial.manifests import job
from seatrial.observation import build_jobs, invalid_spec, snapshot
from seatrial.observation.observed import Observed, Parts
from seatrial.observation.recovery import recovered
from seatrial.observation.target import build_wish, missing_of_build, wanted
from seatrial.reporting import events, schedule, status
from seatrial.reporting.events import of_invalid_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one pass does: the status is stored first, then the actions run in order, then it is told."""

    status: api.Status
    actions: tuple[Action, ...] = ()
    told: tuple[events.Tale, ...] = ()
    built: tuple[events.BuildEnd, ...] = ()
    """Builds that this pass saw ended: counted, not told."""
    wake_at: datetime | None = None


def plan(
    desired: model_deployment.ModelDeployment, observed: Observed, parts: Parts, *, now: datetime
) -> Plan:
    """The plan for what is wanted and seen at `now`; on its own outcome it has no actions."""
    if desired.deleting:
        return Plan(status=desired.status)
    now = now.replace(microsecond=0)
    observed = observed.without_foreign(desired.uid)
    before = recovered(memory_of(desired.status), desired, observed)
    desired, observed = invalid_spec.as_it_stands(desired, observed, before)
    asked = wanted(desired, observed, parts)
    at = snapshot.situation(desired, observed, parts, memory=before, asked=asked, now=now)
    memory, answers = decisions.answered(decision_answers.pending(observed, parts), before, at)
    at = replace(at, build=snapshot.build_of(memory, at.wish))  # a Retry has forgotten it
    memory, at, ended = _advanced(_Pass(desired, observed, parts), memory, at)
    scene = Scene(
        desired=desired,
        observed=observed,
        parts=parts,
        memory=memory,
        at=at,
        fingerprint=asked.fingerprint,
        missing=asked.missing,
    )
    return Plan(
        status=status.status(scene),
        actions=children.child_actions(scene, decision_answers.settlements(desired.key, answers, now=now)),
        told=(
            *of_invalid_spec(desired),
            *events.tales(before, scene, answers),
            *events.of_secrets(before, memory, _unseen_change(desired, memory, at)),
        ),
        built=ended,
        wake_at=schedule.wake_at(scene),
    )


def _unseen_change(
    desired: model_deployment.ModelDeployment, memory: Memory, at: Situation
) -> tuple[str, ...]:
    """The Secrets that pods read, where the spec is the one that was planned before and asks for what has begun."""
    stable, begun = memory.stable, memory.rollout
    same_image = stable is not None and stable.build_id == at.wish.build_id
    asked_for = begun is not None and begun.revision == at.wish.revision
    if desired.generation != desired.status.observed_generation or not (same_image and asked_for):
        return ()
    read = references.of_pods(desired.spec.serving)
    return tuple(str(one) for one in read if one.holder is references.Holder.SECRET)


@dataclass(frozen=True, slots=True)
class _Pass:
    desired: model_deployment.ModelDeployment
    observed: Observed
    parts: Parts


def _advanced(
    one: _Pass, memory: Memory, at: Situation
) -> tuple[Memory, Situation, tuple[events.BuildEnd, ...]]:
    """The memory after all decisions, a build's among them, the situation that they saw, and the builds' ends."""
    ended: tuple[events.BuildEnd, ...] = ()
    memory = rollout.advance(memory, at)
    for _ in range(3):  # begun, ended, and begun again on another runtime
        if memory.rollout is None or memory.rollout.phase is not Phase.BUILDING or not at.wish.build_id:
            break
        built = _built(one, memory, at)
        if built is None or built == memory.build:
            break
        ended += events.build_ends(memory.build, built)
        memory = replace(memory, build=built)
        at = replace(at, build=builds.seen(built))
        memory = rollout.advance(memory, at)
    return memory, at, ended


def _built(one: _Pass, memory: Memory, at: Situation) -> api.BuildStatus | None:
    """The build after this pass; one that has started is followed even if what it was made with has gone."""
    build, wish = memory.build, build_wish(one.desired, one.observed, one.parts)
    begun = memory.build_of(wish.build_id)
    started = begun is not None and begun.phase is not phases.BuildPhase.FAILED
    if not started and missing_of_build(one.desired, one.observed, one.parts):
        return build
    wish = replace(wish, attempts_over=build_jobs.attempts_at(one.observed, wish.build_id))
    owner = owner_of(one.desired)
    name = "" if build is None else job.name_of(owner, build.id, build.attempt)
    return builds.advance(build, wish, build_jobs.seen(one.observed, name), at.now)
