"""How a ModelDeployment is doing: who serves, whether stable has its pods, and the phase that users read first."""

from __future__ import annotations

from seatrial.api import phases, reasons
from seatrial.core.decide import Decision
from seatrial.core.transitions import TABLE, Phase, at_rest

Display = phases.DisplayPhase


def display_phase(decision: Decision) -> Display:
    """Return `status.phase`: that users are hurt comes before what happens beside what serves."""
    rollout = decision.state.rollout
    if decision.state.stable is None:
        phase = Phase.REJECTED if is_stalled(decision) else None if rollout is None else rollout.phase
        return Display.PENDING if phase is None else TABLE[phase].display
    if is_impaired(decision):
        return Display.DEGRADED
    if is_stalled(decision):
        return TABLE[Phase.REJECTED].display_of_update
    if rollout is not None and not at_rest(rollout):
        return TABLE[rollout.phase].display_of_update
    return _display_at_rest(decision)


def _display_at_rest(decision: Decision) -> Display:
    if decision.snapshot.missing:  # no revision can be named, so none is tried
        return Display.PENDING
    if wanted_pods(decision) == 0:
        return Display.STOPPED
    return Display.HEALTHY if decision.split_is_applied else Display.PROMOTING


def is_impaired(decision: Decision) -> bool:
    """Return whether what serves does not serve as it should, so that users may be hurt.

    While another revision is rolled out only an outage counts: a replacement for pods that fail is then under way.
    """
    if decision.state.stable is None:
        return False
    outage = wanted_pods(decision) > 0 and not decision.stable_makes_room and not serving_revisions(decision)
    return outage or (at_rest(decision.state.rollout) and stable_is_unhealthy(decision))


def is_stalled(decision: Decision) -> bool:
    """Return whether what the spec asks for will not be served without a person."""
    rollout, snapshot = decision.state.rollout, decision.snapshot
    # while something that the spec refers to is missing, the rejection is one of an earlier spec
    rejected = rollout is not None and rollout.phase is Phase.REJECTED and not snapshot.missing
    return rejected or any(reasons.needs_new_spec(error.reason) for error in snapshot.apply_errors)


def is_settled(decision: Decision) -> bool:
    """Return whether nothing moves any more until the spec changes or a person acts, for better or for worse."""
    return is_ready(decision) or is_stalled(decision)


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
    if stable is not None and decision.foreign_autoscaler:
        return max(stable.wanted, 1)
    if stable is None or not scaling.autoscaled:
        return scaling.floor
    return max(stable.wanted, scaling.floor)


def stable_is_complete(decision: Decision) -> bool:
    """Return whether every pod that stable should have is ready."""
    stable = decision.stable_track
    return stable is not None and stable.exists and stable.ready >= wanted_pods(decision)
