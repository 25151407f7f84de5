"""What is said of a build: whether it runs, why it failed, and what it waits for."""

from __future__ import annotations

from seatrial.api import phases
from seatrial.core.decide import Decision
from seatrial.core.state import Build, Rollout
from seatrial.reporting import schedule
from seatrial.reporting.phrases import clause, joined, missing, utc
from seatrial.reporting.serving_message import meanwhile


def needs(decision: Decision) -> str:
    """Return what has to be created before the build can start; empty where nothing has."""
    references = decision.snapshot.missing_for_build
    return joined(*missing(references)) if references else ""


def building(decision: Decision, rollout: Rollout) -> tuple[str, ...]:
    """Return the clauses about a revision that is built."""
    build, now = decision.build, decision.now
    if build is None:
        return f"{rollout.revision}: waiting to build", needs(decision), meanwhile(decision)
    if build.phase is phases.BuildPhase.FAILED:
        return _failed_build(decision, rollout, build)
    waiting = f"{build.reason}: {clause(build.message)}" if build.reason else ""
    runs = f"{rollout.revision}: building since {utc(build.started_at, now)}, attempt {build.attempt}"
    return joined(runs, waiting), meanwhile(decision)


def _failed_build(decision: Decision, rollout: Rollout, build: Build) -> tuple[str, ...]:
    retry, awaited = schedule.next_transition(decision), needs(decision)
    following = f"attempt {build.attempt + 1} starts at {utc(retry, decision.now)}" if retry else ""
    failed = f"build attempt {build.attempt} failed with {build.reason}: {clause(build.message)}"
    return f"{rollout.revision}: {failed}", awaited or following, meanwhile(decision)
