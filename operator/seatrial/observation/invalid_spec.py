"""What is planned with while a spec is refused: what runs stays as it stands, and stays under watch."""

from __future__ import annotations

from dataclasses import replace

from seatrial.api import model_deployment, reasons, scaling
from seatrial.core.state import RolloutState
from seatrial.observation import pod_diagnosis
from seatrial.observation.observed import ApplyError, Observed


def hold_current(
    desired: model_deployment.ModelDeployment, observed: Observed, state: RolloutState
) -> tuple[model_deployment.ModelDeployment, Observed]:
    """A refused object asks for the pods that are there, and its refusal holds everything else up."""
    if not desired.refused:
        return desired, observed
    present = scaling.Scaling.model_construct(replicas=_pods(desired, observed, state))
    spec = desired.spec.model_copy(update={"scaling": present})
    why = ApplyError(reason=reasons.Reason.INVALID_SPEC, message=f"the spec is refused: {desired.refused}")
    return replace(desired, spec=spec), replace(observed, apply_error=why)


def _pods(desired: model_deployment.ModelDeployment, observed: Observed, state: RolloutState) -> int:
    """What its autoscaler made of stable, else what stable has been said to have.

    A stable that makes room has none, and needs them back when the rollout ends: as many as the spec says at least.
    """
    floor, said = desired.spec.scaling.floor, desired.status.stable
    if state.stable is None:
        return floor
    followed = observed.autoscalers or said is None
    seen = pod_diagnosis.track(observed, state.stable.revision).wanted if followed else 0
    return seen or (said.replicas if said is not None else 0) or floor
