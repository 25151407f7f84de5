"""Puts together what the decisions look at; finds stable again when the status was lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from seatrial.api import model_deployment, names
from seatrial.api.objects import label
from seatrial.core import builds, replicas, transitions
from seatrial.core.snapshot import BuildSeen, Counts, Situation
from seatrial.core.state import Memory
from seatrial.core.target import Wish
from seatrial.observation import pod_diagnosis, revisions
from seatrial.observation.observed import Observed, Parts
from seatrial.observation.target import Wanted
from seatrial.routers.base import Router


def situation(
    desired: model_deployment.ModelDeployment,
    observed: Observed,
    parts: Parts,
    *,
    memory: Memory,
    asked: Wanted,
    now: datetime,
) -> Situation:
    """Everything that a rollout looks at, at `now`."""
    wish = _without_a_name(asked.wish, memory) if asked.unnamed else asked.wish
    seen = {
        r: revisions.in_users_words(pod_diagnosis.track(observed, r), observed) for r in _revisions(observed)
    }
    stable = None if memory.stable is None else seen.get(memory.stable.revision)
    base = replicas.base_of(desired.spec.scaling, stable)
    split = parts.router.read(observed.services)
    return Situation(
        wish=wish,
        counts=counts(parts.router, wish, base),
        now=now,
        tracks=seen,
        narrow=split is not None and split.weight == 0,
        blocked=observed.setback is not None,
        shares={split.canary: split.weight} if split is not None and split.canary else {},
        routed="" if split is None else split.stable,
        images={name: revisions.image_in(body) for name, body in revisions.templates(observed).items()},
        build=build_of(memory, wish),
    )


def _without_a_name(wish: Wish, memory: Memory) -> Wish:
    """The wish while its revision cannot be named: its image must not become that of another."""
    return replace(wish, revision=_kept(memory), image="", build_id="")


def _kept(memory: Memory) -> str:
    """While no revision can be named, what is on its way or serves is what is wanted."""
    if memory.rollout is not None and memory.rollout.phase not in transitions.AT_REST:
        return memory.rollout.revision
    return "" if memory.stable is None else memory.stable.revision


def build_of(memory: Memory, wish: Wish) -> BuildSeen:
    """What is known of the image that the wish needs built."""
    build = memory.build_of(wish.build_id)
    return BuildSeen() if build is None else builds.seen(build)


def _revisions(observed: Observed) -> set[str]:
    bodies = (*observed.deployments, *pod_diagnosis.server_pods(observed))
    return {revision for body in bodies if (revision := label(body, names.LABEL_REVISION))}


def counts(router: Router, wish: Wish, base: int) -> Counts:
    """The pods the canary needs at each step and to take over."""
    return Counts(
        at_step=tuple(router.canary_pods(step.weight, stable=base) for step in wish.steps),
        full=base,
        too_few=tuple(router.too_few(step.weight, stable=base) for step in wish.steps),
    )
