"""The build of the target's image: one Job an attempt."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.api.phases import BuildPhase
from seatrial.children.actions import Action, Create
from seatrial.core.decide import Decision
from seatrial.core.transitions import Phase
from seatrial.manifests import job


def actions(decision: Decision) -> Iterator[Action]:
    """Yield the Job of the present attempt, if a build is due and it does not exist."""
    rollout, build, target = decision.state.rollout, decision.build, decision.target.build
    if rollout is None or rollout.phase is not Phase.BUILDING or build is None or target is None:
        return
    if build.phase not in {BuildPhase.PENDING, BuildPhase.RUNNING}:
        return
    if decision.snapshot.job(build.id, build.attempt) is not None or build.runtime not in target.runtimes:
        return
    attempt = job.Attempt(number=build.attempt, revision=rollout.revision, runtime=build.runtime)
    yield Create(job.build_job(decision.target.owner, target, attempt))
