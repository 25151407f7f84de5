"""The snapshot: what was observed of one ModelDeployment in one pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, auto

from model_runtime import contract
from seatrial.api import reasons
from seatrial.api.objects import Body
from seatrial.api.rollout_decision import Action
from seatrial.core.evidence.samples import NO_SAMPLES, Samples
from seatrial.core.references import Reference, ReferencedData
from seatrial.core.state import Failure, RolloutState
from seatrial.core.target import Image
from seatrial.core.traffic import Split

Bodies = tuple[Body, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Why pods of a track are not ready: a reason of the API and a sentence."""

    reason: reasons.Reason
    message: str
    pod: str = ""
    exit_code: int | None = None
    restarts: int = 0
    since: datetime | None = None
    """Since when the pods are refused at admission; None for all other reasons."""

    @property
    def terminal(self) -> bool:
        """Return whether the revision itself is at fault, so that waiting does not help."""
        return reasons.class_of(self.reason) is reasons.ReasonClass.TERMINAL

    def failure(self, reason: str = "", message: str = "") -> Failure:
        """Return the diagnosis as a failure, under another reason and message where they are given."""
        return Failure(
            reason=reason or self.reason,
            message=message or self.message,
            pod=self.pod,
            exit_code=self.exit_code,
            restarts=self.restarts,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AbnormalExit:
    """A container that ended without being asked to."""

    at: datetime
    pod: str
    code: int
    restarts: int
    out_of_memory: bool = False
    eviction: str = ""
    """The kubelet's sentence where the pod exceeded its own limit of local storage, and the limit to raise;
    empty otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One revision's workload; counts of pods."""

    revision: str
    exists: bool = False
    wanted: int = 0
    """The replicas its Deployment asks for."""
    pods: int = 0
    """Existing pods, terminating ones included."""
    ready: int = 0
    available: int = 0
    released: tuple[str, ...] = ()
    """The pods that no ReplicaSet counts among its own: somebody edited their labels."""
    exits: tuple[AbnormalExit, ...] = ()
    diagnosis: Diagnosis | None = None

    @property
    def exits_by_pod(self) -> dict[str, int]:
        """Return how often the container of each pod ended without being asked to, where it did."""
        counts = Counter[str]()
        for ended in self.exits:
            counts[ended.pod] += ended.restarts
        return dict(counts)

    def exits_since(self, start: datetime) -> tuple[AbnormalExit, ...]:
        """Return the abnormal exits at or after `start`."""
        return tuple(e for e in self.exits if e.at >= start)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildJob:
    """The Job of one attempt at an image, and its pod."""

    name: str
    running: bool = False
    """Its container has started."""
    finished: bool = False
    deleting: bool = False
    report: contract.BuildReport | None = None
    deadline_exceeded: bool = False
    out_of_memory: bool = False
    evicted: bool = False
    eviction: str = ""
    """The cluster's sentence about the eviction."""
    over_limit: bool = False
    """The pod exceeded its own limit of local storage: the revision's fault, not the node's."""
    exit_code: int | None = None
    waiting_reason: str = ""
    """Why its pod does not start: a reason of the API."""
    waiting_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDecision:
    """A RolloutDecision that has no answer yet."""

    uid: str
    name: str
    action: Action
    revision: str
    at: datetime
    decided_by: str
    reason: str = ""
    step: int | None = None
    attempt: int | None = None
    to_revision: str = ""
    """A revision, the start of a digest, or `previous`."""
    trusted: bool = True
    """`decided_by` is known to be the author: the admission policy is in force, or the settings waive it."""


class Harm(IntEnum):
    """What it means for users that a child cannot be written, the worst first."""

    TRAFFIC = auto()
    """Traffic goes where it should not."""
    PODS = auto()
    """Pods that serve, or are to serve, are missing or wrong."""
    OTHER = auto()
    NONE = auto()
    """A person waits for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyError:
    """Why one child was not written in the last pass: a reason of the API and a sentence."""

    reason: str
    message: str
    child: str = ""
    """Kind and name of the child."""
    harm: Harm = Harm.OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscalerCondition:
    """What a revision's HorizontalPodAutoscaler reports about whether it works."""

    active: bool
    reason: str = ""
    message: str = ""
    """The autoscaler's own sentence."""
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that was observed; nothing looks at the cluster again in this pass."""

    tracks: Mapping[str, Track] = field(default_factory=dict)
    """By revision."""
    split: Split | None = None
    """What the router's objects express; None where they are missing or were edited by hand."""
    apply_errors: tuple[ApplyError, ...] = ()
    """One for each child that could not be written; the most harmful first."""
    images: Mapping[str, Image] = field(default_factory=dict)
    """Of every revision whose ControllerRevision exists."""
    jobs: Mapping[tuple[str, int], BuildJob] = field(default_factory=dict)
    """By build id and attempt."""
    missing: tuple[Reference, ...] = ()
    """References without which the target's pods cannot start: no revision can be named yet."""
    missing_for_build: tuple[Reference, ...] = ()
    references: Mapping[Reference, ReferencedData] = field(default_factory=dict)
    autoscalers: Mapping[str, AutoscalerCondition] = field(default_factory=dict)
    """By revision."""
    foreign_autoscalers: Mapping[str, str] = field(default_factory=dict)
    """By revision: the HorizontalPodAutoscaler of somebody else that scales its Deployment."""
    user_decisions: tuple[UserDecision, ...] = ()
    children: Mapping[str, Bodies] = field(default_factory=dict)
    """The owned objects by kind, for comparison with what is rendered."""
    samples: Samples = NO_SAMPLES
    """What the pods' metrics said last."""
    router_kinds: frozenset[str] = frozenset()
    """The names of the kinds that any installed router writes."""

    @property
    def apply_error(self) -> ApplyError | None:
        """Return the most harmful apply error."""
        return next(iter(self.apply_errors), None)

    def track(self, revision: str) -> Track:
        """Return the track of `revision`, empty when it has none."""
        return self.tracks.get(revision, Track(revision=revision))

    def stable(self, state: RolloutState) -> Track | None:
        """Return stable's track; None while nothing has ever been stable."""
        return None if state.stable is None else self.track(state.stable.revision)

    def foreign_autoscaler(self, state: RolloutState) -> str:
        """Return the name of somebody else's autoscaler that scales stable; empty where none does."""
        return "" if state.stable is None else self.foreign_autoscalers.get(state.stable.revision, "")

    def canary(self, state: RolloutState) -> Track:
        """Return the track of the revision that is rolled out, or was last."""
        return self.track("" if state.rollout is None else state.rollout.revision)

    def other_revision_pods(self, state: RolloutState) -> int:
        """Return the number of pods that belong neither to stable nor to the rollout."""
        known = {state.stable.revision} if state.stable else set()
        known |= {state.rollout.revision} if state.rollout else set()
        return sum(track.pods for track in self.tracks.values() if track.revision not in known)

    def released_pods(self, state: RolloutState) -> tuple[str, ...]:
        """Return the pods that belong to no revision, although the Service selects them as those of others."""
        known = {state.stable.revision} if state.stable else set()
        known |= {state.rollout.revision} if state.rollout else set()
        others = (track for name, track in sorted(self.tracks.items()) if name not in known)
        return tuple(pod for track in others if not track.exists for pod in track.released)

    def job(self, build_id: str, attempt: int) -> BuildJob | None:
        """Return the Job of an attempt; None when there is none or it is being deleted."""
        job = self.jobs.get((build_id, attempt))
        return None if job is None or job.deleting else job

    def attempts_over(self, build_id: str) -> int:
        """Return the highest attempt at an image whose Job exists and is over; one less while it still runs."""
        newest = max((attempt for known, attempt in self.jobs if known == build_id), default=0)
        job = self.job(build_id, newest)
        return newest - 1 if job is not None and not job.finished else newest
