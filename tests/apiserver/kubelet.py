"""The fake's kubelet and scheduler: pods become what their behaviour says, in the loop's time."""

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
    """Runs every pod of `server`. `serving` and `building` choose behaviours when a pod appears."""

    def __init__(self, server: FakeApiServer, *, serving: Serving, building: Building) -> None:
        self.serving = serving
        self.building = building
        self._server = server
        self._timers: dict[str, asyncio.TimerHandle] = {}
        """The next step of each pod, by its uid."""
        self._addresses = 0
        server.store.on_change.append(self._notice)

    def evict(self, namespace: str, name: str, *, message: str = pod_status.SHORT_OF_MEMORY) -> None:
        """A disruption has ended the pod for the reason that `message` says; it stays, as Failed."""
        pod = self._server.look(kinds.POD, namespace, name)
        if pod is not None:
            self._stop(objects.uid_of(pod))
            self._write(pod, pod_status.evicted(pod, self._server.now(), message=message))

    def restart(
        self, namespace: str, name: str, *, exit_code: int = 1, reason: str = "Error", message: str = ""
    ) -> None:
        """The pod's container has exited once more; it is ready again as late as a new pod."""
        pod = self._server.look(kinds.POD, namespace, name)
        if pod is None:
            return
        count = pod["status"]["containerStatuses"][0]["restartCount"] + 1
        last = pod_status.terminated(exit_code, reason, message, self._server.now())
        seconds = self.serving(pod).ready_after
        steps = pod_status.restarted(pod, self._server.now(), count=count, last=last, seconds=seconds)
        self._run(pod, steps)

    def _notice(self, kind: Kind, change: Change) -> None:
        if kind != kinds.POD:
            return
        if change.after is None:
            self._stop(objects.uid_of(change.before or {}))
        elif change.before is None:
            self._start(change.after)
        elif _is_ending(change.after) and not _is_ending(change.before):
            self._end(change.after)

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
        """Takes the next step when its time has come."""
        step = next(steps, None)
        if step is None:
            return
        uid = objects.uid_of(pod)
        self._stop(uid)
        loop = asyncio.get_running_loop()
        self._timers[uid] = loop.call_later(step[0], self._take, objects.key_of(pod), uid, step[1], steps)

    def _take(self, key: ObjectKey, uid: str, status: Body, steps: Iterator[Step]) -> None:
        pod = self._server.look(kinds.POD, *key)
        if pod is None or objects.uid_of(pod) != uid or _is_ending(pod):
            return
        address = pod["status"].get("podIP")
        self._write(pod, status | ({"podIP": address} if address and "podIP" in status else {}))
        self._run(pod, steps)

    def _write(self, pod: Body, status: Body) -> None:
        self._server.set_status(kinds.POD, *objects.key_of(pod), status=status, manager=MANAGER)

    def _end(self, pod: Body) -> None:
        """Not ready at once, gone when its program has ended."""
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
            self._write(pod, pod_status.ending(pod, self._server.now()))

    def _finish(self, key: ObjectKey, uid: str) -> None:
        pod = self._server.look(kinds.POD, *key)
        if pod is not None and objects.uid_of(pod) == uid:
            self._server.finish_pod(*key)

    def _stop(self, uid: str) -> None:
        if timer := self._timers.pop(uid, None):
            timer.cancel()


def _is_ending(pod: Body) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_ready(pod: Body) -> bool:
    """Whether the pod gets requests."""
    conditions = pod.get("status", {}).get("conditions") or []
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and not _is_ending(pod)
