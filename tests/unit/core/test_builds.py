"""The build of one image: when it begins, what its end means, when it is tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from model_runtime import contract
from seatrial.api import phases, reasons
from seatrial.core import builds
from seatrial.core.builds import BuildJob, BuildTarget
from seatrial.core.state import Build
from tests.builders import NOW, after

Phase = phases.BuildPhase
Reason = reasons.Reason


def target(**changes: Any) -> BuildTarget:
    known = {"build_id": "b1", "runtime": "sklearn", "runtimes": {"sklearn": "i", "onnx": "j"}}
    return BuildTarget(**{**known, **changes})


def build(**changes: Any) -> Build:
    known = {"id": "b1", "phase": Phase.RUNNING, "runtime": "sklearn", "started_at": NOW}
    return Build.model_validate({**known, **changes})


def job(**changes: Any) -> BuildJob:
    return BuildJob(**{"name": "j-1", "finished": True, **changes})


def report(**changes: Any) -> contract.BuildReport:
    return contract.BuildReport(**changes)


def test_a_wanted_image_begins_with_its_first_attempt() -> None:
    begun = builds.advance(None, target(), None, NOW)
    assert (begun.phase, begun.attempt, begun.started_at) == (Phase.PENDING, 1, NOW)


def test_another_image_begins_anew_whatever_the_last_one_did() -> None:
    begun = builds.advance(build(id="old", attempt=4), target(), job(report=report(image="x")), NOW)
    assert (begun.id, begun.attempt, begun.image) == ("b1", 1, "")


def test_a_retry_leaves_the_jobs_of_former_attempts_behind() -> None:
    assert builds.advance(None, target(attempts_over=2), None, NOW).attempt == 3


def test_an_unknown_runtime_fails_at_once_and_lists_the_known_ones() -> None:
    begun = builds.advance(None, target(runtime="caffe"), None, NOW)
    assert (begun.phase, begun.reason) == (Phase.FAILED, Reason.RUNTIME_UNKNOWN)
    assert "'caffe'; known: onnx, sklearn" in begun.message


def test_a_runtime_that_leaves_the_catalogue_before_the_job_exists_fails_the_build() -> None:
    assert builds.advance(build(), target(runtimes={}), None, NOW).reason == Reason.RUNTIME_UNKNOWN


@pytest.mark.parametrize(("cached", "phase"), [(False, Phase.SUCCEEDED), (True, Phase.CACHED)])
def test_a_report_with_an_image_ends_it(cached: bool, phase: Phase) -> None:
    ended = builds.advance(
        build(), target(), job(report=report(image="x@sha256:1", cached=cached)), after(seconds=9)
    )
    assert (ended.phase, ended.image, ended.seconds["total"]) == (phase, "x@sha256:1", 9.0)
    assert builds.seen(ended).image is not None


ENDS = [
    pytest.param(job(report=report(reason="SourceNotFound")), Reason.SOURCE_NOT_FOUND, False, id="no source"),
    pytest.param(job(report=report(reason="ModelLoadFailed")), Reason.MODEL_LOAD_FAILED, True, id="no model"),
    pytest.param(job(evicted=True), Reason.BUILD_EVICTED, False, id="evicted"),
    pytest.param(
        job(evicted=True, over_limit=True), Reason.BUILD_FAILED, True, id="more disk than its limit"
    ),
    pytest.param(job(deadline_exceeded=True), Reason.BUILD_TIMEOUT, True, id="too slow"),
    pytest.param(job(out_of_memory=True), Reason.BUILD_OUT_OF_MEMORY, True, id="out of memory"),
    pytest.param(job(exit_code=1), Reason.BUILD_EVICTED, False, id="without a word the registry is asked"),
]


@pytest.mark.parametrize(("seen", "reason", "terminal"), ENDS)
def test_a_build_that_ends_badly_says_why_and_whether_waiting_helps(
    seen: BuildJob, reason: Reason, terminal: bool
) -> None:
    ended = builds.advance(build(), target(), seen, after(seconds=5))
    assert (ended.phase, ended.reason, builds.terminal(ended)) == (Phase.FAILED, reason, terminal)
    assert builds.seen(ended).terminal is terminal


@pytest.mark.parametrize(
    ("waited_for", "reason"),
    [
        (Reason.UNSCHEDULABLE, Reason.UNSCHEDULABLE),
        (Reason.IMAGE_PULL_FAILED, Reason.IMAGE_PULL_FAILED),
        (Reason.POD_REJECTED, Reason.BUILD_EVICTED),
        ("NoWordOfTheApi", Reason.BUILD_EVICTED),
        ("", Reason.BUILD_EVICTED),
    ],
)
def test_a_pod_that_never_started_is_tried_again_after_its_deadline(waited_for: str, reason: Reason) -> None:
    waits = build(phase=Phase.PENDING, reason=waited_for, message="0/3 nodes" if waited_for else "")
    ended = builds.advance(waits, target(), job(deadline_exceeded=True), NOW)
    assert (ended.phase, ended.reason, builds.terminal(ended)) == (Phase.FAILED, reason, False)
    assert ended.message.startswith("0/3 nodes" if waited_for else "the pod of the build did not start")
    assert builds.retry_at(ended) == after(seconds=10)


def test_words_that_stay_lost_fail_it_for_good() -> None:
    ended = build(attempt=7)
    for said in (Reason.BUILD_EVICTED, Reason.BUILD_EVICTED, Reason.BUILD_FAILED):
        ended = builds.advance(build(attempt=7, lost=ended.lost), target(), job(exit_code=1), NOW)
        assert ended.reason == said
    assert "see the log of j-1" in ended.message


@pytest.mark.parametrize("unheard", [job(exit_code=1), job(report=report(reason="NoWordOfTheApi"))])
def test_lost_words_are_counted_from_attempt_to_attempt(unheard: BuildJob) -> None:
    lost = builds.advance(build(), target(), unheard, NOW)
    again = builds.advance(lost, target(), None, after(minutes=1))
    assert (lost.lost, again.lost) == (1, 1)


@pytest.mark.parametrize("heard", [job(evicted=True), job(report=report(reason=Reason.SOURCE_UNAVAILABLE))])
def test_only_words_that_are_lost_in_a_row_count(heard: BuildJob) -> None:
    assert builds.advance(build(lost=2), target(), heard, NOW).lost is None


def _failed(**changes: Any) -> Build:
    known = {"phase": Phase.FAILED, "reason": Reason.SOURCE_NOT_FOUND, "message": "gone", "finished_at": NOW}
    return build(**{**known, **changes})


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 10), (2, 20), (3, 40), (6, 300), (60, 300)])
def test_the_wait_for_the_next_attempt_doubles_up_to_five_minutes(attempt: int, seconds: int) -> None:
    failed = _failed(attempt=attempt)
    assert builds.retry_at(failed) == NOW + timedelta(seconds=seconds)
    assert builds.advance(failed, target(), None, after(seconds=seconds - 1)) == failed


def test_the_next_attempt_says_nothing_of_the_last_failure() -> None:
    again = builds.advance(_failed(), target(), None, after(seconds=10))
    assert (again.phase, again.attempt, again.reason, again.message) == (Phase.PENDING, 2, "", "")


def test_a_changed_secret_is_tried_at_once() -> None:
    assert builds.advance(_failed(inputs="old"), target(inputs="new"), None, after(seconds=1)).attempt == 2


def test_a_terminal_failure_is_not_tried_again() -> None:
    failed = _failed(reason=Reason.MODEL_LOAD_FAILED)
    assert builds.advance(failed, target(inputs="new"), None, after(hours=9)) == failed


def test_another_runtime_is_tried_at_once_when_the_catalogue_has_it() -> None:
    mismatch = report(reason=contract.RUNTIME_MISMATCH, format="onnx", wanted_runtime="onnx")
    ended = builds.advance(build(), target(), job(report=mismatch), NOW)
    again = builds.advance(ended, target(), None, NOW)
    assert (again.attempt, again.runtime, again.phase) == (2, "onnx", Phase.PENDING)


def test_a_runtime_that_nobody_has_is_terminal() -> None:
    mismatch = report(reason=contract.RUNTIME_MISMATCH, format="torch", wanted_runtime="torch")
    ended = builds.advance(build(), target(), job(report=mismatch), NOW)
    assert (ended.reason, builds.terminal(ended)) == (Reason.RUNTIME_UNKNOWN, True)


def test_a_pod_that_does_not_start_is_told_while_it_waits() -> None:
    waits = job(finished=False, diagnosis="Unschedulable", trouble_message="no node")
    running = builds.advance(build(), target(), waits, NOW)
    assert (running.phase, running.reason, running.message) == (Phase.PENDING, "Unschedulable", "no node")


def test_a_failed_build_shows_the_end_of_its_log_until_it_is_tried_again() -> None:
    said = report(reason=Reason.SOURCE_NOT_FOUND, message="nothing there", log_tail="fetching\n404")
    failed = builds.advance(build(), target(), job(report=said), NOW)
    assert failed.log_tail == "fetching\n404"
    again = builds.advance(failed, target(), None, after(minutes=1))
    assert (again.attempt, again.log_tail) == (2, "")


def test_a_build_that_ran_is_not_said_to_have_never_started_while_its_pod_is_ended() -> None:
    running = builds.advance(build(phase=Phase.PENDING), target(), job(finished=False, running=True), NOW)
    ending = builds.advance(running, target(), job(finished=False), NOW)
    ended = builds.advance(ending, target(), job(deadline_exceeded=True), NOW)
    assert ended.reason == Reason.BUILD_TIMEOUT


OWN_LIMIT = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi"
NODE_FULL = "The node was low on resource: ephemeral-storage. Container build was using 9Gi, request is 0"


@pytest.mark.parametrize(
    ("seen", "message"),
    [
        pytest.param(
            job(evicted=True, over_limit=True, eviction=OWN_LIMIT),
            f"{OWN_LIMIT}; raise ephemeral-storage in spec.build.resources.limits",
            id="its own limit",
        ),
        pytest.param(
            job(evicted=True, eviction=NODE_FULL),
            f"the pod of the build was evicted: {NODE_FULL}; it is tried again, or raise it in "
            "spec.build.resources.requests to get a node with room",
            id="a node that is full",
        ),
        pytest.param(job(evicted=True), "the pod of the build was evicted; it is tried again", id="a drain"),
    ],
)
def test_an_eviction_says_whose_fault_it_is_and_what_helps(seen: BuildJob, message: str) -> None:
    assert builds.advance(build(), target(), seen, NOW).message == message


def test_a_build_over_its_own_limit_is_no_lost_message() -> None:
    assert builds.advance(build(lost=1), target(), job(over_limit=True), NOW).lost is None
