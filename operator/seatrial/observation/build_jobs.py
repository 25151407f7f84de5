"""Reads a build Job and its pod into what the build's decision needs."""

from __future__ import annotations

from model_runtime import contract
from seatrial.api import names
from seatrial.api.objects import Body, condition_of, is_condition_true, label_of
from seatrial.core.builds import BuildJob
from seatrial.manifests import job
from seatrial.observation import pod_diagnosis
from seatrial.observation.observed import Observed


def seen(observed: Observed, name: str) -> BuildJob | None:
    """The Job of this name as far as it got; None when there is none or it is being deleted."""
    body = next((j for j in observed.jobs if j["metadata"]["name"] == name), None)
    if body is None or body["metadata"].get("deletionTimestamp"):
        return None
    pods = [p for p in observed.pods if label_of(p, "batch.kubernetes.io/job-name") == name]
    pod = max(pods, key=lambda p: str(p["metadata"].get("creationTimestamp", "")), default=None)
    return _seen(body, pod)


def attempts_at(observed: Observed, build_id: str) -> int:
    """The highest attempt at an image whose Job is still there and over; one less while that one still runs."""
    names_of = (b["metadata"]["name"] for b in observed.jobs if label_of(b, names.LABEL_BUILD) == build_id)
    numbered = {int(n): name for name in names_of if (n := name.rpartition("-")[2]).isdigit()}
    newest = max(numbered, default=0)
    job_seen = seen(observed, numbered[newest]) if newest else None
    return newest - 1 if job_seen is not None and not job_seen.finished else newest


def _seen(body: Body, pod: Body | None) -> BuildJob:
    ended = _end_of(pod)
    failure = _failure_of(body)
    trouble = None if pod is None else pod_diagnosis.waiting_trouble(pod)
    return BuildJob(
        name=body["metadata"]["name"],
        running=bool(
            pod and (pod_diagnosis.container_of(pod, job.CONTAINER).get("state") or {}).get("running")
        ),
        finished=is_condition_true(body, "Complete") or failure is not None or _report(ended) is not None,
        report=_report(ended),
        deadline_exceeded=failure == "DeadlineExceeded",
        out_of_memory=ended.get("reason") == "OOMKilled",
        evicted=pod is not None and pod_diagnosis.disrupted(pod),
        eviction="" if pod is None else pod_diagnosis.eviction_of(pod),
        over_limit=pod is not None and pod_diagnosis.over_its_limit(pod),
        exit_code=ended.get("exitCode"),
        trouble="" if trouble is None else trouble.reason,
        trouble_message="" if trouble is None else trouble.message,
    )


def _end_of(pod: Body | None) -> Body:
    if pod is None:
        return {}
    ended: Body = (pod_diagnosis.container_of(pod, job.CONTAINER).get("state") or {}).get("terminated") or {}
    return ended


def _report(ended: Body) -> contract.BuildReport | None:
    try:
        return contract.BuildReport.from_json(str(ended.get("message", "")))
    except ValueError:
        return None


def _failure_of(body: Body) -> str | None:
    if not is_condition_true(body, "Failed"):
        return None
    return str(condition_of(body, "Failed").get("reason", ""))
