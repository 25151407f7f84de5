"""How a ModelDeployment is doing: who serves, whether stable has its pods, and the phase that users read first."""

from __future__ import annotations

from seatrial.api import phases, reasons
from seatrial.core.decide import Decision
from seatrial.core.transitions import TABLE, Phase, at_rest

Display = phases.DisplayPhase


def display_phase(decision: Decision) -> Display:
    """Return `status.phase`."""
    rollout, serves = decision.state.rollout, decision.state.stable is not None
    if is_stalled(decision):
        return _display(Phase.REJECTED, serves=serves)
    if rollout is not None and rollout.phase is not Phase.STABLE:
        return _display(rollout.phase, serves=serves)
    if not serves:
        return Display.PENDING
    if decision.snapshot.missing or stable_is_unhealthy(decision):
        return Display.DEGRADED
    if decision.split_is_applied:
        return Display.HEALTHY
    # until stable receives traffic another revision serves, or none does
    return Display.DEGRADED if decision.split_in_force is None else Display.PROMOTING


def _display(phase: Phase, *, serves: bool) -> Display:
    row = TABLE[phase]
    return row.display_of_update if serves else row.display


def is_stalled(decision: Decision) -> bool:
    """Return whether what the spec asks for will not be served without a person."""
    rollout = decision.state.rollout
    rejected = rollout is not None and rollout.phase is Phase.REJECTED
    return rejected or any(reasons.needs_new_spec(e.reason) for e in decision.snapshot.apply_errors)


def is_updated(decision: Decision) -> bool:
    """Return whether stable is the revision that the spec asks for."""
    stable = decision.state.stable
    return stable is not None and stable.revision == decision.target.revision and decision.target_is_named


def is_ready(decision: Decision) -> bool:
    """Return whether the spec's revision is stable, has its pods, and receives all traffic."""
    return (
        is_updated(decision)
        and at_rest(decision.state.rollout)
        and stable_is_complete(decision)
        and not stable_is_unhealthy(decision)
        and not is_stalled(decision)
        and decision.split_is_applied
    )


def stable_is_unhealthy(decision: Decision) -> bool:
    """Return whether stable's pods have a diagnosis, or none of those it should have is available."""
    stable = decision.stable_track
    if stable is None:
        return False
    return stable.diagnosis is not None or (stable.available == 0 and wanted_pods(decision) > 0)


def serving_revisions(decision: Decision) -> tuple[str, ...]:
    """Return the revisions that receive traffic and have a ready pod for it."""
    split = decision.split_in_force
    if split is None:
        return ()
    receiving = (split.stable, split.canary) if split.weight else (split.stable,)
    return tuple(revision for revision in receiving if decision.snapshot.track(revision).ready)


def wanted_pods(decision: Decision) -> int:
    """Return the pods that stable should have."""
    stable, scaling = decision.stable_track, decision.target.scaling
    if stable is None or not scaling.autoscaled:
        return scaling.floor
    return max(stable.wanted, scaling.floor)


def stable_is_complete(decision: Decision) -> bool:
    """Return whether every pod that stable should have is ready."""
    stable = decision.stable_track
    return stable is not None and stable.exists and stable.ready >= wanted_pods(decision)
