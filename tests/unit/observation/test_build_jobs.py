"""What a build Job and its pods say of the build."""

from __future__ import annotations

from typing import Any

import pytest

from model_runtime import contract
from seatrial.api.objects import Body
from seatrial.observation import build_jobs
from seatrial.observation.observed import Observed

NAME = "churn-build-b1-1"
REPORT = contract.BuildReport(reason="ModelLoadFailed", message="it does not load").to_json()


def job(kind: str = "", reason: str = "", status: str = "True", **head: Any) -> Body:
    conditions = [{"type": kind, "status": status, "reason": reason}] if kind else []
    return {"metadata": {"name": NAME, "labels": {}, **head}, "status": {"conditions": conditions}}


def pod(
    state: Body | None = None, *, name: str = NAME, born: str = "2026-11-21T12:00:00Z", **status: Any
) -> Body:
    labels = {"batch.kubernetes.io/job-name": name}
    containers = [{"name": "build", "state": state}] if state else []
    head = {"name": f"{name}-x", "labels": labels, "creationTimestamp": born}
    return {"metadata": head, "status": {"containerStatuses": containers, **status}}


def ended(code: int, reason: str = "Error", message: str = "") -> Body:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def seen(one: Body, *pods: Body) -> dict[str, Any]:
    """What is read, without what is empty."""
    found = build_jobs.seen(Observed(jobs=(one,), pods=pods), NAME)
    assert found is not None
    every = {name: getattr(found, name) for name in found.__slots__}
    return {name: value for name, value in every.items() if value and name not in {"name", "report"}}


RUNNING = {"running": {"startedAt": "2026-11-21T12:00:02Z"}}
EVICTED = {"phase": "Failed", "reason": "Evicted"}
OWN = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi"
DISRUPTED = [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]
SHARED = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}]

CASES = [
    pytest.param(job(), (), {}, id="no pod yet"),
    pytest.param(job(), (pod(RUNNING),), {"running": True}, id="it runs"),
    pytest.param(
        job(),
        (pod(conditions=SHARED),),
        {"trouble": "Unschedulable", "trouble_message": "no node"},
        id="no node has room",
    ),
    pytest.param(
        job(),
        (pod({"waiting": {"reason": "ErrImagePull", "message": "denied"}}),),
        {"trouble": "ImagePullFailed", "trouble_message": "denied"},
        id="its image cannot be had",
    ),
    pytest.param(job("Complete"), (), {"finished": True}, id="it is over and its pod was collected"),
    pytest.param(job("FailureTarget", "PodFailurePolicy"), (), {}, id="it is about to fail"),
    pytest.param(job("Failed", "BackoffLimitExceeded", "False"), (), {}, id="a condition that does not hold"),
    pytest.param(
        job("Failed", "DeadlineExceeded"), (), {"finished": True, "deadline_exceeded": True}, id="too slow"
    ),
    pytest.param(
        job(),
        (pod(ended(1, message=REPORT)),),
        {"finished": True, "exit_code": 1},
        id="a report is an end before the Job says so",
    ),
    pytest.param(job(), (pod(ended(1, message="Killed")),), {"exit_code": 1}, id="a last line is no report"),
    pytest.param(
        job("Failed", "BackoffLimitExceeded"),
        (pod(ended(137, "OOMKilled")),),
        {"finished": True, "out_of_memory": True, "exit_code": 137},
        id="out of memory",
    ),
    pytest.param(
        job("Failed", "BackoffLimitExceeded"),
        (pod(**EVICTED, message=f"{OWN}. "),),
        {"finished": True, "evicted": True, "over_limit": True, "eviction": OWN},
        id="more disk than it may",
    ),
    pytest.param(
        job(), (pod(ended(143), conditions=DISRUPTED),), {"evicted": True, "exit_code": 143}, id="drained"
    ),
    pytest.param(
        job(),
        (
            pod(RUNNING, born="2026-11-21T12:05:00Z"),
            pod(**EVICTED, message="The node was low on resource."),
        ),
        {"running": True},
        id="the newest pod speaks",
    ),
    pytest.param(job(), (pod(RUNNING, name="churn-build-b1-2"),), {}, id="a pod of another attempt"),
]


@pytest.mark.parametrize(("one", "pods", "said"), CASES)
def test_a_job_is_read_with_its_newest_pod(one: Body, pods: tuple[Body, ...], said: dict[str, Any]) -> None:
    assert seen(one, *pods) == said


def test_the_report_is_the_builds_own_word() -> None:
    found = build_jobs.seen(Observed(jobs=(job(),), pods=(pod(ended(1, message=REPORT)),)), NAME)
    assert found is not None
    assert found.report is not None
    assert (found.report.reason, found.report.message) == ("ModelLoadFailed", "it does not load")


@pytest.mark.parametrize(
    "here",
    [
        pytest.param((), id="none"),
        pytest.param((job(deletionTimestamp="2026-11-21T12:00:00Z"),), id="on its way out"),
    ],
)
def test_a_job_that_is_gone_is_none(here: tuple[Body, ...]) -> None:
    assert build_jobs.seen(Observed(jobs=here, pods=(pod(RUNNING),)), NAME) is None
