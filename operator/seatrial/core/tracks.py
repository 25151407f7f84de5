"""What is seen of one revision's pods: counts, abnormal exits, and the worst trouble."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from seatrial.api import reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why pods of a track are not ready, in a word of the API and a sentence."""

    reason: reasons.Reason
    message: str
    pod: str = ""
    exit_code: int | None = None
    restarts: int = 0

    @property
    def terminal(self) -> bool:
        """Waiting does not help: the revision itself is at fault."""
        return reasons.class_of(self.reason) is reasons.ReasonClass.TERMINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class AbnormalExit:
    """One container that ended although nobody asked it to."""

    at: datetime
    pod: str
    code: int
    restarts: int
    out_of_memory: bool = False
    eviction: str = ""
    """The kubelet's sentence where the pod used more local storage than its own limit, and which limit to raise;
    empty for all other ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One revision's workload as the caches show it; counts of pods."""

    revision: str
    exists: bool = False
    wanted: int = 0
    """The replicas its Deployment asks for."""
    pods: int = 0
    """Pods that are there, those that are ending included."""
    ready: int = 0
    available: int = 0
    exits: tuple[AbnormalExit, ...] = ()
    trouble: Trouble | None = None

    @property
    def exits_so_far(self) -> int:
        """How often its containers have ended although nobody asked them to."""
        return sum(e.restarts for e in self.exits)

    def exits_since(self, start: datetime) -> tuple[AbnormalExit, ...]:
        """The abnormal exits at or after `start`."""
        return tuple(e for e in self.exits if e.at >= start)
