"""The fake's Deployment controller: pods straight from the Deployment, without ReplicaSets between."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from seatrial.api import kinds, objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body, ObjectKey
from seatrial.kube import failures
from tests.apiserver.kubelet import is_ready
from tests.apiserver.pod_behaviour import Refusal
from tests.apiserver.server import FakeApiServer
from tests.apiserver.store import Change
from tests.apiserver.work_queue import Reactor

MANAGER: Final = "kube-controller-manager"
HASH_LABEL: Final = "pod-template-hash"


class DeploymentController:
    """Every Deployment has the pods it wants, of its present template, and a status that says so."""

    def __init__(self, server: FakeApiServer, *, refusal: Refusal) -> None:
        self.refusal = refusal
        self._server = server
        self._reactor = Reactor(self._look)
        server.store.on_change.append(self._notice)

    def _notice(self, kind: Kind, change: Change) -> None:
        body = change.after or change.before or {}
        if kind == kinds.DEPLOYMENT and change.after is not None:
            self._reactor.poke(objects.key_of(body))
        elif kind == kinds.POD:
            owner = objects.controller_of(body)
            if owner and owner["kind"] == kinds.DEPLOYMENT.kind:
                self._reactor.poke(ObjectKey(body["metadata"]["namespace"], owner["name"]))

    def _look(self, key: ObjectKey) -> None:
        deployment = self._server.look(kinds.DEPLOYMENT, *key)
        if deployment is None or deployment["metadata"].get("deletionTimestamp"):
            return
        refused = "" if deployment["spec"].get("paused") else self._fill(deployment)
        status = _status(deployment, self._pods(deployment), refused=refused, now=self._server.now())
        self._server.set_status(kinds.DEPLOYMENT, *key, status=status, manager=MANAGER)

    def _pods(self, deployment: Body) -> list[Body]:
        owned = self._server.store.owned_by(objects.uid_of(deployment))
        return [
            pod
            for kind, _, pod in owned
            if kind == kinds.POD and not pod["metadata"].get("deletionTimestamp")
        ]

    def _fill(self, deployment: Body) -> str:
        """Creates and deletes pods; says why one may not be created."""
        present = template_hash(deployment)
        pods = self._pods(deployment)
        for pod in (pod for pod in pods if pod.get("status", {}).get("phase") in ("Failed", "Succeeded")):
            self._delete(pod)
        pods = [pod for pod in pods if pod.get("status", {}).get("phase") not in ("Failed", "Succeeded")]
        current = [pod for pod in pods if objects.labels_of(pod).get(HASH_LABEL) == present]
        former = [pod for pod in pods if pod not in current]
        wanted: int = deployment["spec"]["replicas"]
        refused = ""
        for _ in range(wanted - len(current)):
            refused = self._create(deployment, present)
        for pod in sorted(current, key=_least_missed)[: max(0, len(current) - wanted)]:
            self._delete(pod)
        replaced = sum(is_ready(pod) for pod in current) if current else 0
        keep = max(0, min(len(former), wanted - replaced))
        for pod in sorted(former, key=_least_missed)[: len(former) - keep]:
            self._delete(pod)
        return refused

    def _create(self, deployment: Body, present: str) -> str:
        pod = _pod(deployment, present)
        if refused := self.refusal(pod):
            return f'pods "{deployment["metadata"]["name"]}-" is forbidden: {refused}'
        try:
            self._server.insert(kinds.POD, pod, manager=MANAGER)
        except failures.Forbidden as error:
            return error.message
        return ""

    def _delete(self, pod: Body) -> None:
        self._server.remove(kinds.POD, *objects.key_of(pod))


def template_hash(deployment: Body) -> str:
    """Changes when the pod template does."""
    text = json.dumps(deployment["spec"]["template"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _pod(deployment: Body, present: str) -> Body:
    template = deployment["spec"]["template"]
    metadata = template.get("metadata") or {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": deployment["metadata"]["namespace"],
            "generateName": f"{deployment['metadata']['name']}-{present}-",
            "labels": {**(metadata.get("labels") or {}), HASH_LABEL: present},
            "annotations": metadata.get("annotations") or {},
            "ownerReferences": [owner_reference(kinds.DEPLOYMENT, deployment)],
        },
        "spec": template["spec"],
    }


def owner_reference(kind: Kind, body: Body) -> Body:
    """The reference of an object that `body` controls."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "name": body["metadata"]["name"],
        "uid": objects.uid_of(body),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _least_missed(pod: Body) -> tuple[bool, int]:
    """Pods that are not ready go first, then the newest."""
    return is_ready(pod), -int(objects.version_of(pod))


def _status(deployment: Body, pods: list[Body], *, refused: str, now: str) -> Body:
    spec = deployment["spec"]
    present = template_hash(deployment)
    ready = sum(is_ready(pod) for pod in pods)
    updated = sum(objects.labels_of(pod).get(HASH_LABEL) == present for pod in pods)
    counts = {
        "replicas": len(pods),
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(0, spec["replicas"] - ready),
    }
    status: Body = {"observedGeneration": deployment["metadata"]["generation"]}
    status |= {name: count for name, count in counts.items() if count}
    status["conditions"] = _conditions(deployment, ready, updated, refused=refused, now=now)
    return status


def _conditions(deployment: Body, ready: int, updated: int, *, refused: str, now: str) -> list[Body]:
    wanted = deployment["spec"]["replicas"]
    enough = ready >= wanted - wanted // 4
    complete = ready == updated == wanted
    available = "Minimum" + ("ReplicasAvailable" if enough else "ReplicasUnavailable")
    sentence = f"Deployment {'has' if enough else 'does not have'} minimum availability."
    said = [
        ("Available", str(enough), available, sentence),
        ("Progressing", "True", "NewReplicaSetAvailable" if complete else "ReplicaSetUpdated", ""),
    ]
    if refused:
        said.append(("ReplicaFailure", "True", "FailedCreate", refused))
    before = {c["type"]: c for c in deployment.get("status", {}).get("conditions") or []}
    return [_condition(*words, before=before, now=now) for words in said]


def _condition(
    name: str, value: str, reason: str, message: str, *, before: dict[str, Body], now: str
) -> Body:
    new = {"type": name, "status": value, "reason": reason, "message": message}
    old = before.get(name)
    if old and {key: old[key] for key in new} == new:
        return old
    moved_at = old["lastTransitionTime"] if old and old["status"] == new["status"] else now
    return {**new, "lastUpdateTime": now, "lastTransitionTime": moved_at}
