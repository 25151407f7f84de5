"""Puts together what the decisions look at; finds stable again when the status was lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from seatrial.api import model_deployment, names
from seatrial.api.objects import label_of
from seatrial.core import builds, replicas, transitions
from seatrial.core.snapshot import BuildResult, ReplicaPlan, Snapshot
from seatrial.core.state import RolloutState
from seatrial.core.target import Target
from seatrial.observation import pod_diagnosis, revisions
from seatrial.observation.observed import Observed, Platform
from seatrial.observation.target import Wanted
from seatrial.routers.base import Router


def situation(
    desired: model_deployment.ModelDeployment,
    observed: Observed,
    parts: Platform,
    *,
    state: RolloutState,
    asked: Wanted,
    now: datetime,
) -> Snapshot:
    """Everything that a rollout looks at, at `now`."""
    wish = _without_a_name(asked.wish, state) if asked.unnamed else asked.wish
    seen = {
        r: revisions.in_users_words(pod_diagnosis.track(observed, r), observed) for r in _revisions(observed)
    }
    stable = None if state.stable is None else seen.get(state.stable.revision)
    base = replicas.base_of(desired.spec.scaling, stable)
    split = parts.router.read(observed.services)
    return Snapshot(
        wish=wish,
        counts=counts(parts.router, wish, base),
        now=now,
        tracks=seen,
        narrow=split is not None and split.weight == 0,
        blocked=observed.apply_error is not None,
        shares={split.canary: split.weight} if split is not None and split.canary else {},
        routed="" if split is None else split.stable,
        images={name: revisions.image_in(body) for name, body in revisions.templates(observed).items()},
        build=build_of(state, wish),
    )


def _without_a_name(wish: Target, state: RolloutState) -> Target:
    """The wish while its revision cannot be named: its image must not become that of another."""
    return replace(wish, revision=_kept(state), image="", build_id="")


def _kept(state: RolloutState) -> str:
    """While no revision can be named, what is on its way or serves is what is wanted."""
    if state.rollout is not None and state.rollout.phase not in transitions.AT_REST:
        return state.rollout.revision
    return "" if state.stable is None else state.stable.revision


def build_of(state: RolloutState, wish: Target) -> BuildResult:
    """What is known of the image that the wish needs built."""
    build = state.build_of(wish.build_id)
    return BuildResult() if build is None else builds.seen(build)


def _revisions(observed: Observed) -> set[str]:
    bodies = (*observed.deployments, *pod_diagnosis.server_pods(observed))
    return {revision for body in bodies if (revision := label_of(body, names.LABEL_REVISION))}


def counts(router: Router, wish: Target, base: int) -> ReplicaPlan:
    """The pods the canary needs at each step and to take over."""
    return ReplicaPlan(
        at_step=tuple(router.canary_pods(step.weight, stable=base) for step in wish.steps),
        full=base,
        too_few=tuple(router.too_few(step.weight, stable=base) for step in wish.steps),
    )
