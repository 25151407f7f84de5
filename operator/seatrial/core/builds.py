"""The build of one image: when a Job is started, what its end means, and when it is retried."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from model_runtime import contract
from seatrial.api import reasons
from seatrial.api.phases import BuildPhase
from seatrial.core.inputs import BuildResult
from seatrial.core.known_models import source_uri_of, source_version_of
from seatrial.core.snapshot import BuildJob
from seatrial.core.state import Build
from seatrial.core.target import BuildTarget, Image

Reason = reasons.Reason
FIRST_BACKOFF = timedelta(seconds=10)
LONGEST_BACKOFF = timedelta(minutes=5)
LOST_REPORTS_ALLOWED = 2
"""In a row: a report may be lost with its pod; the next attempt asks the registry first and is done in a second."""


def advance(
    build: Build | None, target: BuildTarget, job: BuildJob | None, now: datetime, *, attempts_over: int = 0
) -> Build:
    """Return the build after what was observed; equal to `build` when nothing has changed.

    `attempts_over`: attempts at this image whose Jobs still exist from before a Retry; they are not reused.
    """
    if build is None or build.id != target.build_id:
        return _begun(target, now, attempt=attempts_over + 1)
    if build.phase is BuildPhase.FAILED:
        return _next_attempt(build, target, now) if is_due(build, target, now) else build
    if build.phase in {BuildPhase.SUCCEEDED, BuildPhase.CACHED}:
        return build
    if job is None:
        return _with_known_runtime(build, target, now)
    return _ended(build, target, job, now) if job.finished else _running(build, job)


def _begun(target: BuildTarget, now: datetime, *, attempt: int) -> Build:
    build = Build(
        id=target.build_id,
        attempt=attempt,
        phase=BuildPhase.PENDING,
        runtime=target.runtime,
        started_at=now,
        inputs=target.inputs,
    )
    return _with_known_runtime(build, target, now)


def _with_known_runtime(build: Build, target: BuildTarget, now: datetime) -> Build:
    """Return the build before its Job exists: failed when the catalogue does not have its runtime."""
    if build.runtime in target.runtimes:
        return build
    known = ", ".join(sorted(target.runtimes)) or "none"
    message = f"unknown runtime {build.runtime!r}; known: {known}; set one of them in spec.build.runtime"
    return _failed(replace(build, finished_at=now), Reason.RUNTIME_UNKNOWN, message)


def _next_attempt(build: Build, target: BuildTarget, now: datetime) -> Build:
    return replace(
        build,
        attempt=build.attempt + 1,
        phase=BuildPhase.PENDING,
        started_at=now,
        finished_at=None,
        inputs=target.inputs,
        reason="",
        message="",
        log_tail="",
    )


def is_due(build: Build, target: BuildTarget, now: datetime) -> bool:
    """Return whether a build that failed for a transient reason is to be retried now."""
    if is_terminal(build):
        return False
    at = retry_at(build)
    return build.inputs != target.inputs or at is None or now >= at


def retry_at(build: Build) -> datetime | None:
    """Return when a failed build is retried; None when it is not, or has not failed."""
    if build.phase is not BuildPhase.FAILED or is_terminal(build) or build.finished_at is None:
        return None
    if build.reason == contract.RUNTIME_MISMATCH:
        return build.finished_at
    backoff = FIRST_BACKOFF * (1 << min(build.attempt - 1, 10))
    return build.finished_at + min(backoff, LONGEST_BACKOFF)


def is_terminal(build: Build) -> bool:
    """Return whether the build has failed and waiting does not help."""
    if build.phase is not BuildPhase.FAILED or build.reason == contract.RUNTIME_MISMATCH:
        return False
    return reasons.class_of(Reason(build.reason)) is reasons.ReasonClass.TERMINAL


def _running(build: Build, job: BuildJob) -> Build:
    # a pod that is being ended has run; one that cannot start, in the place of an evicted one, has not
    has_run = job.running or (build.phase is BuildPhase.RUNNING and not job.waiting_reason)
    phase = BuildPhase.RUNNING if has_run else BuildPhase.PENDING
    return replace(build, phase=phase, job=job.name, reason=job.waiting_reason, message=job.waiting_message)


def _ended(build: Build, target: BuildTarget, job: BuildJob, now: datetime) -> Build:
    report = job.report
    total = (now - (build.started_at or now)).total_seconds()
    ended = replace(
        build,
        job=job.name,
        finished_at=now,
        seconds={"total": total, **({} if report is None else report.seconds)},
        lost=(build.lost or 0) + 1 if _is_unreported(job) else None,
        reason="",
        message="",
    )
    if report is not None and report.succeeded:
        return _succeeded(ended, target, report)
    if report is not None and report.reason == contract.RUNTIME_MISMATCH:
        return _on_other_runtime(ended, target, report)
    logged = ended if report is None else replace(ended, log_tail=report.log_tail)
    return _failed(logged, *_verdict(build, job))


def _succeeded(build: Build, target: BuildTarget, report: contract.BuildReport) -> Build:
    pinned = target.model.digest
    if pinned and report.model_digest != pinned:
        message = f"the image has a model with digest {report.model_digest or 'unknown'}, but spec.model.digest pins "
        message += f"{pinned}; set spec.build.refresh to build it again"
        return _failed(build, Reason.SOURCE_DIGEST_MISMATCH, message)
    return replace(
        build,
        phase=BuildPhase.CACHED if report.cached else BuildPhase.SUCCEEDED,
        image=report.image,
        model_digest=report.model_digest,
        format=report.format,
        source=report.source,
    )


def _on_other_runtime(build: Build, target: BuildTarget, report: contract.BuildReport) -> Build:
    """Return the failed build with the runtime that the format needs, if the catalogue has it: it is retried there."""
    runtime = report.wanted_runtime
    if runtime not in target.runtimes or runtime == build.runtime:
        known = ", ".join(sorted(target.runtimes))
        message = f"format {report.format} needs runtime {runtime!r}; known: {known}"
        return _failed(build, Reason.RUNTIME_UNKNOWN, message)
    return replace(
        build,
        phase=BuildPhase.FAILED,
        reason=contract.RUNTIME_MISMATCH,
        message=f"format {report.format} needs runtime {runtime}",
        runtime=runtime,
        format=report.format,
    )


def _failed(build: Build, reason: Reason, message: str) -> Build:
    return replace(build, phase=BuildPhase.FAILED, reason=reason, message=message)


def _verdict(build: Build, job: BuildJob) -> tuple[Reason, str]:
    report = job.report
    if report is not None and report.reason in Reason.__members__.values():
        return Reason(report.reason), report.message
    if job.evicted or job.over_limit:
        return _evicted(job)
    if job.deadline_exceeded:
        return _timed_out(build, job)
    if job.out_of_memory:
        message = "the build ran out of memory; raise spec.build.resources.limits.memory"
        return Reason.BUILD_OUT_OF_MEMORY, message
    if (build.lost or 0) < LOST_REPORTS_ALLOWED:
        message = "the build pod ended without a report; the next attempt asks the registry for the image"
        return Reason.BUILD_EVICTED, message
    message = (
        f"the build pod ended without a report, exit code {job.exit_code}; see kubectl logs job/{job.name}"
    )
    return Reason.BUILD_FAILED, message


def _evicted(job: BuildJob) -> tuple[Reason, str]:
    """Return the verdict: a node's need passes, a limit of the pod's own would be exceeded again."""
    if job.over_limit:
        return Reason.BUILD_FAILED, f"{job.eviction}; raise ephemeral-storage in spec.build.resources.limits"
    cause = f": {job.eviction}" if job.eviction else ""
    short_of_disk = "ephemeral-storage" in job.eviction
    remedy = "; raise it in spec.build.resources.requests to get a node with more" if short_of_disk else ""
    return Reason.BUILD_EVICTED, f"the build pod was evicted and is retried{cause}{remedy}"


def _is_unreported(job: BuildJob) -> bool:
    """Return whether neither the build nor the cluster says how it ended, in a reason that is known."""
    if job.evicted or job.over_limit or job.deadline_exceeded or job.out_of_memory:
        return False
    known = (contract.RUNTIME_MISMATCH, *Reason)
    return job.report is None or not (job.report.succeeded or job.report.reason in known)


def _timed_out(build: Build, job: BuildJob) -> tuple[Reason, str]:
    """Return the verdict: a pod that never ran in all that time is the cluster's fault and is retried."""
    if build.phase is BuildPhase.RUNNING or job.exit_code is not None:
        return Reason.BUILD_TIMEOUT, "the build exceeded spec.build.timeout; raise it"
    message = build.message or "the build pod did not start in time; it is retried"
    if build.reason in reasons.TRANSIENT:
        return Reason(build.reason), message
    return Reason.BUILD_EVICTED, message


def _image_of(build: Build) -> Image:
    """Return the image of a build that ended; when one that existed already was built is not known."""
    return Image(
        reference=build.image,
        build_id=build.id,
        model_digest=build.model_digest,
        format=build.format,
        source_uri=source_uri_of(build.source),
        source_version=source_version_of(build.source),
        built_at=build.finished_at if build.phase is BuildPhase.SUCCEEDED else None,
    )


def result_of(build: Build | None) -> BuildResult:
    """Return what the rollout needs to know of a build; None: it has not begun."""
    if build is None:
        return BuildResult()
    if build.phase in {BuildPhase.SUCCEEDED, BuildPhase.CACHED}:
        return BuildResult(image=_image_of(build))
    return BuildResult(reason=build.reason, message=build.message, terminal=is_terminal(build))
