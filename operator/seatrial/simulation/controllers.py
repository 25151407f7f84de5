"""What the simulated controllers and kubelets do with pods and build Jobs: pure, one object at a time."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from model_runtime import contract
from seatrial.api import names, status_fields
from seatrial.api.objects import Body, label_of, parse_time
from seatrial.manifests import job as jobs
from seatrial.manifests import server
from seatrial.observation import pod_diagnosis

JOB_LABEL = "batch.kubernetes.io/job-name"


def pods_of(pods: tuple[Body, ...], deployment: Body) -> tuple[Body, ...]:
    """The server pods of a Deployment's revision."""
    revision = label_of(deployment, names.LABEL_REVISION)
    serving = (pod for pod in pods if label_of(pod, names.LABEL_SERVER))
    return tuple(pod for pod in serving if label_of(pod, names.LABEL_REVISION) == revision)


def orphans(pods: tuple[Body, ...], deployments: tuple[Body, ...]) -> tuple[Body, ...]:
    """The server pods whose Deployment is gone."""
    known = {label_of(deployment, names.LABEL_REVISION) for deployment in deployments}
    serving = (pod for pod in pods if label_of(pod, names.LABEL_SERVER))
    return tuple(pod for pod in serving if label_of(pod, names.LABEL_REVISION) not in known)


def first_to_go(pods: tuple[Body, ...]) -> list[Body]:
    """The pods in the order in which a smaller Deployment gives them up: those that do not answer, the newest."""
    newest = sorted(pods, key=_born_and_named, reverse=True)
    return sorted(newest, key=pod_diagnosis.is_ready)


def _born_and_named(pod: Body) -> tuple[str, str]:
    return str(pod["metadata"].get("creationTimestamp", "")), pod["metadata"]["name"]


def pods_missing(deployment: Body, pods: tuple[Body, ...], *, now: datetime, count: int) -> tuple[Body, ...]:
    """`count` new pods of a Deployment, with names that none of `pods` has."""
    taken = {pod["metadata"]["name"] for pod in pods}
    free = (
        name for n in range(1, len(taken) + max(count, 0) + 1) if (name := _name(deployment, n)) not in taken
    )
    return tuple(_pod(deployment, name, now) for name, _ in zip(free, range(max(count, 0)), strict=False))


def _name(deployment: Body, number: int) -> str:
    return f"{deployment['metadata']['name']}-{number}"


def pods_implied(deployment: Body, now: datetime) -> tuple[Body, ...]:
    """The pods that a Deployment of a snapshot without pods must have, by its own counts."""
    count = int((deployment.get("spec") or {}).get("replicas", 1))
    ready = int((deployment.get("status") or {}).get("readyReplicas", 0))
    pods = pods_missing(deployment, (), now=now, count=count)
    return tuple(_with_condition(pod) if n < ready else pod for n, pod in enumerate(pods))


def _pod(deployment: Body, name: str, now: datetime) -> Body:
    template = deployment["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": deployment["metadata"].get("namespace", ""),
            "name": name,
            "labels": dict(template["metadata"]["labels"]),
            "creationTimestamp": status_fields.format_time(now),
            "ownerReferences": [{"kind": "Deployment", "uid": deployment["metadata"].get("uid", "")}],
        },
        "status": {"phase": "Pending"},
    }


def starts_at(pod: Body, takes: timedelta) -> datetime | None:
    """When a pod becomes ready; None when it is, or never will."""
    if (
        not label_of(pod, names.LABEL_SERVER)
        or pod_diagnosis.is_ready(pod)
        or pod_diagnosis.diagnosis_of(pod)
    ):
        return None
    if pod["metadata"].get("deletionTimestamp") or pod_diagnosis.container_status(pod, server.CONTAINER).get(
        "started"
    ):
        return None
    born = parse_time(pod["metadata"].get("creationTimestamp"))
    return None if born is None else born + takes


def started(pod: Body, now: datetime, takes: timedelta) -> Body:
    """The pod as it is at `now`."""
    at = starts_at(pod, takes)
    return pod if at is None or at > now else _with_condition(pod)


def _with_condition(pod: Body) -> Body:
    running = {"name": server.CONTAINER, "restartCount": 0, "ready": True, "state": {"running": {}}}
    return {
        **pod,
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [running],
        },
    }


def ends_at(job: Body, takes: timedelta) -> datetime | None:
    """When a build's Job ends, by itself or by its deadline; None when it has."""
    if (job.get("status") or {}).get("conditions"):
        return None
    born = parse_time(job["metadata"].get("creationTimestamp"))
    return None if born is None else born + min(takes, _deadline(job, takes))


def _deadline(job: Body, takes: timedelta) -> timedelta:
    seconds = job["spec"].get("activeDeadlineSeconds")
    return takes if seconds is None else timedelta(seconds=int(seconds))


def built(job: Body, pods: tuple[Body, ...], *, now: datetime, takes: timedelta) -> tuple[Body, ...]:
    """The Job and its pod as they are at `now`: running, or ended with an image, or too late."""
    ends = ends_at(job, takes)
    if ends is None:
        return ()
    name = job["metadata"]["name"]
    theirs = [pod for pod in pods if label_of(pod, JOB_LABEL) == name]
    pod = theirs[0] if theirs else _build_pod(job)
    if ends > now:
        return (job, pod)
    if takes > _deadline(job, takes):
        killed = {"terminated": {"exitCode": 137, "reason": "Error"}}
        late = {"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]}
        return ({**job, "status": late}, _in_state(pod, killed, phase="Failed"))
    message = _report(job).to_json()
    ended = {"terminated": {"exitCode": 0, "reason": "Completed", "message": message}}
    complete = {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1}
    return ({**job, "status": complete}, _in_state(pod, ended, phase="Succeeded"))


def _build_pod(job: Body) -> Body:
    template, name = job["spec"]["template"], job["metadata"]["name"]
    born = job["metadata"].get("creationTimestamp", "")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": job["metadata"].get("namespace", ""),
            "name": f"{name}-1",
            "labels": {**template["metadata"]["labels"], JOB_LABEL: name},
            "creationTimestamp": born,
            "ownerReferences": [{"kind": "Job", "uid": job["metadata"].get("uid", "")}],
        },
    }
    return _in_state(pod, {"running": {"startedAt": born}}, phase="Running")


def _in_state(pod: Body, state: Body, *, phase: str) -> Body:
    status = {"name": jobs.CONTAINER, "restartCount": 0, "state": state}
    return {**pod, "status": {"phase": phase, "containerStatuses": [status]}}


def _report(job: Body) -> contract.BuildReport:
    request = request_of(job)
    return contract.BuildReport(
        image=f"{request.pull_repository or request.repository}@sha256:{_digest(request.build_id)}",
        model_digest=request.digest or f"sha256:{_digest(request.uri)}",
        format=request.format or request.runtime,
    )


def request_of(job: Body) -> contract.BuildRequest:
    """What a build Job was asked for."""
    variables = job["spec"]["template"]["spec"]["containers"][0]["env"]
    text = next(v["value"] for v in variables if v["name"] == contract.BUILD_REQUEST_VARIABLE)
    return contract.BuildRequest.from_json(text)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
