"""Simulated build Jobs: when they end, with which report, and how their pod looks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from model_runtime import contract
from seatrial.api import names
from seatrial.core.snapshot import BuildJob
from seatrial.observation import build_jobs as observed_jobs
from seatrial.observation.observed import Observed
from seatrial.simulation import build_jobs
from tests.golden.play import Play
from tests.unit.simulation.objects import NOON, Body

MINUTE = timedelta(minutes=1)


def new_job(*, deadline: int | None = 1800, **model: Any) -> Body:
    """Return the Job of a build that has just been created."""
    play = Play().apply(model={"uri": "s3://models/churn/7/", **model})
    (job,) = (body for body in play.later(0).story().observed if body["kind"] == "Job")
    if deadline is None:
        del job["spec"]["activeDeadlineSeconds"]
    else:
        job["spec"]["activeDeadlineSeconds"] = deadline
    return job


def observe(job: Body, pod: Body) -> BuildJob:
    """Return the Job as the operator observes it."""
    observed = observed_jobs.build_jobs(Observed(children={"Job": (job,), "Pod": (pod,)}))
    (build_job,) = observed.values()
    return build_job


def observe_after(job: Body, elapsed: timedelta = MINUTE) -> BuildJob:
    """Return the Job as the operator observes it some time after its creation; builds take a minute."""
    return observe(*build_jobs.job_and_pod_at(job, (), now=NOON + elapsed, duration=MINUTE))


def report_of(job: Body) -> contract.BuildReport:
    """Return the report of the finished build."""
    report = observe_after(job).report
    assert report is not None
    return report


def test_a_build_runs_until_its_duration_is_over() -> None:
    running = observe_after(new_job(), MINUTE - timedelta(seconds=1))
    assert running.running
    assert not running.finished


def test_the_image_of_a_build_depends_on_the_model_only() -> None:
    first, second = report_of(new_job()), report_of(new_job())
    assert first == second
    assert first.succeeded
    other = report_of(new_job(format="onnx"))
    assert (other.format, other.image == first.image) == ("onnx", False)


def test_a_build_reports_the_digest_that_the_spec_pins() -> None:
    digest = "sha256:" + "7" * 64
    assert report_of(new_job(digest=digest)).model_digest == digest


def test_a_build_that_takes_too_long_fails_at_its_deadline() -> None:
    job = new_job(deadline=30)
    assert build_jobs.end_time(job, MINUTE) == NOON + timedelta(seconds=30)
    failed = observe_after(job, timedelta(seconds=30))
    assert (failed.finished, failed.deadline_exceeded) == (True, True)
    assert (failed.report, failed.exit_code) == (None, 137)


@pytest.mark.parametrize("deadline", [60, 1800, None])
def test_a_build_within_its_deadline_does_not_fail(deadline: int | None) -> None:
    job = observe_after(new_job(deadline=deadline))
    assert (job.finished, job.deadline_exceeded) == (True, False)


def test_a_build_keeps_its_pod_from_start_to_end() -> None:
    job, pod = build_jobs.job_and_pod_at(new_job(), (), now=NOON, duration=MINUTE)
    _, later = build_jobs.job_and_pod_at(job, (pod,), now=NOON + MINUTE, duration=MINUTE)
    assert later["metadata"] == pod["metadata"]
    assert later["metadata"]["labels"][build_jobs.JOB_LABEL] == job["metadata"]["name"]
    assert names.LABEL_SERVER not in later["metadata"]["labels"]


def test_a_finished_build_does_not_change_any_more() -> None:
    job, pod = build_jobs.job_and_pod_at(new_job(), (), now=NOON + MINUTE, duration=MINUTE)
    assert build_jobs.end_time(job, MINUTE) is None
    assert build_jobs.job_and_pod_at(job, (pod,), now=NOON + 2 * MINUTE, duration=MINUTE) == ()


def test_the_build_request_is_read_from_the_job() -> None:
    request = build_jobs.build_request_of(new_job())
    assert isinstance(request, contract.BuildRequest)
    assert request.uri == "s3://models/churn/7/"
