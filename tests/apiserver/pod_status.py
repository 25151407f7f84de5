"""The pod statuses that a kubelet writes, as pure functions of a pod and its behaviour."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour, BuildBehaviour, Fault

PULL_SECONDS: Final = 1.0
FIRST_CRASH_BACK_OFF: Final = 10.0
LAST_CRASH_BACK_OFF: Final = 300.0
SHORT_OF_MEMORY: Final = "The node was low on resource: memory."
_OOM_EXIT: Final = 137

Step = tuple[float, Body]
"""Seconds since the previous step, and the status at this step."""


def serving(pod: Body, behaviour: Behaviour, *, at: str) -> Iterator[Step]:
    """Yield the statuses of a server pod in order; `at` is its creation time."""
    yield 0.0, _creating(pod, at)
    match behaviour.fault:
        case Fault.UNSCHEDULABLE:
            yield 0.0, unscheduled(behaviour.message or "0/1 nodes are available: 1 Insufficient memory.", at)
        case Fault.IMAGE_PULL | Fault.CONFIG_ERROR as fault:
            message = behaviour.message or _WAITING_MESSAGES[fault]
            yield PULL_SECONDS, _status(pod, "Pending", at, [_waiting(pod, fault.value, message)])
        case Fault.CRASH_LOOP | Fault.OUT_OF_MEMORY:
            yield from _crashing(pod, behaviour, at)
        case Fault.NEVER_READY:
            yield PULL_SECONDS, _running(pod, at, ready=False)
        case Fault.NONE:
            yield from _running_pod(pod, behaviour, at)


def building(pod: Body, behaviour: BuildBehaviour, *, at: str) -> Iterator[Step]:
    """Yield the statuses of a Job's pod in order."""
    yield 0.0, _creating(pod, at)
    match behaviour.fault:
        case Fault.UNSCHEDULABLE:
            yield 0.0, unscheduled(behaviour.message or "0/1 nodes are available: 1 Insufficient cpu.", at)
        case Fault.IMAGE_PULL | Fault.CONFIG_ERROR as fault:
            message = behaviour.message or _WAITING_MESSAGES[fault]
            yield PULL_SECONDS, _status(pod, "Pending", at, [_waiting(pod, fault.value, message)])
        case fault:
            yield 0.0, _running(pod, at, ready=True)
            if fault is not Fault.NEVER_READY:
                yield behaviour.seconds, _built(pod, behaviour, at)


def unscheduled(message: str, at: str) -> Body:
    """Return the status of a pod that cannot be scheduled."""
    scheduled = _condition("PodScheduled", "False", at, reason="Unschedulable", message=message)
    return {"phase": "Pending", "qosClass": "Burstable", "conditions": [scheduled]}


def evicted(pod: Body, at: str, *, message: str = SHORT_OF_MEMORY) -> Body:
    """Return the status of an evicted pod: a disruption, unless `message` says that it exceeded its own limit."""
    killed = {"terminated": {"exitCode": _OOM_EXIT, "reason": "Error", "finishedAt": at, "startedAt": at}}
    status = {
        **_status(pod, "Failed", at, [_container(pod, killed)]),
        "reason": "Evicted",
        "message": message,
    }
    if "limit" in message:
        return status
    target = _condition("DisruptionTarget", "True", at, reason="TerminationByKubelet", message=message)
    return {**status, "conditions": [*status["conditions"], target]}


def restarted(pod: Body, at: str, *, count: int, last: Body, seconds: float) -> Iterator[Step]:
    """Yield the statuses after the `count`th restart of the container, which is ready after `seconds`."""
    yield 0.0, _running(pod, at, ready=False, restarts=count, last=last)
    yield seconds, _running(pod, at, ready=True, restarts=count, last=last)


def terminating(pod: Body, at: str) -> Body:
    """Return the status of a pod that is being terminated: it is not ready."""
    return _status(pod, "Running", at, [_container(pod, {"running": {"startedAt": at}})])


_WAITING_MESSAGES: Final = {
    Fault.IMAGE_PULL: "Back-off pulling image: ErrImagePull: manifest unknown",
    Fault.CONFIG_ERROR: 'configmap "settings" not found',
}


