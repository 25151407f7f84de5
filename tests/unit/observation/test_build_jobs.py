"""What a build Job and its pods report about the build."""

from __future__ import annotations

from typing import Any

import pytest

from model_runtime import contract
from seatrial.api import names
from seatrial.api.objects import Body
from seatrial.core.snapshot import BuildJob, Snapshot
from seatrial.observation.build_jobs import build_jobs
from seatrial.observation.observed import Observed

NAME = "churn-build-b1-1"
LABELS = {names.LABEL_BUILD: "b1"}
REPORT = contract.BuildReport(reason="ModelLoadFailed", message="it does not load").to_json()


def job(kind: str = "", reason: str = "", status: str = "True", **head: Any) -> Body:
    """Return the Job of the first attempt, with a condition of this `kind`."""
    conditions = [{"type": kind, "status": status, "reason": reason}] if kind else []
    return {"metadata": {"name": NAME, "labels": LABELS, **head}, "status": {"conditions": conditions}}


def pod(
    state: Body | None = None, *, name: str = NAME, created: str = "2026-11-21T12:00:00Z", **status: Any
) -> Body:
    """Return a pod of the Job `name`, with its container in this state."""
    labels = {"batch.kubernetes.io/job-name": name}
    containers = [{"name": "build", "state": state}] if state else []
    head = {"name": f"{name}-x", "labels": labels, "creationTimestamp": created}
    return {"metadata": head, "status": {"containerStatuses": containers, **status}}


def terminated(code: int, reason: str = "Error", message: str = "") -> Body:
    """Return the state of a container that exited."""
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def observed(job: Body, *pods: Body) -> BuildJob | None:
    """Return what is read of the first attempt."""
    return Snapshot(jobs=build_jobs(Observed(children={"Job": (job,), "Pod": pods}))).job("b1", 1)


def fields_of(job: BuildJob | None) -> dict[str, Any]:
    """Return the fields that are set, without name and report."""
    assert job is not None
    fields = {name: getattr(job, name) for name in job.__slots__}
    return {name: value for name, value in fields.items() if value and name not in {"name", "report"}}


RUNNING = {"running": {"startedAt": "2026-11-21T12:00:02Z"}}
EVICTED: Body = {"phase": "Failed", "reason": "Evicted"}
OWN_LIMIT = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi"
DISRUPTED = [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]
UNSCHEDULABLE = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}]

CASES = [
    pytest.param(job(), (), {}, id="there is no pod yet"),
    pytest.param(job(), (pod(RUNNING),), {"running": True}, id="the container runs"),
    pytest.param(
        job(),
        (pod(conditions=UNSCHEDULABLE),),
        {"waiting_reason": "Unschedulable", "waiting_message": "no node"},
        id="the pod cannot be scheduled",
    ),
    pytest.param(
        job(),
        (pod({"waiting": {"reason": "ErrImagePull", "message": "denied"}}),),
        {"waiting_reason": "ImagePullFailed", "waiting_message": "denied"},
        id="the image cannot be pulled",
    ),
    pytest.param(job("Complete"), (), {"finished": True}, id="the Job is complete and its pod was deleted"),
    pytest.param(job("FailureTarget", "PodFailurePolicy"), (), {}, id="the Job is about to fail"),
    pytest.param(
        job("Failed", "BackoffLimitExceeded", "False"),
        (),
        {},
        id="a condition with status False does not count",
    ),
    pytest.param(
        job("Failed", "DeadlineExceeded"),
        (),
        {"finished": True, "deadline_exceeded": True},
        id="the Job exceeded its deadline",
    ),
    pytest.param(
        job(),
        (pod(terminated(1, message=REPORT)),),
        {"finished": True, "exit_code": 1},
        id="a report ends the build before the Job has a condition",
    ),
    pytest.param(
        job(),
        (pod(terminated(1, message="Killed")),),
        {"exit_code": 1},
        id="a termination message that is no report is ignored",
    ),
    pytest.param(
        job("Failed", "BackoffLimitExceeded"),
        (pod(terminated(137, "OOMKilled")),),
        {"finished": True, "out_of_memory": True, "exit_code": 137},
        id="the container was OOM-killed",
    ),
    pytest.param(
        job("Failed", "BackoffLimitExceeded"),
        (pod(**EVICTED, message=f"{OWN_LIMIT}. "),),
        {"finished": True, "evicted": True, "over_limit": True, "eviction": OWN_LIMIT},
        id="the pod was evicted for exceeding its own disk limit",
    ),
    pytest.param(
        job(),
        (pod(terminated(143), conditions=DISRUPTED),),
        {"evicted": True, "exit_code": 143},
        id="the node was drained",
    ),
    pytest.param(
        job(),
        (
            pod(RUNNING, created="2026-11-21T12:05:00Z"),
            pod(**EVICTED, message="The node was low on resource."),
        ),
        {"running": True},
        id="only the newest pod counts",
    ),
    pytest.param(
        job(), (pod(RUNNING, name="churn-build-b1-2"),), {}, id="a pod of another attempt does not count"
    ),
]


@pytest.mark.parametrize(("job", "pods", "fields"), CASES)
def test_a_job_is_read_together_with_its_newest_pod(
    job: Body, pods: tuple[Body, ...], fields: dict[str, Any]
) -> None:
    assert fields_of(observed(job, *pods)) == fields


def test_the_report_of_the_build_is_read_from_the_termination_message() -> None:
    build_job = observed(job(), pod(terminated(1, message=REPORT)))
    assert build_job is not None
    assert build_job.report is not None
    assert (build_job.report.reason, build_job.report.message) == ("ModelLoadFailed", "it does not load")


def test_a_pod_without_its_job_is_no_build_job() -> None:
    assert build_jobs(Observed(children={"Pod": (pod(RUNNING),)})) == {}


def test_a_job_that_is_being_deleted_is_not_followed() -> None:
    assert observed(job(deletionTimestamp="2026-11-21T12:00:00Z"), pod(RUNNING)) is None
