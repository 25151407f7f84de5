"""The build of one image: when it begins, what its end means, when it is retried."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from model_runtime import contract
from seatrial.api import phases, reasons
from seatrial.api.model import Model
from seatrial.core import builds
from seatrial.core.snapshot import BuildJob
from seatrial.core.state import Build
from seatrial.core.target import BuildTarget
from tests.builders import NOW, after

Phase = phases.BuildPhase
Reason = reasons.Reason


def target(**changes: Any) -> BuildTarget:
    known = {"build_id": "b1", "runtime": "sklearn", "runtimes": {"sklearn": "i", "onnx": "j"}}
    return BuildTarget(**{**known, **changes})


def build(**changes: Any) -> Build:
    known = {"id": "b1", "phase": Phase.RUNNING, "runtime": "sklearn", "started_at": NOW}
    return Build(**{**known, **changes})


def job(**changes: Any) -> BuildJob:
    return BuildJob(**{"name": "j-1", "finished": True, **changes})


def report(**changes: Any) -> contract.BuildReport:
    return contract.BuildReport(**changes)


def test_the_build_of_an_image_begins_with_its_first_attempt() -> None:
    begun = builds.advance(None, target(), None, NOW)
    assert (begun.phase, begun.attempt, begun.started_at) == (Phase.PENDING, 1, NOW)


def test_the_build_of_another_image_keeps_nothing_of_the_last_one() -> None:
    begun = builds.advance(build(id="old", attempt=4), target(), job(report=report(image="x")), NOW)
    assert (begun.id, begun.attempt, begun.image) == ("b1", 1, "")


def test_a_retry_does_not_reuse_the_jobs_of_attempts_that_are_over() -> None:
    assert builds.advance(None, target(), None, NOW, attempts_over=2).attempt == 3


def test_an_unknown_runtime_fails_at_once_and_lists_the_known_ones() -> None:
    begun = builds.advance(None, target(runtime="caffe"), None, NOW)
    assert (begun.phase, begun.reason) == (Phase.FAILED, Reason.RUNTIME_UNKNOWN)
    assert "'caffe'; known: onnx, sklearn" in begun.message


def test_a_build_fails_when_its_runtime_leaves_the_catalogue_before_the_job_exists() -> None:
    assert builds.advance(build(), target(runtimes={}), None, NOW).reason == Reason.RUNTIME_UNKNOWN


@pytest.mark.parametrize("digest", ["", "sha256:" + "1" * 64])
def test_an_image_of_another_model_than_the_pinned_one_fails_the_build(digest: str) -> None:
    pinned = target(model=Model(uri="s3://models/churn/", digest="sha256:" + "0" * 64))
    ended = builds.advance(
        build(), pinned, job(report=report(image="x@sha256:1", model_digest=digest, cached=True)), NOW
    )
    assert (ended.phase, ended.reason, ended.image) == (Phase.FAILED, Reason.SOURCE_DIGEST_MISMATCH, "")


@pytest.mark.parametrize(("cached", "phase"), [(False, Phase.SUCCEEDED), (True, Phase.CACHED)])
def test_a_report_with_an_image_ends_the_build(cached: bool, phase: Phase) -> None:
    ended = builds.advance(
        build(), target(), job(report=report(image="x@sha256:1", cached=cached)), after(seconds=9)
    )
    assert (ended.phase, ended.image, ended.seconds["total"]) == (phase, "x@sha256:1", 9.0)
    assert builds.result_of(ended).image is not None


ENDS = [
    pytest.param(
        job(report=report(reason="SourceNotFound")),
        Reason.SOURCE_NOT_FOUND,
        False,
        id="the source does not exist",
    ),
    pytest.param(
        job(report=report(reason="ModelLoadFailed")),
        Reason.MODEL_LOAD_FAILED,
        True,
        id="the model does not load",
    ),
    pytest.param(job(evicted=True), Reason.BUILD_EVICTED, False, id="the node evicted the pod"),
    pytest.param(
        job(evicted=True, over_limit=True), Reason.BUILD_FAILED, True, id="the pod exceeded its disk limit"
    ),
    pytest.param(
        job(deadline_exceeded=True), Reason.BUILD_TIMEOUT, True, id="the build exceeded its timeout"
    ),
    pytest.param(job(out_of_memory=True), Reason.BUILD_OUT_OF_MEMORY, True, id="the build ran out of memory"),
    pytest.param(
        job(exit_code=1),
        Reason.BUILD_EVICTED,
        False,
        id="without a report the next attempt asks the registry",
    ),
]


@pytest.mark.parametrize(("observed", "reason", "terminal"), ENDS)
def test_a_failed_build_has_a_reason_that_says_whether_waiting_helps(
    observed: BuildJob, reason: Reason, terminal: bool
) -> None:
    ended = builds.advance(build(), target(), observed, after(seconds=5))
    assert (ended.phase, ended.reason, builds.is_terminal(ended)) == (Phase.FAILED, reason, terminal)
    assert builds.result_of(ended).terminal is terminal


@pytest.mark.parametrize(
    ("waiting_reason", "reason"),
    [
        (Reason.UNSCHEDULABLE, Reason.UNSCHEDULABLE),
        (Reason.IMAGE_PULL_FAILED, Reason.IMAGE_PULL_FAILED),
        (Reason.POD_REJECTED, Reason.BUILD_EVICTED),
        ("UnknownReason", Reason.BUILD_EVICTED),
        ("", Reason.BUILD_EVICTED),
    ],
)
def test_a_build_whose_pod_never_started_is_retried_after_its_deadline(
    waiting_reason: str, reason: Reason
) -> None:
    message = "0/3 nodes" if waiting_reason else ""
    pending = build(phase=Phase.PENDING, reason=waiting_reason, message=message)
    ended = builds.advance(pending, target(), job(deadline_exceeded=True), NOW)
    assert (ended.phase, ended.reason, builds.is_terminal(ended)) == (Phase.FAILED, reason, False)
    assert ended.message.startswith(message or "the build pod did not start")
    assert builds.retry_at(ended) == after(seconds=10)


def test_a_build_that_repeatedly_ends_without_a_report_fails_for_good() -> None:
    ended = build(attempt=7)
    for reason in (Reason.BUILD_EVICTED, Reason.BUILD_EVICTED, Reason.BUILD_FAILED):
        ended = builds.advance(build(attempt=7, lost=ended.lost), target(), job(exit_code=1), NOW)
        assert ended.reason == reason
    assert "kubectl logs job/j-1" in ended.message


@pytest.mark.parametrize("unreported", [job(exit_code=1), job(report=report(reason="UnknownReason"))])
def test_attempts_without_a_report_are_counted_from_one_attempt_to_the_next(unreported: BuildJob) -> None:
    first = builds.advance(build(), target(), unreported, NOW)
    second = builds.advance(first, target(), None, after(minutes=1))
    assert (first.lost, second.lost) == (1, 1)


@pytest.mark.parametrize(
    "explained", [job(evicted=True), job(report=report(reason=Reason.SOURCE_UNAVAILABLE))]
)
def test_only_attempts_in_a_row_without_a_report_count(explained: BuildJob) -> None:
    assert builds.advance(build(lost=2), target(), explained, NOW).lost is None


def failed_build(**changes: Any) -> Build:
    known = {"phase": Phase.FAILED, "reason": Reason.SOURCE_NOT_FOUND, "message": "gone", "finished_at": NOW}
    return build(**{**known, **changes})


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 10), (2, 20), (3, 40), (6, 300), (60, 300)])
def test_the_backoff_doubles_up_to_five_minutes(attempt: int, seconds: int) -> None:
    failed = failed_build(attempt=attempt)
    assert builds.retry_at(failed) == NOW + timedelta(seconds=seconds)
    assert builds.advance(failed, target(), None, after(seconds=seconds - 1)) == failed


def test_the_next_attempt_clears_the_last_failure() -> None:
    retried = builds.advance(failed_build(), target(), None, after(seconds=10))
    assert (retried.phase, retried.attempt, retried.reason, retried.message) == (Phase.PENDING, 2, "", "")


def test_a_failed_build_is_retried_at_once_when_a_secret_changes() -> None:
    assert (
        builds.advance(failed_build(inputs="old"), target(inputs="new"), None, after(seconds=1)).attempt == 2
    )


def test_a_terminal_failure_is_not_retried() -> None:
    failed = failed_build(reason=Reason.MODEL_LOAD_FAILED)
    assert builds.advance(failed, target(inputs="new"), None, after(hours=9)) == failed


def test_the_runtime_that_the_format_needs_is_tried_at_once_when_the_catalogue_has_it() -> None:
    mismatch = report(reason=contract.RUNTIME_MISMATCH, format="onnx", wanted_runtime="onnx")
    ended = builds.advance(build(), target(), job(report=mismatch), NOW)
    retried = builds.advance(ended, target(), None, NOW)
    assert (retried.attempt, retried.runtime, retried.phase) == (2, "onnx", Phase.PENDING)


def test_a_format_whose_runtime_is_not_in_the_catalogue_is_a_terminal_failure() -> None:
    mismatch = report(reason=contract.RUNTIME_MISMATCH, format="torch", wanted_runtime="torch")
    ended = builds.advance(build(), target(), job(report=mismatch), NOW)
    assert (ended.reason, builds.is_terminal(ended)) == (Reason.RUNTIME_UNKNOWN, True)


def test_a_build_shows_why_its_pod_does_not_start() -> None:
    waiting = job(finished=False, waiting_reason="Unschedulable", waiting_message="no node")
    pending = builds.advance(build(), target(), waiting, NOW)
    assert (pending.phase, pending.reason, pending.message) == (Phase.PENDING, "Unschedulable", "no node")


def test_a_failed_build_shows_the_end_of_its_log_until_it_is_retried() -> None:
    failure = report(reason=Reason.SOURCE_NOT_FOUND, message="nothing there", log_tail="fetching\n404")
    failed = builds.advance(build(), target(), job(report=failure), NOW)
    assert failed.log_tail == "fetching\n404"
    retried = builds.advance(failed, target(), None, after(minutes=1))
    assert (retried.attempt, retried.log_tail) == (2, "")


def test_a_build_that_ran_has_timed_out_also_when_its_pod_is_terminating() -> None:
    running = builds.advance(build(phase=Phase.PENDING), target(), job(finished=False, running=True), NOW)
    terminating = builds.advance(running, target(), job(finished=False), NOW)
    ended = builds.advance(terminating, target(), job(deadline_exceeded=True), NOW)
    assert ended.reason == Reason.BUILD_TIMEOUT


OWN_LIMIT = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi"
NODE_FULL = "The node was low on resource: ephemeral-storage. Container build was using 9Gi, request is 0"


@pytest.mark.parametrize(
    ("observed", "message"),
    [
        pytest.param(
            job(evicted=True, over_limit=True, eviction=OWN_LIMIT),
            f"{OWN_LIMIT}; raise ephemeral-storage in spec.build.resources.limits",
            id="the pod exceeded its own limit",
        ),
        pytest.param(
            job(evicted=True, eviction=NODE_FULL),
            f"the build pod was evicted and is retried: {NODE_FULL}; raise it in "
            "spec.build.resources.requests to get a node with more",
            id="the node ran out of disk",
        ),
        pytest.param(
            job(evicted=True), "the build pod was evicted and is retried", id="the node was drained"
        ),
    ],
)
def test_an_eviction_message_has_the_cause_and_the_remedy(observed: BuildJob, message: str) -> None:
    assert builds.advance(build(), target(), observed, NOW).message == message


def test_a_build_that_exceeded_its_own_limit_does_not_count_as_unreported() -> None:
    assert builds.advance(build(lost=1), target(), job(over_limit=True), NOW).lost is None
