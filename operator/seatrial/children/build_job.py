"""How the wanted image is built: one Job an attempt."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.api import phases
from seatrial.children import actions
from seatrial.children.actions import Action
from seatrial.children.context import Scene
from seatrial.core.transitions import Phase
from seatrial.manifests import job
from seatrial.observation import build_jobs


def changes(scene: Scene) -> Iterator[Action]:
    """The Job of the present attempt, if a build is due and it is not there."""
    rollout, build = scene.state.rollout, scene.state.build_of(scene.snapshot.wish.build_id)
    if rollout is None or rollout.phase is not Phase.BUILDING or build is None:
        return
    if build.phase not in {phases.BuildPhase.PENDING, phases.BuildPhase.RUNNING}:
        return
    if build_jobs.seen(scene.observed, job.name_of(scene.owner, build.id, build.attempt)) is not None:
        return
    spec, operator = scene.desired.spec, scene.parts.settings
    if build.runtime not in operator.runtimes:
        return  # the build's own decision says so
    plan = job.BuildPlan(
        build_id=build.id,
        attempt=build.attempt,
        revision=rollout.revision,
        runtime=build.runtime,
        runtime_image=operator.runtimes[build.runtime],
        registry=job.registry_of(spec, operator),
    )
    yield actions.Create(job.build_job(scene.owner, plan, wanted=spec, operator=operator))
