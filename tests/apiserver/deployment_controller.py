"""The fake Deployment controller: creates pods directly, without ReplicaSets."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Final

from seatrial.api import kinds, objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body, ObjectKey
from seatrial.kube import failures
from tests.apiserver.kubelet import is_ready
from tests.apiserver.pod_behaviour import PodRejection
from tests.apiserver.server import FakeApiServer
from tests.apiserver.store import Change
from tests.apiserver.work_queue import WorkQueue

MANAGER: Final = "kube-controller-manager"
HASH_LABEL: Final = "pod-template-hash"
FIRST_RETRY: Final = 0.005
LAST_RETRY: Final = 1000.0
"""Seconds: the back-off of the ReplicaSet controller after a pod that was refused."""


class DeploymentController:
    """Keeps the pods of every Deployment at its replicas and current template, and reports its status."""

    def __init__(self, server: FakeApiServer, *, rejection: PodRejection) -> None:
        self.rejection = rejection
        self._server = server
        self._queue = WorkQueue(self._reconcile)
        self._retries: dict[ObjectKey, tuple[int, asyncio.TimerHandle]] = {}
        """How often the pods of a Deployment were refused in a row, and the next try."""
        self._replica_sets: set[tuple[str, str]] = set()
        """uid and template hash of the Deployments that were not paused: what a real one has ReplicaSets for."""
        server.store.on_change.append(self._on_change)

    def _on_change(self, kind: Kind, change: Change) -> None:
        body = change.after or change.before or {}
        if kind == kinds.DEPLOYMENT and change.after is not None:
            self._queue.add(objects.key_of(body))
        elif kind == kinds.POD:
            owner = objects.controller_of(body)
            if owner and owner["kind"] == kinds.DEPLOYMENT.kind:
                self._queue.add(ObjectKey(body["metadata"]["namespace"], owner["name"]))

    def _reconcile(self, key: ObjectKey) -> None:
        deployment = self._server.look(kinds.DEPLOYMENT, *key)
        if deployment is None or deployment["metadata"].get("deletionTimestamp"):
            return
        rejection = self._fill(deployment) if self._may_fill(deployment) else ""
        self._retry(key, again=bool(rejection))
        status = _status(deployment, self._pods(deployment), rejection=rejection, now=self._server.now())
        self._server.set_status(kinds.DEPLOYMENT, *key, status=status, manager=MANAGER)

    def _retry(self, key: ObjectKey, *, again: bool) -> None:
        """Try again with exponential back-off, or reset it."""
        count, timer = self._retries.pop(key, (0, None))
        if timer is not None:
            timer.cancel()
        if again:
            delay = min(FIRST_RETRY * 2 ** min(count, 30), LAST_RETRY)
            timer = asyncio.get_running_loop().call_later(delay, self._queue.add, key)
            self._retries[key] = (count + 1, timer)

    def _may_fill(self, deployment: Body) -> bool:
        """Return whether pods are created and deleted: a paused Deployment scales, but starts no new template."""
        replica_set = (objects.uid_of(deployment), template_hash(deployment))
        if not deployment["spec"].get("paused"):
            self._replica_sets.add(replica_set)
        return replica_set in self._replica_sets

    def _pods(self, deployment: Body) -> list[Body]:
        owned = self._server.store.owned_by(objects.uid_of(deployment))
        return [
            pod
            for kind, _, pod in owned
            if kind == kinds.POD and not pod["metadata"].get("deletionTimestamp")
        ]

    def _fill(self, deployment: Body) -> str:
        """Create and delete pods; return why a pod was rejected, or an empty string."""
        template_id = template_hash(deployment)
        pods = self._pods(deployment)
        for pod in (pod for pod in pods if pod.get("status", {}).get("phase") in ("Failed", "Succeeded")):
            self._delete(pod)
        pods = [pod for pod in pods if pod.get("status", {}).get("phase") not in ("Failed", "Succeeded")]
        current = [pod for pod in pods if objects.labels_of(pod).get(HASH_LABEL) == template_id]
        outdated = [pod for pod in pods if pod not in current]
        replicas: int = deployment["spec"]["replicas"]
        rejection = ""
        for _ in range(replicas - len(current)):
            rejection = self._create(deployment, template_id)
        for pod in sorted(current, key=_deletion_order)[: max(0, len(current) - replicas)]:
            self._delete(pod)
        replaced = sum(is_ready(pod) for pod in current) if current else 0
        keep = max(0, min(len(outdated), replicas - replaced))
        for pod in sorted(outdated, key=_deletion_order)[: len(outdated) - keep]:
            self._delete(pod)
        return rejection

    def _create(self, deployment: Body, template_id: str) -> str:
        pod = _pod(deployment, template_id)
        if message := self.rejection(pod):
            return f'pods "{deployment["metadata"]["name"]}-" is forbidden: {message}'
        try:
            self._server.insert(kinds.POD, pod, manager=MANAGER)
        except failures.Forbidden as error:
            return error.message
        return ""

    def _delete(self, pod: Body) -> None:
        self._server.remove(kinds.POD, *objects.key_of(pod))


def template_hash(deployment: Body) -> str:
    """Return a hash of the pod template."""
    text = json.dumps(deployment["spec"]["template"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _pod(deployment: Body, template_id: str) -> Body:
    template = deployment["spec"]["template"]
    metadata = template.get("metadata") or {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": deployment["metadata"]["namespace"],
            "generateName": f"{deployment['metadata']['name']}-{template_id}-",
            "labels": {**(metadata.get("labels") or {}), HASH_LABEL: template_id},
            "annotations": metadata.get("annotations") or {},
            "ownerReferences": [owner_reference(kinds.DEPLOYMENT, deployment)],
        },
        "spec": template["spec"],
    }


def owner_reference(kind: Kind, body: Body) -> Body:
    """Return the owner reference for an object that `body` controls."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "name": body["metadata"]["name"],
        "uid": objects.uid_of(body),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _deletion_order(pod: Body) -> tuple[bool, int]:
    """Sort pods for scale-down: those that are not ready first, then the newest."""
    return is_ready(pod), -int(objects.version_of(pod))


