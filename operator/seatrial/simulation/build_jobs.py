"""Simulated build Jobs: when a build ends, with which report, and how its pod looks meanwhile. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from model_runtime import contract
from seatrial.api.objects import Body, label_of, parse_time
from seatrial.manifests import job as job_manifest

JOB_LABEL = "batch.kubernetes.io/job-name"


def end_time(job: Body, duration: timedelta) -> datetime | None:
    """Return when a build's Job ends, by itself or by its deadline; None if it has ended already."""
    if (job.get("status") or {}).get("conditions"):
        return None
    created = parse_time(job["metadata"].get("creationTimestamp"))
    return None if created is None else created + min(duration, _deadline(job, duration))


def _deadline(job: Body, default: timedelta) -> timedelta:
    seconds = job["spec"].get("activeDeadlineSeconds")
    return default if seconds is None else timedelta(seconds=int(seconds))


def job_and_pod_at(
    job: Body, pods: tuple[Body, ...], *, now: datetime, duration: timedelta
) -> tuple[Body, ...]:
    """Return the Job and its pod at `now`: running, complete, or failed by the deadline; empty if it ended before."""
    end = end_time(job, duration)
    if end is None:
        return ()
    name = job["metadata"]["name"]
    pod = next((pod for pod in pods if label_of(pod, JOB_LABEL) == name), None) or _running_pod(job)
    if end > now:
        return (job, pod)
    return _timed_out(job, pod) if duration > _deadline(job, duration) else _complete(job, pod)


def _timed_out(job: Body, pod: Body) -> tuple[Body, Body]:
    container = {"terminated": {"exitCode": 137, "reason": "Error"}}
    status = {"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]}
    return {**job, "status": status}, _with_container(pod, container, phase="Failed")


def _complete(job: Body, pod: Body) -> tuple[Body, Body]:
    report = _report(job).to_json()
    container = {"terminated": {"exitCode": 0, "reason": "Completed", "message": report}}
    status = {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1}
    return {**job, "status": status}, _with_container(pod, container, phase="Succeeded")


def _running_pod(job: Body) -> Body:
    template, name = job["spec"]["template"], job["metadata"]["name"]
    created = job["metadata"].get("creationTimestamp", "")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": job["metadata"].get("namespace", ""),
            "name": f"{name}-1",
            "labels": {**template["metadata"]["labels"], JOB_LABEL: name},
            "creationTimestamp": created,
            "ownerReferences": [{"kind": "Job", "uid": job["metadata"].get("uid", "")}],
        },
    }
    return _with_container(pod, {"running": {"startedAt": created}}, phase="Running")


def _with_container(pod: Body, state: Body, *, phase: str) -> Body:
    container = {"name": job_manifest.CONTAINER, "restartCount": 0, "state": state}
    return {**pod, "status": {"phase": phase, "containerStatuses": [container]}}


def _report(job: Body) -> contract.BuildReport:
    request = build_request_of(job)
    return contract.BuildReport(
        image=f"{request.pull_repository or request.repository}@sha256:{_digest(request.build_id)}",
        model_digest=request.digest or f"sha256:{_digest(request.uri)}",
        format=request.format or request.runtime,
    )


def build_request_of(job: Body) -> contract.BuildRequest:
    """Return the request that a build Job carries in its environment."""
    variables = job["spec"]["template"]["spec"]["containers"][0]["env"]
    text = next(v["value"] for v in variables if v["name"] == contract.BUILD_REQUEST_VARIABLE)
    return contract.BuildRequest.from_json(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
