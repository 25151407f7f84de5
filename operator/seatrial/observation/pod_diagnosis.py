"""Reads Kubernetes dictionaries into the domain's words: tracks, troubles, exits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from model_runtime import contract
from seatrial.api import names, reasons
from seatrial.api.objects import Body, condition_of, is_condition_true, label_of, parse_time
from seatrial.api.text import truncate_middle
from seatrial.core.snapshot import AbnormalExit, Diagnosis, Track
from seatrial.manifests import server
from seatrial.observation.observed import Bodies, Observed

Reason = reasons.Reason
DISRUPTED = frozenset({"Evicted", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Preempting"})
LONGEST_MESSAGE = 500
KILLED = 137
"""The exit code of a container that was killed: 128 and SIGKILL."""


def of_revision(bodies: Bodies, revision: str) -> Bodies:
    """Those that carry the revision's label."""
    return tuple(b for b in bodies if label_of(b, names.LABEL_REVISION) == revision)


def server_pods(observed: Observed) -> Bodies:
    """The pods that serve; build pods are none."""
    return tuple(pod for pod in _of_servers(observed) if not _over(pod))


def _of_servers(observed: Observed) -> Bodies:
    return tuple(pod for pod in observed.pods if label_of(pod, names.LABEL_SERVER))


def _over(pod: Body) -> bool:
    """An evicted pod stays as a record; nothing runs in it any more."""
    return (pod.get("status") or {}).get("phase") in {"Failed", "Succeeded"}


def track(observed: Observed, revision: str) -> Track:
    """What is seen of a revision."""
    deployment = next(iter(of_revision(observed.deployments, revision)), None)
    records = of_revision(_of_servers(observed), revision)
    pods = tuple(pod for pod in records if not _over(pod))
    ready = sum(1 for pod in pods if is_ready(pod))
    return Track(
        revision=revision,
        exists=deployment is not None,
        wanted=0 if deployment is None else int((deployment.get("spec") or {}).get("replicas", 1)),
        pods=len(pods),
        ready=ready,
        available=ready,
        exits=tuple(e for pod in records for e in (_eviction(pod) if over_its_limit(pod) else _exits(pod))),
        trouble=_trouble(deployment, pods),
    )


def strangers(observed: Observed, *known: str) -> int:
    """Server pods of revisions that are not among `known`."""
    return sum(1 for pod in server_pods(observed) if label_of(pod, names.LABEL_REVISION) not in known)


def is_ready(pod: Body) -> bool:
    """It gets requests: ready, and not told to go."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    return is_condition_true(pod, "Ready")


def scaling_active(observed: Observed, revision: str) -> Body:
    """What a revision's autoscaler says of whether it works; empty while it says nothing, or there is none."""
    return condition_of(next(iter(of_revision(observed.autoscalers, revision)), {}), "ScalingActive")


def container_of(pod: Body, name: str) -> Body:
    """The status of one container of a pod; empty while there is none."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((s for s in statuses if s.get("name") == name), {})


def disrupted(pod: Body) -> bool:
    """The cluster took the pod away: eviction, drain, preemption, a lost node."""
    status = pod.get("status") or {}
    return status.get("reason") in DISRUPTED or is_condition_true(pod, "DisruptionTarget")


OVER_ITS_LIMIT = re.compile(
    r"exceeds the total limit of containers|exceeded its local ephemeral storage limit|of EmptyDir volume .* exceeds"
)
"""What the kubelet says of a pod that it evicts for the pod's own use of local storage, and of no other."""


def eviction_of(pod: Body) -> str:
    """The kubelet's sentence about a pod that it evicted; empty for any other."""
    status = pod.get("status") or {}
    return _short(str(status.get("message", ""))).rstrip(". ") if status.get("reason") == "Evicted" else ""


def over_its_limit(pod: Body) -> bool:
    """The pod was evicted because it used more local storage than it may: the next one would be as well."""
    return OVER_ITS_LIMIT.search(eviction_of(pod)) is not None


def _eviction(pod: Body) -> Iterator[AbnormalExit]:
    """The end of a pod for what it used itself counts as an exit, as one for its memory does."""
    status = container_of(pod, server.CONTAINER)
    at = parse_time(_ended(status).get("finishedAt"))
    at = at or parse_time(condition_of(pod, "Ready").get("lastTransitionTime"))
    if at is not None:
        restarts = int(status.get("restartCount", 0)) + 1
        yield AbnormalExit(
            at=at, pod=pod["metadata"]["name"], code=KILLED, restarts=restarts, eviction=_over_which(pod)
        )


def _over_which(pod: Body) -> str:
    told = eviction_of(pod)
    limit = "its sizeLimit" if "EmptyDir" in told else "ephemeral-storage in spec.serving.resources.limits"
    return f"{told}; raise {limit}"