def _status(deployment: Body, pods: list[Body], *, rejection: str, now: str) -> Body:
    spec = deployment["spec"]
    template_id = template_hash(deployment)
    ready = sum(is_ready(pod) for pod in pods)
    updated = sum(objects.labels_of(pod).get(HASH_LABEL) == template_id for pod in pods)
    counts = {
        "replicas": len(pods),
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(0, spec["replicas"] - ready),
    }
    status: Body = {"observedGeneration": deployment["metadata"]["generation"]}
    status |= {name: count for name, count in counts.items() if count}
    status["conditions"] = _conditions(deployment, ready, updated, rejection=rejection, now=now)
    return status


def _conditions(deployment: Body, ready: int, updated: int, *, rejection: str, now: str) -> list[Body]:
    replicas = deployment["spec"]["replicas"]
    is_available = ready >= replicas - replicas // 4
    is_complete = ready == updated == replicas
    available = "Minimum" + ("ReplicasAvailable" if is_available else "ReplicasUnavailable")
    message = f"Deployment {'has' if is_available else 'does not have'} minimum availability."
    conditions = [
        ("Available", str(is_available), available, message),
        ("Progressing", "True", "NewReplicaSetAvailable" if is_complete else "ReplicaSetUpdated", ""),
    ]
    if rejection:
        conditions.append(("ReplicaFailure", "True", "FailedCreate", rejection))
    before = {c["type"]: c for c in deployment.get("status", {}).get("conditions") or []}
    return [_condition(*condition, before=before, now=now) for condition in conditions]


def _condition(
    name: str, value: str, reason: str, message: str, *, before: dict[str, Body], now: str
) -> Body:
    new = {"type": name, "status": value, "reason": reason, "message": message}
    old = before.get(name)
    if old and {key: old[key] for key in new} == new:
        return old
    if old and name == "ReplicaFailure" and (old["status"], old["reason"]) == (value, reason):
        return old  # the controller keeps the first message, whatever the later ones say
    transition_time = old["lastTransitionTime"] if old and old["status"] == new["status"] else now
    return {**new, "lastUpdateTime": now, "lastTransitionTime": transition_time}
