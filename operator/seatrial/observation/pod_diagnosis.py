"""Why a pod is not ready: named rules over what the kubelet and the scheduler report, the worst one first."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from model_runtime import contract
from seatrial.api import reasons
from seatrial.api.objects import Body, condition_of, is_condition_true, parse_time
from seatrial.api.text import truncate_middle
from seatrial.core.snapshot import Bodies, Diagnosis
from seatrial.manifests import server_pod
from seatrial.observation import pod_refusals

Reason = reasons.Reason
DISRUPTED = frozenset({"Evicted", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Preempting"})
LONGEST_MESSAGE = 500


def worst(deployment: Body | None, pods: Bodies) -> Diagnosis | None:
    """Return the worst diagnosis of a revision: a terminal one before a transient one, else the first by name."""
    of_pods = [found for pod in pods if not is_ready(pod) and (found := diagnosis_of(pod)) is not None]
    rejected = _pod_creation(deployment) if deployment else None
    every = [*of_pods, *([rejected] if rejected else [])]
    return min(every, key=lambda diagnosis: not diagnosis.terminal, default=None)


def diagnosis_of(pod: Body) -> Diagnosis | None:
    """Return why a pod is not ready, where it can be seen."""
    if pod["metadata"].get("deletionTimestamp"):
        return None
    return next((found for rule in _RULES if (found := rule(pod)) is not None), None)


def why_not_started(pod: Body) -> Diagnosis | None:
    """Return why the pod of a build does not start."""
    return _container_waits(pod) or _not_scheduled(pod)


def is_ready(pod: Body) -> bool:
    """Return whether a pod receives requests: ready, and not terminating."""
    return not pod["metadata"].get("deletionTimestamp") and is_condition_true(pod, "Ready")


def container_status(pod: Body, name: str) -> Body:
    """Return the status of one container of a pod; empty while there is none."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((s for s in statuses if s.get("name") == name), {})


def last_end(status: Body) -> Body:
    """Return the last termination of a container, whether it was started again or not."""
    for key in ("state", "lastState"):
        terminated: Body = (status.get(key) or {}).get("terminated") or {}
        if terminated:
            return terminated
    return {}


def is_disrupted(pod: Body) -> bool:
    """Return whether the cluster took the pod away: eviction, drain, preemption, a lost node."""
    status = pod.get("status") or {}
    return status.get("reason") in DISRUPTED or is_condition_true(pod, "DisruptionTarget")


EXCEEDED_ITS_LIMIT = re.compile(
    r"exceeds the total limit of containers|exceeded its local ephemeral storage limit|of EmptyDir volume .* exceeds"
)
"""The kubelet's sentences about a pod that it evicts for the pod's own use of local storage, and no others."""


def eviction_message(pod: Body) -> str:
    """Return the kubelet's sentence about a pod that it evicted; empty for any other."""
    status = pod.get("status") or {}
    return _one_line(str(status.get("message", ""))).rstrip(". ") if status.get("reason") == "Evicted" else ""


def exceeded_its_limit(pod: Body) -> bool:
    """Return whether the pod was evicted for exceeding its own limit of local storage: the next one would be too."""
    return EXCEEDED_ITS_LIMIT.search(eviction_message(pod)) is not None


def _pod_creation(deployment: Body) -> Diagnosis | None:
    if not is_condition_true(deployment, "ReplicaFailure"):
        return None
    failure = condition_of(deployment, "ReplicaFailure")
    message = str(failure.get("message", ""))
    return Diagnosis(
        reason=pod_refusals.reason_of(message),
        message=_one_line(message),
        since=parse_time(failure.get("lastTransitionTime")),
    )


def _reported_by_the_server(pod: Body) -> Diagnosis | None:
    """Our own server reports why it exits."""
    status = container_status(pod, server_pod.CONTAINER)
    try:
        report = contract.Exit.from_json(str(last_end(status).get("message", "")))
        return _diagnosis(pod, status, Reason(report.reason), report.message)
    except ValueError:
        return None


def _out_of_memory(pod: Body) -> Diagnosis | None:
    status = container_status(pod, server_pod.CONTAINER)
    if last_end(status).get("reason") != "OOMKilled":
        return None
    return _diagnosis(
        pod,
        status,
        Reason.OUT_OF_MEMORY,
        "container was OOM-killed; raise spec.serving.resources.limits.memory",
    )


def _crash_loop(pod: Body) -> Diagnosis | None:
    status = container_status(pod, server_pod.CONTAINER)
    if _waiting(status).get("reason") != "CrashLoopBackOff" or not status.get("restartCount"):
        return None
    ended = last_end(status)
    log = _last_lines(str(ended.get("message", "")))
    code = ended.get("exitCode")
    return _diagnosis(pod, status, Reason.CRASH_LOOP, f"container keeps exiting with code {code}{log}")


def _last_lines(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return f"; last log lines: {_one_line(' / '.join(lines[-3:]))}" if lines else ""


_WAITING = {
    "ImagePullBackOff": Reason.IMAGE_PULL_FAILED,
    "ErrImagePull": Reason.IMAGE_PULL_FAILED,
    "ErrImageNeverPull": Reason.IMAGE_PULL_FAILED,
    "SignatureValidationFailed": Reason.IMAGE_PULL_FAILED,
    "ImageInspectError": Reason.IMAGE_PULL_FAILED,
    "InvalidImageName": Reason.IMAGE_PULL_FAILED,
    "RegistryUnavailable": Reason.IMAGE_PULL_FAILED,
    "CreateContainerConfigError": Reason.CONTAINER_CONFIG_ERROR,
    "CreateContainerError": Reason.CONTAINER_CONFIG_ERROR,
    "RunContainerError": Reason.CONTAINER_CONFIG_ERROR,
    "PostStartHookError": Reason.CONTAINER_CONFIG_ERROR,
}


def _container_waits(pod: Body) -> Diagnosis | None:
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        waiting = _waiting(status)
        reason = _WAITING.get(str(waiting.get("reason", "")))
        if reason is not None:
            return _diagnosis(pod, status, reason, _one_line(str(waiting.get("message", ""))))
    return None


WITHOUT_NODE = frozenset({"Unschedulable", "SchedulingGated", "SchedulerError"})


def _not_scheduled(pod: Body) -> Diagnosis | None:
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled.get("status") != "False" or scheduled.get("reason") not in WITHOUT_NODE:
        return None
    message = _one_line(str(scheduled.get("message", "")))
    return Diagnosis(reason=Reason.UNSCHEDULABLE, message=message, pod=pod["metadata"]["name"])


_RULES: tuple[Callable[[Body], Diagnosis | None], ...] = (
    _reported_by_the_server,
    _out_of_memory,
    _crash_loop,
    _container_waits,
    _not_scheduled,
)


def _waiting(status: Body) -> Body:
    waiting: Body = (status.get("state") or {}).get("waiting") or {}
    return waiting


def _diagnosis(pod: Body, status: Body, reason: Reason, message: str) -> Diagnosis:
    code: Any = last_end(status).get("exitCode")
    return Diagnosis(
        reason=reason,
        message=message,
        pod=pod["metadata"]["name"],
        exit_code=code,
        restarts=int(status.get("restartCount", 0)),
    )


def _one_line(text: str) -> str:
    return truncate_middle(" ".join(text.split()), LONGEST_MESSAGE)