def _exits(pod: Body) -> Iterator[AbnormalExit]:
    if disrupted(pod) or pod["metadata"].get("deletionTimestamp"):
        return
    status = container_of(pod, server.CONTAINER)
    restarts = int(status.get("restartCount", 0))
    for key, more in (("lastState", 0), ("state", 1)):
        ended = (status.get(key) or {}).get("terminated") or {}
        at = parse_time(ended.get("finishedAt"))
        if at is not None and ended.get("exitCode", 0) != 0:
            yield AbnormalExit(
                at=at,
                pod=pod["metadata"]["name"],
                code=int(ended["exitCode"]),
                restarts=1 if more else max(restarts, 1),
                out_of_memory=ended.get("reason") == "OOMKilled",
            )


def _trouble(deployment: Body | None, pods: Bodies) -> Diagnosis | None:
    """The worst trouble: a terminal one before a passing one, else the first in order of name."""
    sick = [t for pod in pods if not is_ready(pod) if (t := pod_trouble(pod)) is not None]
    refused = _creation_refused(deployment) if deployment else None
    every = [*sick, *([refused] if refused else [])]
    return min(every, key=lambda t: not t.terminal, default=None)


def _creation_refused(deployment: Body) -> Diagnosis | None:
    if not is_condition_true(deployment, "ReplicaFailure"):
        return None
    message = str(condition_of(deployment, "ReplicaFailure").get("message", ""))
    reason = Reason.QUOTA_EXCEEDED if "exceeded quota" in message else Reason.POD_REJECTED
    return Diagnosis(reason=reason, message=_short(message))


def pod_trouble(pod: Body) -> Diagnosis | None:
    """Why a pod is not ready, where it can be seen."""
    if pod["metadata"].get("deletionTimestamp"):
        return None
    return next((t for rule in _RULES if (t := rule(pod)) is not None), None)


def _ended(status: Body) -> Body:
    """The last end of a container, whether it has been started again or not."""
    for key in ("state", "lastState"):
        ended: Body = (status.get(key) or {}).get("terminated") or {}
        if ended:
            return ended
    return {}


def _left_with_a_word(pod: Body) -> Diagnosis | None:
    """Our own server says why it leaves."""
    status = container_of(pod, server.CONTAINER)
    try:
        word = contract.Exit.from_json(str(_ended(status).get("message", "")))
        return _of_container(pod, status, Reason(word.reason), word.message)
    except ValueError:
        return None


def _out_of_memory(pod: Body) -> Diagnosis | None:
    status = container_of(pod, server.CONTAINER)
    if _ended(status).get("reason") != "OOMKilled":
        return None
    return _of_container(
        pod, status, Reason.OUT_OF_MEMORY, "killed for memory; raise spec.serving.resources.limits.memory"
    )


def _crash_loop(pod: Body) -> Diagnosis | None:
    status = container_of(pod, server.CONTAINER)
    if _waiting(status).get("reason") != "CrashLoopBackOff" or not status.get("restartCount"):
        return None
    ended = _ended(status)
    last_words = _last_lines(str(ended.get("message", "")))
    code = ended.get("exitCode")
    return _of_container(
        pod, status, Reason.CRASH_LOOP, f"exits again and again, with code {code}{last_words}"
    )


def _last_lines(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return f"; its last words: {_short(' / '.join(lines[-3:]))}" if lines else ""


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


def _kept_waiting(pod: Body) -> Diagnosis | None:
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        waiting = _waiting(status)
        reason = _WAITING.get(str(waiting.get("reason", "")))
        if reason is not None:
            return _of_container(pod, status, reason, _short(str(waiting.get("message", ""))))
    return None


WITHOUT_NODE = frozenset({"Unschedulable", "SchedulingGated", "SchedulerError"})


def _unschedulable(pod: Body) -> Diagnosis | None:
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled.get("status") != "False" or scheduled.get("reason") not in WITHOUT_NODE:
        return None
    message = _short(str(scheduled.get("message", "")))
    return Diagnosis(reason=Reason.UNSCHEDULABLE, message=message, pod=pod["metadata"]["name"])


_RULES: tuple[Callable[[Body], Diagnosis | None], ...] = (
    _left_with_a_word,
    _out_of_memory,
    _crash_loop,
    _kept_waiting,
    _unschedulable,
)


def waiting_trouble(pod: Body) -> Diagnosis | None:
    """Why a pod of a build does not start."""
    return _kept_waiting(pod) or _unschedulable(pod)


def _waiting(status: Body) -> Body:
    waiting: Body = (status.get("state") or {}).get("waiting") or {}
    return waiting


def _of_container(pod: Body, status: Body, reason: Reason, message: str) -> Diagnosis:
    code: Any = _ended(status).get("exitCode")
    return Diagnosis(
        reason=reason,
        message=message,
        pod=pod["metadata"]["name"],
        exit_code=code,
        restarts=int(status.get("restartCount", 0)),
    )


def _short(text: str) -> str:
    return truncate_middle(" ".join(text.split()), LONGEST_MESSAGE)
