"""Values that tests begin with; a situation reads as one line: `seen().stable(ready=3).canary(ready=1)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from seatrial.api import model_deployment, names, phases, reasons, settings
from seatrial.api import status as api
from seatrial.api.objects import Body
from seatrial.core.snapshot import AbnormalExit, BuildResult, Diagnosis, ReplicaPlan, Snapshot, Track
from seatrial.core.state import RolloutState
from seatrial.core.target import Image, Step, Target
from seatrial.core.transitions import Phase
from seatrial.manifests.metadata import Owner
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
PARTS = Platform(router=ReplicaRouter(), settings=SETTINGS)
STEPS = (Step(weight=20, hold=timedelta(minutes=2)), Step(weight=50, hold=timedelta(minutes=5)))


def after(**span: float) -> datetime:
    """A time after NOW."""
    return NOW + timedelta(**span)


def image(revision: str) -> Image:
    """The image of a revision."""
    return Image(reference=f"r.shop/models@sha256:{revision[:1] * 64}", build_id=f"{revision[:1] * 9}0")


def track(revision: str) -> api.TrackStatus:
    """Who a revision is."""
    return image(revision).track(revision, since=NOW)


def wish(revision: str = NEW, **changes: Any) -> Target:
    """The wish for a revision, in two steps."""
    return Target(**{"revision": revision, "image": image(revision).reference, "steps": STEPS, **changes})


def rollout(phase: Phase, **changes: Any) -> api.RolloutStatus:
    """A rollout of NEW with two steps."""
    known = {"revision": NEW, "phase": phase, "steps": 2, "started_at": NOW}
    return api.RolloutStatus.model_validate({**known, **changes})


def state(stage: api.RolloutStatus | None = None, **changes: Any) -> RolloutState:
    """A memory with OLD as stable, and NEW as canary while a rollout has one."""
    has_canary = stage is not None and stage.phase not in {Phase.BUILDING, Phase.STABLE}
    known = {"stable": track(OLD), "rollout": stage, "canary": track(NEW) if has_canary else None}
    return RolloutState(**{**known, **changes})


def shifting(*, step: int = 1, weight: int = 20, **changes: Any) -> RolloutState:
    """NEW has had its share since NOW."""
    known = {"step": step, "weight": weight, "users_since": NOW, "step_started_at": NOW}
    return state(rollout(Phase.SHIFTING, **{**known, **changes}))


@dataclass(frozen=True, slots=True)
class Seen:
    """A situation that is put together word by word."""

    tracks: dict[str, Track] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)

    def _track(self, revision: str, ready: int, changes: dict[str, Any]) -> Self:
        known = {"revision": revision, "exists": True, "wanted": ready, "pods": ready, "ready": ready}
        built = Track(**{**known, "available": ready, **changes})
        return replace(self, tracks={**self.tracks, revision: built})

    def stable(self, *, ready: int = 3, **changes: Any) -> Self:
        """OLD has so many ready pods."""
        return self._track(OLD, ready, changes)

    def canary(self, *, ready: int = 1, **changes: Any) -> Self:
        """NEW has so many ready pods."""
        return self._track(NEW, ready, changes)

    def stranger(self, *, pods: int = 1) -> Self:
        """A third revision still has pods."""
        return self._track(NEWER, 0, {"pods": pods})

    def crashing(self, revision: str = NEW) -> Self:
        """A revision's pods exit at once."""
        return self.trouble(reasons.Reason.CRASH_LOOP, revision)

    def trouble(self, reason: reasons.Reason, revision: str = NEW) -> Self:
        """A revision's pods are in this trouble."""
        word = Diagnosis(reason=reason, message="it says why", pod="p-1", exit_code=1, restarts=2)
        return self._track(revision, 0, {"pods": 1, "wanted": 1, "trouble": word})

    def exits(self, at: datetime, *, code: int = 3, out_of_memory: bool = False) -> Self:
        """The canary's only pod ended once and is back."""
        ended = AbnormalExit(at=at, pod="p-1", code=code, restarts=1, out_of_memory=out_of_memory)
        return self._track(NEW, 1, {"exits": (ended,)})

    def evicted(self, at: datetime, *, ready: int = 0) -> Self:
        """A pod of the canary has gone for its own use of disk."""
        ended = AbnormalExit(at=at, pod="p-1", code=137, restarts=1, eviction="it used 2Gi; raise its limit")
        return self._track(NEW, ready, {"exits": (ended,)})

    def having(self, **parts: Any) -> Self:
        """Other parts of the situation: wish, counts, narrow, images, build."""
        return replace(self, parts={**self.parts, **parts})

    def sharing(self, weight: int) -> Self:
        """The router gives NEW this share of the users."""
        return self.having(shares={NEW: weight}, narrow=weight == 0)

    def built(self, revision: str = NEW) -> Self:
        """The build has made the image."""
        return self.having(build=BuildResult(image=image(revision)))

    def at(self, now: datetime = NOW, **changes: Any) -> Snapshot:
        """The situation at a time; `changes` are the wish's."""
        known = {
            "wish": wish(**changes),
            "counts": ReplicaPlan(at_step=(1, 3), full=3, too_few=(False, False)),
        }
        return Snapshot(**{**known, **self.parts, "now": now, "tracks": self.tracks})


def seen() -> Seen:
    """Nothing is seen yet."""
    return Seen()


def body(**spec: Any) -> Body:
    """A ModelDeployment as the API server gives it."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"namespace": "shop", "name": "churn", "uid": OWNER.uid, "generation": 1},
        "spec": {"model": {"image": DIGEST}, **spec},
    }


def desired(**spec: Any) -> model_deployment.ModelDeployment:
    """A parsed ModelDeployment."""
    return model_deployment.parse(body(**spec))


def world(**spec: Any) -> SimulatedCluster:
    """A cluster that has the object and nothing else."""
    return SimulatedCluster({(names.KIND, "churn"): body(**spec)})


Change = Callable[[Body], Body]
BuildPhase = phases.BuildPhase
