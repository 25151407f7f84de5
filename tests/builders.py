"""Values that tests begin with; a snapshot reads as one line: `seen().stable(ready=3).canary(ready=1)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from model_runtime.contract.metrics import LATENCY_BOUNDS, Outcome
from seatrial.api import model_deployment, names, phases, reasons, settings
from seatrial.api.objects import Body
from seatrial.api.owner import Owner
from seatrial.core.evidence.checks import Check, Measure
from seatrial.core.evidence.samples import PodSample, Samples
from seatrial.core.inputs import BuildResult, Inputs, ReplicaPlan
from seatrial.core.snapshot import AbnormalExit, Diagnosis, Snapshot, Track
from seatrial.core.state import ModelRevision, Rollout, RolloutState
from seatrial.core.target import Image, Step, Target
from seatrial.core.traffic import Split
from seatrial.core.transitions import Phase
from seatrial.observation.observed import Platform
from seatrial.routers.replicas import ReplicaRouter
from seatrial.simulation.cluster import SimulatedCluster

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OLD, NEW, NEWER = "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"
DIGEST = "registry.shop/churn@sha256:" + "1" * 64
OWNER = Owner(namespace="shop", name="churn", uid="u-1")
SETTINGS = settings.Settings.model_validate(
    {"runtimes": {"sklearn": "r/sklearn:1", "onnx": "r/onnx:1"}, "registry": {"repository": "r.shop/models"}}
)
PARTS = Platform(router=ReplicaRouter(), router_kinds=frozenset({"Service"}), settings=SETTINGS)
STEPS = (Step(weight=20, hold=timedelta(minutes=2)), Step(weight=50, hold=timedelta(minutes=5)))


def after(**span: float) -> datetime:
    """Return the time this long after NOW."""
    return NOW + timedelta(**span)


def image(revision: str) -> Image:
    """Return the image of a revision."""
    return Image(reference=f"r.shop/models@sha256:{revision[:1] * 64}", build_id=f"{revision[:1] * 9}0")


def revision(name: str) -> ModelRevision:
    """Return a revision with its image."""
    return image(name).of_revision(name, since=NOW)


def target(name: str = NEW, **changes: Any) -> Target:
    """Return a target of two steps."""
    known = {"owner": OWNER, "router": ReplicaRouter(), "image": image(name).reference, "steps": STEPS}
    return Target(**{**known, "revision": name, **changes})


def rollout(phase: Phase, **changes: Any) -> Rollout:
    """Return a rollout of NEW with two steps."""
    return Rollout(**{"revision": NEW, "phase": phase, "steps": 2, "started_at": NOW, **changes})


def state(rollout: Rollout | None = None, **changes: Any) -> RolloutState:
    """Return a state with OLD as stable, and NEW as canary while the rollout has one."""
    has_canary = rollout is not None and rollout.phase not in {Phase.BUILDING, Phase.STABLE}
    known = {"stable": revision(OLD), "rollout": rollout, "canary": revision(NEW) if has_canary else None}
    return RolloutState(**{**known, **changes})


def shifting(*, step: int = 1, weight: int = 20, **changes: Any) -> RolloutState:
    """Return a state in which NEW has had its weight since NOW."""
    known = {"step": step, "weight": weight, "users_since": NOW, "step_started_at": NOW}
    return state(rollout(Phase.SHIFTING, **{**known, **changes}))


@dataclass(frozen=True, slots=True)
class Seen:
    """Builds a snapshot part by part.

    Unless `having` or `sharing` say otherwise, stable receives all traffic and every track has its record.
    """

    tracks: dict[str, Track] = field(default_factory=dict)
    snapshot: dict[str, Any] = field(default_factory=lambda: {"split": Split(stable=OLD)})
    inputs: dict[str, Any] = field(default_factory=dict)

    def _track(self, revision: str, ready: int, changes: dict[str, Any]) -> Self:
        known = {"revision": revision, "exists": True, "wanted": ready, "pods": ready, "ready": ready}
        return self.track(Track(**{**known, "available": ready, **changes}))

    def track(self, track: Track) -> Self:
        """Add a track as it is."""
        return replace(self, tracks={**self.tracks, track.revision: track})

    def stable(self, *, ready: int = 3, **changes: Any) -> Self:
        """Add OLD with this many ready pods."""
        return self._track(OLD, ready, changes)

    def canary(self, *, ready: int = 1, **changes: Any) -> Self:
        """Add NEW with this many ready pods."""
        return self._track(NEW, ready, changes)

    def other_revision(self, *, pods: int = 1) -> Self:
        """Add a third revision that still has pods."""
        return self._track(NEWER, 0, {"pods": pods})

    def crashing(self, revision: str = NEW) -> Self:
        """Add a revision whose pods exit at once."""
        return self.failing(reasons.Reason.CRASH_LOOP, revision)

    def failing(self, reason: reasons.Reason, revision: str = NEW) -> Self:
        """Add a revision whose pods have a diagnosis of this reason."""
        diagnosis = Diagnosis(reason=reason, message="why it fails", pod="p-1", exit_code=1, restarts=2)
        return self._track(revision, 0, {"pods": 1, "wanted": 1, "diagnosis": diagnosis})

    def exits(self, at: datetime, *, code: int = 3, out_of_memory: bool = False) -> Self:
        """Add NEW with one pod whose container exited once and was restarted."""
        ended = AbnormalExit(at=at, pod="p-1", code=code, restarts=1, out_of_memory=out_of_memory)
        return self._track(NEW, 1, {"exits": (ended,)})

    def evicted(self, at: datetime, *, ready: int = 0) -> Self:
        """Add NEW with one pod that was evicted because it exceeded its own disk limit."""
        ended = AbnormalExit(at=at, pod="p-1", code=137, restarts=1, eviction="it used 2Gi; raise its limit")
        return self._track(NEW, ready, {"exits": (ended,)})

    def having(self, **parts: Any) -> Self:
        """Set other parts of the snapshot: split, images, apply_errors, jobs, user_decisions."""
        return replace(self, snapshot={**self.snapshot, **parts})

    def planned(self, **parts: Any) -> Self:
        """Set other parts of the inputs: replica_plan, build."""
        return replace(self, inputs={**self.inputs, **parts})

    def sharing(self, weight: int) -> Self:
        """Let the router give NEW this share of traffic, in percent."""
        return self.having(split=Split(stable=OLD, canary=NEW, weight=weight))

    def sampled(self, *samples: PodSample, errors: Mapping[str, str] | None = None) -> Self:
        """Let the pods' metrics have said this."""
        return self.having(samples=Samples(pods=samples, errors=errors or {}))

    def built(self, revision: str = NEW) -> Self:
        """Let the build of this revision's image have succeeded."""
        return self.planned(build=BuildResult(image=image(revision)))

    def at(self, now: datetime = NOW, **changes: Any) -> Inputs:
        """Return the inputs at a time; `changes` are the target's."""
        name = changes.pop("revision", NEW)
        known = {"replica_plan": ReplicaPlan(at_step=(1, 3), full=3, waits=(False, False))}
        recorded = {"images": {name: image(name) for name, track in self.tracks.items() if track.exists}}
        snapshot = Snapshot(tracks=self.tracks, **{**recorded, **self.snapshot})
        return Inputs(target=target(name, **changes), snapshot=snapshot, now=now, **{**known, **self.inputs})


