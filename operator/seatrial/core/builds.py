"""The build of one image: when a Job is started, what its end means, and when it is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from model_runtime import contract
from seatrial.api import phases, reasons
from seatrial.api import status as api
from seatrial.core import state
from seatrial.core.snapshot import BuildResult
from seatrial.core.target import Image

Reason = reasons.Reason
FIRST_BACKOFF = timedelta(seconds=10)
LONGEST_BACKOFF = timedelta(minutes=5)
LOST_MESSAGES_ALLOWED = 2
"""In a row: a message may be lost with its pod; the next attempt asks the registry first and is done in a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildTarget:
    """The image that is wanted; `runtimes` maps the catalogue's names to images."""

    build_id: str
    runtime: str
    runtimes: Mapping[str, str]
    inputs: str = ""
    """Changes whenever a referenced Secret or ConfigMap does: a failed build is tried again at once."""
    attempts_over: int = 0
    """Attempts at this image that a Retry leaves behind: their Jobs may still be there and say what they said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildJob:
    """The Job of the present attempt and its pod."""

    name: str
    running: bool = False
    """Its container has started."""
    finished: bool = False
    report: contract.BuildReport | None = None
    deadline_exceeded: bool = False
    out_of_memory: bool = False
    evicted: bool = False
    eviction: str = ""
    """What the cluster said when it took the pod away."""
    over_limit: bool = False
    """The pod used more local storage than its own limit: it was evicted for what it did, not for its node."""
    exit_code: int | None = None
    trouble: str = ""
    """Why its pod does not start: a reason of the API."""
    trouble_message: str = ""


def advance(
    build: api.BuildStatus | None, wish: BuildTarget, job: BuildJob | None, now: datetime
) -> api.BuildStatus:
    """The build after what is seen; equal to `build` when nothing has changed."""
    if build is None or build.id != wish.build_id:
        return _begun(wish, now)
    if build.phase is phases.BuildPhase.FAILED:
        return _again(build, wish, now) if due(build, wish, now) else build
    if build.phase in {phases.BuildPhase.SUCCEEDED, phases.BuildPhase.CACHED}:
        return build
    if job is None:
        return _known(build, wish, now)
    return _ended(build, wish, job, now) if job.finished else _running(build, job)


def _begun(wish: BuildTarget, now: datetime) -> api.BuildStatus:
    begun = api.BuildStatus(
        id=wish.build_id,
        attempt=wish.attempts_over + 1,
        phase=phases.BuildPhase.PENDING,
        runtime=wish.runtime,
        started_at=now,
        inputs=wish.inputs,
    )
    return _known(begun, wish, now)


def _known(build: api.BuildStatus, wish: BuildTarget, now: datetime) -> api.BuildStatus:
    """The build before its Job is made: it has failed already when nobody knows its runtime."""
    if build.runtime in wish.runtimes:
        return build
    known = ", ".join(sorted(wish.runtimes)) or "none"
    sentence = f"unknown runtime {build.runtime!r}; known: {known}; choose one of them in spec.build.runtime"
    return _failed(_changed(build, finished_at=now), Reason.RUNTIME_UNKNOWN, sentence)


def _again(build: api.BuildStatus, wish: BuildTarget, now: datetime) -> api.BuildStatus:
    return _changed(
        build,
        attempt=build.attempt + 1,
        phase=phases.BuildPhase.PENDING,
        started_at=now,
        finished_at=None,
        inputs=wish.inputs,
        reason="",
        message="",
        log_tail="",
    )


def due(build: api.BuildStatus, wish: BuildTarget, now: datetime) -> bool:
    """A build that failed for a passing reason is to be tried again now."""
    if terminal(build):
        return False
    at = retry_at(build)
    return build.inputs != wish.inputs or at is None or now >= at


def retry_at(build: api.BuildStatus) -> datetime | None:
    """When a failed build is tried again; None when it is not, or has not failed."""
    if build.phase is not phases.BuildPhase.FAILED or terminal(build) or build.finished_at is None:
        return None
    if build.reason == contract.RUNTIME_MISMATCH:
        return build.finished_at
    doubled = FIRST_BACKOFF * (1 << min(build.attempt - 1, 10))
    return build.finished_at + min(doubled, LONGEST_BACKOFF)


def terminal(build: api.BuildStatus) -> bool:
    """The build has failed and waiting does not help."""
    if build.phase is not phases.BuildPhase.FAILED or build.reason == contract.RUNTIME_MISMATCH:
        return False
    return reasons.class_of(Reason(build.reason)) is reasons.ReasonClass.TERMINAL


def _running(build: api.BuildStatus, job: BuildJob) -> api.BuildStatus:
    # a pod that is being ended has run; one that cannot start, in the place of an evicted one, has not
    ran = job.running or (build.phase is phases.BuildPhase.RUNNING and not job.trouble)
    phase = phases.BuildPhase.RUNNING if ran else phases.BuildPhase.PENDING
    return _changed(build, phase=phase, job=job.name, reason=job.trouble, message=job.trouble_message)


def _ended(build: api.BuildStatus, wish: BuildTarget, job: BuildJob, now: datetime) -> api.BuildStatus:
    total = (now - (build.started_at or now)).total_seconds()
    parts = {} if job.report is None else job.report.seconds
    ended = _changed(
        build,
        job=job.name,
        finished_at=now,
        seconds={"total": total, **parts},
        lost=(build.lost or 0) + 1 if _without_a_word(job) else None,
        reason="",
        message="",
    )
    report = job.report
    if report is not None and report.succeeded:
        return _changed(
            ended,
            phase=phases.BuildPhase.CACHED if report.cached else phases.BuildPhase.SUCCEEDED,
            image=report.image,
            model_digest=report.model_digest,
            format=report.format,
            source=report.source,
        )
    if report is not None and report.reason == contract.RUNTIME_MISMATCH:
        return _other_runtime(ended, wish, report)
    logged = ended if report is None else _changed(ended, log_tail=report.log_tail)
    return _failed(logged, *_verdict(build, job))


def _other_runtime(
    build: api.BuildStatus, wish: BuildTarget, report: contract.BuildReport
) -> api.BuildStatus:
    """The detected format needs another runtime: the next attempt runs on it, if the catalogue has it."""
    wanted = report.wanted_runtime
    if wanted not in wish.runtimes or wanted == build.runtime:
        known = ", ".join(sorted(wish.runtimes))
        return _failed(
            build, Reason.RUNTIME_UNKNOWN, f"format {report.format} needs runtime {wanted!r}; known: {known}"
        )
    return _changed(
        build,
        phase=phases.BuildPhase.FAILED,
        reason=contract.RUNTIME_MISMATCH,
        message=f"format {report.format} needs runtime {wanted}",
        runtime=wanted,
        format=report.format,
    )


def _failed(build: api.BuildStatus, reason: Reason, message: str) -> api.BuildStatus:
    return _changed(build, phase=phases.BuildPhase.FAILED, reason=reason, message=message)


def _verdict(build: api.BuildStatus, job: BuildJob) -> tuple[Reason, str]:
    report = job.report
    if report is not None and report.reason in Reason.__members__.values():
        return Reason(report.reason), report.message
    if job.evicted or job.over_limit:
        return _taken_away(job)
    if job.deadline_exceeded:
        return _too_late(build, job)
    if job.out_of_memory:
        return (
            Reason.BUILD_OUT_OF_MEMORY,
            "the build ran out of memory; raise spec.build.resources.limits.memory",
        )
    if (build.lost or 0) < LOST_MESSAGES_ALLOWED:
        return Reason.BUILD_EVICTED, "the build ended without a word; the registry is asked for its image"
    return (
        Reason.BUILD_FAILED,
        f"the build ended without a word, exit code {job.exit_code}; see the log of {job.name}",
    )


def _taken_away(job: BuildJob) -> tuple[Reason, str]:
    """Its node may have been in need, which passes; a limit of its own that it broke it would break again."""
    if job.over_limit:
        return Reason.BUILD_FAILED, f"{job.eviction}; raise ephemeral-storage in spec.build.resources.limits"
    why = f": {job.eviction}" if job.eviction else ""
    short_of_disk = "ephemeral-storage" in job.eviction
    remedy = ", or raise it in spec.build.resources.requests to get a node with room" if short_of_disk else ""
    return Reason.BUILD_EVICTED, f"the pod of the build was evicted{why}; it is tried again{remedy}"


def _without_a_word(job: BuildJob) -> bool:
    """Neither the build nor the cluster says how it ended, in words that are known."""
    if job.evicted or job.over_limit or job.deadline_exceeded or job.out_of_memory:
        return False
    known = (contract.RUNTIME_MISMATCH, *Reason)
    return job.report is None or not (job.report.succeeded or job.report.reason in known)


def _too_late(build: api.BuildStatus, job: BuildJob) -> tuple[Reason, str]:
    """A pod that never ran in all that time is the cluster's trouble, not the model's: it is tried again."""
    if build.phase is phases.BuildPhase.RUNNING or job.exit_code is not None:
        return Reason.BUILD_TIMEOUT, "the build took longer than spec.build.timeout; raise it"
    message = build.message or "the pod of the build did not start in time; it is tried again"
    if build.reason in reasons.TRANSIENT:
        return Reason(build.reason), message
    return Reason.BUILD_EVICTED, message


def seen(build: api.BuildStatus) -> BuildResult:
    """What the rollout needs to know of the build."""
    if build.phase in {phases.BuildPhase.SUCCEEDED, phases.BuildPhase.CACHED}:
        image = Image(
            reference=build.image, build_id=build.id, model_digest=build.model_digest, format=build.format
        )
        return BuildResult(image=image)
    return BuildResult(reason=build.reason, message=build.message, terminal=terminal(build))


def _changed(build: api.BuildStatus, **changes: Any) -> api.BuildStatus:
    return state.changed(build, **changes)