def _running_pod(pod: Body, behaviour: Behaviour, at: str) -> Iterator[Step]:
    start = min(PULL_SECONDS, behaviour.ready_after)
    yield start, _running(pod, at, ready=False)
    yield behaviour.ready_after - start, _running(pod, at, ready=True)
    now = behaviour.ready_after
    for count, when in enumerate(sorted(behaviour.restarts), start=1):
        last = terminated(behaviour.exit_code, behaviour.restart_reason, behaviour.message, at)
        yield max(0.0, when - now), _running(pod, at, ready=False, restarts=count, last=last)
        yield behaviour.ready_after, _running(pod, at, ready=True, restarts=count, last=last)
        now = when + behaviour.ready_after


def _crashing(pod: Body, behaviour: Behaviour, at: str) -> Iterator[Step]:
    is_memory = behaviour.fault is Fault.OUT_OF_MEMORY
    reason = "OOMKilled" if is_memory else "Error"
    last = terminated(_OOM_EXIT if is_memory else behaviour.exit_code, reason, behaviour.message, at)
    yield PULL_SECONDS, _running(pod, at, ready=False)
    count, pause = 0, FIRST_CRASH_BACK_OFF
    while True:
        message = f"back-off {pause:g}s restarting failed container={_name(pod)}"
        waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
        yield PULL_SECONDS, _status(pod, "Running", at, [_container(pod, waiting, restarts=count, last=last)])
        count += 1
        yield pause, _running(pod, at, ready=False, restarts=count, last=last)
        pause = min(pause * 2, LAST_CRASH_BACK_OFF)


def _built(pod: Body, behaviour: BuildBehaviour, at: str) -> Body:
    if behaviour.evicted:
        return evicted(pod, at, message=behaviour.message or SHORT_OF_MEMORY)
    is_memory = behaviour.fault is Fault.OUT_OF_MEMORY
    exit_code = _OOM_EXIT if is_memory else behaviour.exit_code
    reason = "OOMKilled" if is_memory else "Completed" if exit_code == 0 else "Error"
    message = "" if is_memory else behaviour.message
    phase = "Succeeded" if exit_code == 0 else "Failed"
    return _status(pod, phase, at, [_container(pod, terminated(exit_code, reason, message, at))])


def terminated(exit_code: int, reason: str, message: str, at: str) -> Body:
    """Return the state of a container that has exited."""
    ended: Body = {"exitCode": exit_code, "reason": reason, "startedAt": at, "finishedAt": at}
    return {"terminated": ended | ({"message": message} if message else {})}


def _creating(pod: Body, at: str) -> Body:
    return _status(pod, "Pending", at, [_waiting(pod, "ContainerCreating", "")])


def _running(pod: Body, at: str, *, ready: bool, restarts: int = 0, last: Body | None = None) -> Body:
    state = {"running": {"startedAt": at}}
    return _status(pod, "Running", at, [_container(pod, state, ready=ready, restarts=restarts, last=last)])


def _waiting(pod: Body, reason: str, message: str) -> Body:
    return _container(pod, {"waiting": {"reason": reason} | ({"message": message} if message else {})})


def _container(
    pod: Body, state: Body, *, ready: bool = False, restarts: int = 0, last: Body | None = None
) -> Body:
    image = pod["spec"]["containers"][0].get("image", "")
    return {
        "name": _name(pod),
        "image": image,
        "imageID": image,
        "ready": ready,
        "started": "running" in state,
        "restartCount": restarts,
        "state": state,
        "lastState": last or {},
    }


def _status(pod: Body, phase: str, at: str, containers: list[Any]) -> Body:
    is_ready = (
        "True" if all(container["ready"] for container in containers) and phase == "Running" else "False"
    )
    conditions = [
        _condition("PodScheduled", "True", at),
        _condition("Initialized", "True", at),
        _condition("ContainersReady", is_ready, at),
        _condition("Ready", is_ready, at),
    ]
    status: Body = {"phase": phase, "startTime": at, "qosClass": "Burstable", "hostIP": "10.0.0.1"}
    address = {"podIP": pod["status"].get("podIP") or "10.244.0.9"} if phase != "Pending" else {}
    return status | address | {"conditions": conditions, "containerStatuses": containers}


def _condition(name: str, value: str, at: str, *, reason: str = "", message: str = "") -> Body:
    details = {name: text for name, text in (("reason", reason), ("message", message)) if text}
    return {"type": name, "status": value, "lastProbeTime": None, "lastTransitionTime": at, **details}


def _name(pod: Body) -> str:
    return str(pod["spec"]["containers"][0]["name"])
