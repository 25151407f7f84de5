"""The fake kubelet and scheduler: gives every pod the statuses of its behaviour, in the event loop's time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from seatrial.api import kinds, objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body, ObjectKey
from tests.apiserver import pod_status
from tests.apiserver.pod_behaviour import Building, Fault, Serving
from tests.apiserver.pod_status import Step
from tests.apiserver.server import FakeApiServer
from tests.apiserver.store import Change

JOB_LABEL = "batch.kubernetes.io/job-name"
NODE = "node-1"
MANAGER = "kubelet"


class Kubelet:
    """Runs every pod of `server`; `serving` and `building` choose the behaviour of a new pod."""

    def __init__(self, server: FakeApiServer, *, serving: Serving, building: Building) -> None:
        self.serving = serving
        self.building = building
        self._server = server
        self._timers: dict[str, asyncio.TimerHandle] = {}
        """The timer of each pod's next status, by uid."""
        self._addresses = 0
        server.store.on_change.append(self._on_change)

    def evict(self, namespace: str, name: str, *, message: str = pod_status.SHORT_OF_MEMORY) -> None:
        """Evict the pod with this message; it stays with the phase Failed."""
        pod = self._server.look(kinds.POD, namespace, name)
        if pod is not None:
            self._stop(objects.uid_of(pod))
            self._write(pod, pod_status.evicted(pod, self._server.now(), message=message))

    def restart(
        self, namespace: str, name: str, *, exit_code: int = 1, reason: str = "Error", message: str = ""
    ) -> None:
        """Let the pod's container exit and restart; it becomes ready as slowly as a new pod."""
        pod = self._server.look(kinds.POD, namespace, name)
        if pod is None:
            return
        count = pod["status"]["containerStatuses"][0]["restartCount"] + 1
        last = pod_status.terminated(exit_code, reason, message, self._server.now())
        seconds = self.serving(pod).ready_after
        steps = pod_status.restarted(pod, self._server.now(), count=count, last=last, seconds=seconds)
        self._run(pod, steps)

    def _on_change(self, kind: Kind, change: Change) -> None:
        if kind != kinds.POD:
            return
        if change.after is None:
            self._stop(objects.uid_of(change.before or {}))
        elif change.before is None:
            self._start(change.after)
        elif _is_terminating(change.after) and not _is_terminating(change.before):
            self._terminate(change.after)

    def _start(self, pod: Body) -> None:
        asyncio.get_running_loop().call_soon(self._begin, objects.key_of(pod), objects.uid_of(pod))

    def _begin(self, key: ObjectKey, uid: str) -> None:
        pod = self._server.look(kinds.POD, *key)
        if pod is None or objects.uid_of(pod) != uid:
            return
        if JOB_LABEL in objects.labels_of(pod):
            building = self.building(pod)
            self._server.log_lines[key] = list(building.log)
            fault, steps = building.fault, pod_status.building(pod, building, at=self._server.now())
        else:
            behaviour = self.serving(pod)
            fault, steps = behaviour.fault, pod_status.serving(pod, behaviour, at=self._server.now())
        if fault is not Fault.UNSCHEDULABLE:
            pod = self._bind(pod)
        self._run(pod, steps)

    def _bind(self, pod: Body) -> Body:
        self._addresses += 1
        key = objects.key_of(pod)
        address = f"10.244.{self._addresses // 250}.{self._addresses % 250 + 1}"
        bound = {
            **pod,
            "spec": {**pod["spec"], "nodeName": NODE},
            "status": {**pod["status"], "podIP": address},
        }
        return self._server.store.put(kinds.POD, key, bound)

    def _run(self, pod: Body, steps: Iterator[Step]) -> None:
        """Schedule the pod's next status."""
        step = next(steps, None)
        if step is None:
            return
        uid = objects.uid_of(pod)
        self._stop(uid)
        loop = asyncio.get_running_loop()
        self._timers[uid] = loop.call_later(
            step[0], self._set_next_status, objects.key_of(pod), uid, step[1], steps
        )

    def _set_next_status(self, key: ObjectKey, uid: str, status: Body, steps: Iterator[Step]) -> None:
        pod = self._server.look(kinds.POD, *key)
        if pod is None or objects.uid_of(pod) != uid or _is_terminating(pod):
            return
        address = pod["status"].get("podIP")
        self._write(pod, status | ({"podIP": address} if address and "podIP" in status else {}))
        self._run(pod, steps)

    def _write(self, pod: Body, status: Body) -> None:
        self._server.set_status(kinds.POD, *objects.key_of(pod), status=status, manager=MANAGER)

    def _terminate(self, pod: Body) -> None:
        """Make a deleted pod unready at once, and remove it when its process has exited."""
        self._stop(objects.uid_of(pod))
        is_job = JOB_LABEL in objects.labels_of(pod)
        seconds = 0.0 if is_job else self.serving(pod).ends_after
        loop = asyncio.get_running_loop()
        if seconds:
            loop.call_soon(self._unready, objects.key_of(pod))
        loop.call_later(seconds, self._finish, objects.key_of(pod), objects.uid_of(pod))

    def _unready(self, key: ObjectKey) -> None:
        pod = self._server.look(kinds.POD, *key)
        if pod is not None:
            self._write(pod, pod_status.terminating(pod, self._server.now()))

    def _finish(self, key: ObjectKey, uid: str) -> None:
        pod = self._server.look(kinds.POD, *key)
        if pod is not None and objects.uid_of(pod) == uid:
            self._server.finish_pod(*key)

    def _stop(self, uid: str) -> None:
        if timer := self._timers.pop(uid, None):
            timer.cancel()


def _is_terminating(pod: Body) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_ready(pod: Body) -> bool:
    """Return whether the pod is ready and not being deleted."""
    conditions = pod.get("status", {}).get("conditions") or []
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and not _is_terminating(pod)
