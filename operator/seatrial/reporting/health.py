"""The one word that a user reads first."""

from __future__ import annotations

from seatrial.api import reasons
from seatrial.children import Scene, split_in_force
from seatrial.core.transitions import Phase


def is_stalled(scene: Scene) -> bool:
    """What the spec asks for will not be served without a person."""
    rollout, apply_error = scene.state.rollout, scene.observed.apply_error
    rejected = rollout is not None and rollout.phase is Phase.REJECTED
    return rejected or (apply_error is not None and reasons.needs_new_spec(apply_error.reason))


def stable_is_sick(scene: Scene) -> bool:
    """Stable's pods are in trouble, or none of those it should have answers."""
    stable = scene.snapshot.stable(scene.state)
    if stable is None:
        return False
    return stable.trouble is not None or (stable.available == 0 and wanted_pods(scene) > 0)


def answering(scene: Scene) -> tuple[str, ...]:
    """The revisions that users are sent to and that have a pod for them."""
    split = split_in_force(scene)
    if split is None:
        return ()
    sent = (split.stable, split.canary) if split.weight else (split.stable,)
    return tuple(revision for revision in sent if scene.snapshot.track(revision).ready)


def wanted_pods(scene: Scene) -> int:
    """The pods that stable should have."""
    stable = scene.snapshot.stable(scene.state)
    scaling = scene.desired.spec.scaling
    if stable is None or not scaling.autoscaled:
        return scaling.floor
    return max(stable.wanted, scaling.floor)


def has_its_pods(scene: Scene) -> bool:
    """Every pod that stable should have is ready."""
    stable = scene.snapshot.stable(scene.state)
    return stable is not None and stable.exists and stable.ready >= wanted_pods(scene)
