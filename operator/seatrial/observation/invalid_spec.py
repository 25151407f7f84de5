"""What is planned with while a spec is refused: what runs stays as it stands, and stays under watch."""

from __future__ import annotations

from dataclasses import replace

from seatrial.api import model_deployment, reasons, scaling
from seatrial.core.state import Memory
from seatrial.observation import pod_diagnosis
from seatrial.observation.observed import Observed, Setback


def as_it_stands(
    desired: model_deployment.ModelDeployment, observed: Observed, memory: Memory
) -> tuple[model_deployment.ModelDeployment, Observed]:
    """A refused object asks for the pods that are there, and its refusal holds everything else up."""
    if not desired.refused:
        return desired, observed
    present = scaling.Scaling.model_construct(replicas=_pods(desired, observed, memory))
    spec = desired.spec.model_copy(update={"scaling": present})
    why = Setback(reason=reasons.Reason.INVALID_SPEC, message=f"the spec is refused: {desired.refused}")
    return replace(desired, spec=spec), replace(observed, setback=why)


def _pods(desired: model_deployment.ModelDeployment, observed: Observed, memory: Memory) -> int:
    """What its autoscaler made of stable, else what stable has been said to have.

    A stable that makes room has none, and needs them back when the rollout ends: as many as the spec says at least.
    """
    floor, said = desired.spec.scaling.floor, desired.status.stable
    if memory.stable is None:
        return floor
    followed = observed.autoscalers or said is None
    seen = pod_diagnosis.track(observed, memory.stable.revision).wanted if followed else 0
    return seen or (said.replicas if said is not None else 0) or floor
