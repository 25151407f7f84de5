"""Reads build Jobs and their pods into what the build's decision needs."""

from __future__ import annotations

from model_runtime import contract
from seatrial.api import kinds, names
from seatrial.api.objects import Body, condition_of, is_condition_true, label_of
from seatrial.core.snapshot import BuildJob
from seatrial.manifests import job
from seatrial.observation import pod_diagnosis
from seatrial.observation.observed import Observed


def build_jobs(observed: Observed) -> dict[tuple[str, int], BuildJob]:
    """Return the build Jobs by build id and attempt."""
    jobs: dict[tuple[str, int], BuildJob] = {}
    for body in observed.of(kinds.JOB):
        build_id, attempt = label_of(body, names.LABEL_BUILD), job.attempt_in(body["metadata"]["name"])
        if build_id and attempt:
            jobs[(build_id, attempt)] = _build_job(body, _newest_pod(observed, body["metadata"]["name"]))
    return jobs


def _newest_pod(observed: Observed, name: str) -> Body | None:
    pods = [p for p in observed.of(kinds.POD) if label_of(p, "batch.kubernetes.io/job-name") == name]
    return max(pods, key=lambda p: str(p["metadata"].get("creationTimestamp", "")), default=None)


def _build_job(body: Body, pod: Body | None) -> BuildJob:
    terminated = _termination(pod)
    failure = _failure_reason(body)
    waiting = None if pod is None else pod_diagnosis.why_not_started(pod)
    return BuildJob(
        name=body["metadata"]["name"],
        running=bool(pod and _container_state(pod).get("running")),
        finished=is_condition_true(body, "Complete")
        or failure is not None
        or _report(terminated) is not None,
        deleting=bool(body["metadata"].get("deletionTimestamp")),
        report=_report(terminated),
        deadline_exceeded=failure == "DeadlineExceeded",
        out_of_memory=terminated.get("reason") == "OOMKilled",
        evicted=pod is not None and pod_diagnosis.is_disrupted(pod),
        eviction="" if pod is None else pod_diagnosis.eviction_message(pod),
        over_limit=pod is not None and pod_diagnosis.exceeded_its_limit(pod),
        exit_code=terminated.get("exitCode"),
        waiting_reason="" if waiting is None else waiting.reason,
        waiting_message="" if waiting is None else waiting.message,
    )


def _container_state(pod: Body) -> Body:
    return pod_diagnosis.container_status(pod, job.CONTAINER).get("state") or {}


def _termination(pod: Body | None) -> Body:
    terminated: Body = {} if pod is None else _container_state(pod).get("terminated") or {}
    return terminated


def _report(terminated: Body) -> contract.BuildReport | None:
    try:
        return contract.BuildReport.from_json(str(terminated.get("message", "")))
    except ValueError:
        return None


def _failure_reason(body: Body) -> str | None:
    return str(condition_of(body, "Failed").get("reason", "")) if is_condition_true(body, "Failed") else None
