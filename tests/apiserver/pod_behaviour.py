"""What becomes of a pod: the ways in which pods start, fail, restart and end, as stories need them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from seatrial.api.objects import Body


class Fault(Enum):
    """Why a pod never gets ready. The value is what the kubelet or the scheduler calls it."""

    NONE = ""
    CRASH_LOOP = "CrashLoopBackOff"
    OUT_OF_MEMORY = "OOMKilled"
    IMAGE_PULL = "ImagePullBackOff"
    CONFIG_ERROR = "CreateContainerConfigError"
    UNSCHEDULABLE = "Unschedulable"
    NEVER_READY = "NeverReady"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a serving pod behaves. Times are seconds since its creation."""

    ready_after: float = 2.0
    fault: Fault = Fault.NONE
    exit_code: int = 1
    message: str = ""
    """The termination message of its exits, or the sentence of its waiting."""
    restarts: tuple[float, ...] = ()
    """When its container exits; it is ready again `ready_after` later."""
    restart_reason: str = "Error"
    ends_after: float = 0.0
    """How long it takes to end once it is deleted."""


@dataclass(frozen=True, slots=True)
class BuildBehaviour:
    """How the pod of a Job behaves; `fault` NONE means that it runs and ends."""

    seconds: float = 3.0
    message: str = ""
    """Its termination message: the report."""
    exit_code: int = 0
    fault: Fault = Fault.NONE
    evicted: bool = False
    """A disruption ends it after `seconds`, not its program; `message` is then what the kubelet says of it."""
    log: tuple[str, ...] = ()


Serving: TypeAlias = Callable[[Body], Behaviour]
"""The behaviour of a pod, chosen by its labels, image or environment."""

Building: TypeAlias = Callable[[Body], BuildBehaviour]
"""The behaviour of a Job's pod."""

Refusal: TypeAlias = Callable[[Body], str]
"""Why a pod may not be created, as quota or admission says it; empty lets it pass."""


def ready_pods(_pod: Body) -> Behaviour:
    """Every pod gets ready."""
    return Behaviour()


def silent_builds(_pod: Body) -> BuildBehaviour:
    """Every Job succeeds and reports nothing."""
    return BuildBehaviour()


def no_refusal(_pod: Body) -> str:
    """Every pod may be created."""
    return ""


def environment_of(pod: Body) -> dict[str, str]:
    """The plain variables of the pod's first container."""
    container = pod["spec"]["containers"][0]
    return {variable["name"]: variable.get("value", "") for variable in container.get("env") or []}


def image_of(pod: Body) -> str:
    """The image of the pod's first container."""
    return str(pod["spec"]["containers"][0]["image"])