def sample(
    revision: str, *, ok: int = 0, at: datetime, slow: int = 0, started: datetime = NOW, **failed: int
) -> PodSample:
    """Return what the one pod of a revision has counted: answers within 10 ms, `slow` ones in 10 s, and failures."""
    outcomes = {Outcome(name): count for name, count in failed.items()} | {Outcome.OK: ok + slow}
    within = tuple(ok + (slow if bound >= 10 else 0) if bound >= 0.01 else 0 for bound in LATENCY_BOUNDS)
    return PodSample(
        pod=f"uid-{revision}",
        revision=revision,
        started=started.timestamp(),
        at=at,
        outcomes=outcomes,
        within=within,
        answered=ok + slow,
    )


def check(name: str = "errors", **fields: Any) -> Check:
    """Return a check of at most 1 % errors."""
    known: dict[str, Any] = {"measure": Measure.SUCCESS, "limit": 0.01, "tolerance": 0.05}
    return Check(**{**known, "name": name, **fields})


def seen() -> Seen:
    """Return an empty snapshot."""
    return Seen()


def body(**spec: Any) -> Body:
    """Return a ModelDeployment as the API server returns it."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"namespace": "shop", "name": "churn", "uid": OWNER.uid, "generation": 1},
        "spec": {"model": {"image": DIGEST}, **spec},
    }


def desired(**spec: Any) -> model_deployment.ModelDeployment:
    """Return a parsed ModelDeployment."""
    return model_deployment.parse(body(**spec))


def world(**spec: Any) -> SimulatedCluster:
    """Return a simulated cluster that has the ModelDeployment and nothing else."""
    return SimulatedCluster({(names.KIND, "churn"): body(**spec)})


Change = Callable[[Body], Body]
BuildPhase = phases.BuildPhase
