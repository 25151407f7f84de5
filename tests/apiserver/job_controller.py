"""The fake Job controller: one pod at a time, until one succeeds or the Job fails."""

from __future__ import annotations

import asyncio
from typing import Final

from seatrial.api import kinds, objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body, ObjectKey
from seatrial.kube import failures
from tests.apiserver.deployment_controller import MANAGER, owner_reference
from tests.apiserver.pod_behaviour import PodRejection
from tests.apiserver.server import FakeApiServer
from tests.apiserver.store import Change
from tests.apiserver.work_queue import WorkQueue

_FINISHED: Final = frozenset({"Complete", "Failed"})


class JobController:
    """Keeps a pod for every Job until the Job is Complete or Failed."""

    def __init__(self, server: FakeApiServer, *, rejection: PodRejection) -> None:
        self.rejection = rejection
        self._server = server
        self._queue = WorkQueue(self._reconcile)
        self._counted: dict[str, set[str]] = {}
        """Per Job uid, the uids of failed pods that count towards the backoff limit."""
        self._started: dict[str, set[str]] = {}
        """Per Job uid, the uids of every pod it ever had."""
        server.store.on_change.append(self._on_change)

    def _on_change(self, kind: Kind, change: Change) -> None:
        body = change.after or change.before or {}
        if kind == kinds.JOB and change.after is not None:
            self._queue.add(objects.key_of(body))
        elif kind == kinds.POD:
            owner = objects.controller_of(body)
            if owner and owner["kind"] == kinds.JOB.kind:
                self._queue.add(ObjectKey(body["metadata"]["namespace"], owner["name"]))

    def _reconcile(self, key: ObjectKey) -> None:
        job = self._server.look(kinds.JOB, *key)
        if job is None or is_finished(job) or job["spec"].get("suspend"):
            return
        if not job.get("status", {}).get("startTime"):
            job = self._begin(job)
        pods = self._pods(job)
        if any(pod["status"].get("phase") == "Succeeded" for pod in pods):
            self._finish(job, "Complete", "CompletionsReached", "Reached expected number of succeeded pods")
        elif verdict := self._verdict(job, pods):
            self._finish(job, "Failed", *verdict)
        elif not any(pod["status"].get("phase") in ("Pending", "Running") for pod in pods):
            self._create(job)

    def _begin(self, job: Body) -> Body:
        deadline = job["spec"].get("activeDeadlineSeconds")
        if deadline is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(deadline, self._exceed_deadline, objects.key_of(job), objects.uid_of(job))
        return self._set_status(job, {"startTime": self._server.now()})

    def _exceed_deadline(self, key: ObjectKey, uid: str) -> None:
        job = self._server.look(kinds.JOB, *key)
        if job is None or objects.uid_of(job) != uid or is_finished(job):
            return
        self._finish(job, "Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
        for pod in self._pods(job):
            if pod["status"].get("phase") in ("Pending", "Running"):
                self._server.remove(kinds.POD, *objects.key_of(pod), options={"gracePeriodSeconds": 0})

    def _verdict(self, job: Body, pods: list[Body]) -> tuple[str, str] | None:
        """Return reason and message when the Job has failed."""
        uid = objects.uid_of(job)
        counted = self._counted.setdefault(uid, set())
        for pod in (pod for pod in pods if pod["status"].get("phase") == "Failed"):
            match _rule_for(job, pod):
                case "FailJob":
                    return "PodFailurePolicy", _policy_message(pod)
                case "Ignore":
                    continue
                case _:
                    counted.add(objects.uid_of(pod))
        counted |= self._started.get(uid, set()) - {objects.uid_of(pod) for pod in pods}
        if len(counted) > job["spec"]["backoffLimit"]:
            return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        return None

    def _pods(self, job: Body) -> list[Body]:
        return [pod for kind, _, pod in self._server.store.owned_by(objects.uid_of(job)) if kind == kinds.POD]

    def _create(self, job: Body) -> None:
        template = job["spec"]["template"]
        metadata = template.get("metadata") or {}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "namespace": job["metadata"]["namespace"],
                "generateName": f"{job['metadata']['name']}-",
                "labels": metadata.get("labels") or {},
                "annotations": metadata.get("annotations") or {},
                "ownerReferences": [owner_reference(kinds.JOB, job)],
            },
            "spec": template["spec"],
        }
        if self.rejection(pod):
            return
        try:
            pod = self._server.insert(kinds.POD, pod, manager=MANAGER)
        except failures.Forbidden:
            return
        self._started.setdefault(objects.uid_of(job), set()).add(objects.uid_of(pod))
        self._set_status(job, {**job["status"], "active": 1, "ready": 0})

    def _finish(self, job: Body, condition: str, reason: str, message: str) -> None:
        now = self._server.now()
        target = "SuccessCriteriaMet" if condition == "Complete" else "FailureTarget"
        fields = {"status": "True", "reason": reason, "message": message, "lastTransitionTime": now}
        conditions = [{"type": name, "lastProbeTime": now, **fields} for name in (target, condition)]
        status: Body = {"startTime": job["status"].get("startTime"), "conditions": conditions}
        if condition == "Complete":
            status |= {"succeeded": 1, "completionTime": now}
        failed = len(self._counted.get(objects.uid_of(job), ()))
        self._set_status(job, status | ({"failed": failed} if failed else {}))
        self._expire(job)

    def _expire(self, job: Body) -> None:
        seconds = job["spec"].get("ttlSecondsAfterFinished")
        if seconds is not None:
            key, uid = objects.key_of(job), objects.uid_of(job)
            asyncio.get_running_loop().call_later(seconds, self._delete, key, uid)

    def _delete(self, key: ObjectKey, uid: str) -> None:
        job = self._server.look(kinds.JOB, *key)
        if job is not None and objects.uid_of(job) == uid:
            self._server.remove(kinds.JOB, *key)

    def _set_status(self, job: Body, status: Body) -> Body:
        return self._server.set_status(kinds.JOB, *objects.key_of(job), status=status, manager=MANAGER)


def is_finished(job: Body) -> bool:
    """Return whether the Job is Complete or Failed."""
    conditions = job.get("status", {}).get("conditions") or []
    return any(c["type"] in _FINISHED and c["status"] == "True" for c in conditions)


def _rule_for(job: Body, pod: Body) -> str:
    """Return the action of the first rule of the podFailurePolicy that matches this pod; Count without one."""
    for rule in (job["spec"].get("podFailurePolicy") or {}).get("rules") or []:
        if _matches(rule, pod):
            return str(rule["action"])
    return "Count"


def _matches(rule: Body, pod: Body) -> bool:
    conditions = {(c["type"], c["status"]) for c in pod["status"].get("conditions") or []}
    pod_conditions = {(c["type"], c.get("status", "True")) for c in rule.get("onPodConditions") or []}
    if pod_conditions & conditions:
        return True
    codes = rule.get("onExitCodes")
    if not codes:
        return False
    ended = [s["state"].get("terminated") for s in pod["status"].get("containerStatuses") or []]
    exits = [state["exitCode"] for state in ended if state and state["exitCode"] != 0]
    if codes["operator"] == "In":
        return any(code in codes["values"] for code in exits)
    return any(code not in codes["values"] for code in exits)


def _policy_message(pod: Body) -> str:
    key = objects.key_of(pod)
    return f"Container of pod {key.namespace}/{key.name} failed matching FailJob rule"
