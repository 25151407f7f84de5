"""The one word that a user reads first."""

from __future__ import annotations

from seatrial.api import phases
from seatrial.children import Scene, is_written, split_in_force
from seatrial.core.transitions import Phase
from seatrial.reporting.health import is_stalled, stable_is_sick

Display = phases.DisplayPhase


_MOVING = {
    Phase.BUILDING: (Display.BUILDING, Display.CANARY),
    Phase.STARTING: (Display.DEPLOYING, Display.CANARY),
    Phase.SHIFTING: (Display.CANARY, Display.CANARY),
    Phase.PAUSED: (Display.PAUSED, Display.PAUSED),
    Phase.PROMOTING: (Display.DEPLOYING, Display.PROMOTING),
    Phase.ROLLING_BACK: (Display.ROLLING_BACK, Display.ROLLING_BACK),
    Phase.REJECTED: (Display.FAILED, Display.DEGRADED),
}
"""Of each state of a rollout: without and with a stable revision."""


def display_phase(scene: Scene) -> phases.DisplayPhase:
    """The phase of `status.phase`."""
    state = scene.state
    rollout = state.rollout
    if is_stalled(scene):
        return _MOVING[Phase.REJECTED][state.stable is not None]
    if rollout is not None and rollout.phase in _MOVING:
        return _MOVING[rollout.phase][state.stable is not None]
    if state.stable is None:
        return Display.PENDING
    if scene.missing or stable_is_sick(scene):
        return Display.DEGRADED
    return Display.HEALTHY if is_written(scene) else _on_their_way(scene)


def _on_their_way(scene: Scene) -> phases.DisplayPhase:
    """Of a stable revision that users are not sent to yet: until then another serves them, or nobody does."""
    return Display.DEGRADED if split_in_force(scene) is None else Display.PROMOTING
