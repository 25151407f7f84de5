"""How pods start, fail, restart and terminate, as configured by a story."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from seatrial.api.objects import Body


class Fault(Enum):
    """Why a pod never becomes ready. The value is the reason that the kubelet or the scheduler reports."""

    NONE = ""
    CRASH_LOOP = "CrashLoopBackOff"
    OUT_OF_MEMORY = "OOMKilled"
    IMAGE_PULL = "ImagePullBackOff"
    CONFIG_ERROR = "CreateContainerConfigError"
    UNSCHEDULABLE = "Unschedulable"
    NEVER_READY = "NeverReady"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a server pod behaves. Times are seconds since its creation."""

    ready_after: float = 2.0
    fault: Fault = Fault.NONE
    exit_code: int = 1
    message: str = ""
    """The termination message of its exits, or the message of its waiting state."""
    restarts: tuple[float, ...] = ()
    """When its container exits; it is ready again `ready_after` seconds later."""
    restart_reason: str = "Error"
    ends_after: float = 0.0
    """How long it takes to terminate after its deletion."""


@dataclass(frozen=True, slots=True)
class BuildBehaviour:
    """How the pod of a Job behaves; with `fault` NONE it runs and exits."""

    seconds: float = 3.0
    message: str = ""
    """Its termination message: the build report."""
    exit_code: int = 0
    fault: Fault = Fault.NONE
    evicted: bool = False
    """The kubelet evicts it after `seconds`; `message` is then the kubelet's message."""
    log: tuple[str, ...] = ()


Serving: TypeAlias = Callable[[Body], Behaviour]
"""Chooses the behaviour of a server pod from its labels, image or environment."""

Building: TypeAlias = Callable[[Body], BuildBehaviour]
"""Chooses the behaviour of a Job's pod."""

PodRejection: TypeAlias = Callable[[Body], str]
"""Return why quota or admission rejects a pod; empty to admit it."""


def ready_pods(_pod: Body) -> Behaviour:
    """Let every pod become ready."""
    return Behaviour()


def silent_builds(_pod: Body) -> BuildBehaviour:
    """Let every Job succeed without a report."""
    return BuildBehaviour()


def admit_all(_pod: Body) -> str:
    """Admit every pod."""
    return ""


def environment_of(pod: Body) -> dict[str, str]:
    """Return the literal environment variables of the pod's first container."""
    container = pod["spec"]["containers"][0]
    return {variable["name"]: variable.get("value", "") for variable in container.get("env") or []}


def image_of(pod: Body) -> str:
    """Return the image of the pod's first container."""
    return str(pod["spec"]["containers"][0]["image"])
