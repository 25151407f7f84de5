"""Decisions put together from a state and inputs, without deciding anything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from seatrial.api.scaling import Scaling
from seatrial.core.decide import Decision
from seatrial.core.inputs import Inputs
from seatrial.core.snapshot import ApplyError
from seatrial.core.state import RolloutState


def decided(
    state: RolloutState,
    inputs: Inputs,
    *,
    before: RolloutState | None = None,
    replicas: int = 3,
    apply_error: ApplyError | None = None,
    **decision: Any,
) -> Decision:
    """Return the decision whose outcome is `state`, for an object that asks for this many replicas.

    `before`: the state before the pass; the same unless given. `decision`: other fields of the decision.
    """
    workload = replace(inputs.target.workload, scaling=Scaling.model_validate({"replicas": replicas}))
    if inputs.target.workload.scaling.autoscaled:
        workload = inputs.target.workload
    known = replace(
        inputs,
        target=replace(inputs.target, workload=workload, generation=1),
        snapshot=replace(inputs.snapshot, apply_errors=() if apply_error is None else (apply_error,)),
    )
    return Decision(before=before or state, state=state, inputs=known, **decision)
