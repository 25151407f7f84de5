"""Reads Deployments and pods of each revision into tracks: counts, abnormal exits, a diagnosis."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from seatrial.api import kinds, names
from seatrial.api.objects import Body, condition_of, controller_of, label_of, parse_time
from seatrial.core.snapshot import AbnormalExit, Bodies, Track
from seatrial.manifests import metadata, server_pod, workload
from seatrial.observation import pod_diagnosis
from seatrial.observation.observed import Observed
from seatrial.observation.pod_diagnosis import is_ready, last_end

KILLED = 137
"""The exit code of a container that was killed: 128 and SIGKILL."""


def tracks(observed: Observed) -> dict[str, Track]:
    """Return the track of every revision that has a Deployment or server pods."""
    bodies = (*observed.of(kinds.DEPLOYMENT), *server_pods(observed))
    revisions = {revision for body in bodies if (revision := metadata.revision_of(body))}
    originals = _originals_of_copies(observed)
    return {revision: _with_original_names(track(observed, revision), originals) for revision in revisions}


def track(observed: Observed, revision: str) -> Track:
    """Return the track of one revision."""
    deployment = next(iter(_of_revision(observed.of(kinds.DEPLOYMENT), revision)), None)
    records = _of_revision(_of_servers(observed), revision)
    pods = tuple(pod for pod in records if not _is_over(pod))
    ready = sum(1 for pod in pods if is_ready(pod))
    return Track(
        revision=revision,
        exists=deployment is not None,
        wanted=0 if deployment is None else int((deployment.get("spec") or {}).get("replicas", 1)),
        pods=len(pods),
        ready=ready,
        available=ready,
        released=tuple(str(pod["metadata"]["name"]) for pod in pods if controller_of(pod) is None),
        exits=tuple(abnormal for pod in records for abnormal in _abnormal_ends(pod)),
        diagnosis=pod_diagnosis.worst(deployment, pods),
    )


def server_pods(observed: Observed) -> Bodies:
    """Return the pods that serve or start; build pods are none."""
    return tuple(pod for pod in _of_servers(observed) if not _is_over(pod))


def _of_servers(observed: Observed) -> Bodies:
    return tuple(pod for pod in observed.of(kinds.POD) if label_of(pod, names.LABEL_SERVER))


def _of_revision(bodies: Bodies, revision: str) -> Bodies:
    return tuple(b for b in bodies if metadata.revision_of(b) == revision)


def _is_over(pod: Body) -> bool:
    """Return whether the pod is only a record: an evicted pod stays, and nothing runs in it any more."""
    return (pod.get("status") or {}).get("phase") in {"Failed", "Succeeded"}


def _abnormal_ends(pod: Body) -> Iterator[AbnormalExit]:
    yield from _evictions(pod) if pod_diagnosis.exceeded_its_limit(pod) else _exits(pod)


def _evictions(pod: Body) -> Iterator[AbnormalExit]:
    """Yield the end of a pod for its own use of disk as an exit, as for its own use of memory."""
    status = pod_diagnosis.container_status(pod, server_pod.CONTAINER)
    at = parse_time(last_end(status).get("finishedAt"))
    at = at or parse_time(condition_of(pod, "Ready").get("lastTransitionTime"))
    if at is not None:
        restarts = int(status.get("restartCount", 0)) + 1
        yield AbnormalExit(
            at=at, pod=pod["metadata"]["name"], code=KILLED, restarts=restarts, eviction=_limit_exceeded(pod)
        )


def _limit_exceeded(pod: Body) -> str:
    eviction = pod_diagnosis.eviction_message(pod)
    limit = (
        "its sizeLimit" if "EmptyDir" in eviction else "ephemeral-storage in spec.serving.resources.limits"
    )
    return f"{eviction}; raise {limit}"


def _exits(pod: Body) -> Iterator[AbnormalExit]:
    if pod_diagnosis.is_disrupted(pod) or pod["metadata"].get("deletionTimestamp"):
        return
    status = pod_diagnosis.container_status(pod, server_pod.CONTAINER)
    restarts = int(status.get("restartCount", 0))
    for key, one_more in (("lastState", False), ("state", True)):
        ended = (status.get(key) or {}).get("terminated") or {}
        at = parse_time(ended.get("finishedAt"))
        if at is not None and ended.get("exitCode", 0) != 0:
            yield AbnormalExit(
                at=at,
                pod=pod["metadata"]["name"],
                code=int(ended["exitCode"]),
                restarts=1 if one_more else max(restarts, 1),
                out_of_memory=ended.get("reason") == "OOMKilled",
            )


def _originals_of_copies(observed: Observed) -> dict[str, str]:
    """Return the ConfigMap that the spec refers to, by the name of its immutable copy."""
    annotated = (
        (body["metadata"]["name"], (body["metadata"].get("annotations") or {}).get(workload.COPY_OF))
        for body in observed.of(kinds.CONFIG_MAP)
    )
    return {copy: original for copy, original in annotated if original}


def _with_original_names(seen: Track, originals: Mapping[str, str]) -> Track:
    """Return the track with its diagnosis in the names that the spec uses, not in those of copies."""
    if seen.diagnosis is None:
        return seen
    message = seen.diagnosis.message
    for copy, original in originals.items():
        message = re.sub(rf"{re.escape(copy)}(?![\w-])", original, message)
    return replace(seen, diagnosis=replace(seen.diagnosis, message=message))
